"""`python -m config_api`: the config API in the foreground, its settings from the environment."""

import signal
import sys

import uvicorn

from config_api.main import create_app
from shared.embedded_mongodb import EmbeddedMongodbError
from shared.logging import configure_logging
from shared.settings import Settings, SettingsError


def main() -> int:
    """Serve until a signal ends it; return the exit code."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logging(settings.log_level, settings.log_format)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.config_api_host,
            port=settings.config_api_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=round(settings.shutdown_grace_seconds),
        )
    )
    # uvicorn stops gracefully and then raises the signal again: that is the normal end here.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, _already_stopped)
    try:
        server.run()
    except EmbeddedMongodbError as error:
        sys.stderr.write(f"{error}\n")
    return 0 if server.started else 1


def _already_stopped(_number: int, _frame: object) -> None:
    """Let the process end with its own exit code."""


if __name__ == "__main__":
    sys.exit(main())
