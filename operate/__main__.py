"""`python -m operate up|down|status|prepare-ui`."""

import argparse
import sys

from operate.installation import Installation, StartError
from operate.web_ui import prepare_web_ui
from shared.embedded_mongodb import EmbeddedMongodbError
from shared.settings import Settings, SettingsError


def main(arguments: list[str]) -> int:
    """Do what the one argument says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m operate", description="Start and stop the services.")
    parser.add_argument("action", choices=("up", "down", "status", "prepare-ui"))
    action = parser.parse_args(arguments).action
    if action == "prepare-ui":
        return _prepare_ui()
    try:
        installation = Installation(Settings.from_environment(), say=print)
        return _perform(installation, action)
    except (SettingsError, StartError, EmbeddedMongodbError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _perform(installation: Installation, action: str) -> int:
    if action == "up":
        installation.start()
        return 0
    if action == "down":
        installation.stop()
        return 0
    return 0 if installation.describe() else 1


def _prepare_ui() -> int:
    obstacle = prepare_web_ui(print)
    if obstacle is not None:
        print(
            f"The web UI cannot be built or tested here: {obstacle} (make test runs the rest)",
            file=sys.stderr,
        )
    return 0 if obstacle is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
