"""Write the config API's OpenAPI document to the file named, or with --check compare it."""

import json
import sys
from pathlib import Path

from config_api.main import create_app
from shared.settings import Settings


def main() -> int:
    """Return 0 when the file agrees, or was written."""
    document = json.dumps(create_app(Settings()).openapi(), indent=1, ensure_ascii=False) + "\n"
    path = Path(sys.argv[1])
    if "--check" in sys.argv:
        return 0 if path.read_text("utf-8") == document else 1
    path.write_text(document, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
