"""What the browser tests run against: a config API that serves the built UI, an executor, and sample data.

`python e2e/server.py PORT` serves until it is told to end; `... PORT login` asks for a login, that of the
administrator whose password stands in UI_E2E_PASSWORD. Only real programs, as in production, on free ports but one.
"""

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

from cryptography.fernet import Fernet

UI = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(UI.parent))

from local_servers.installation import Installation, Service  # noqa: E402  # the path is set just above
from shared.documents.base import DEFAULT_TENANT  # noqa: E402  # the path is set just above

SETTINGS = {"POLL_SECONDS": "0.5", "UI_DIR": str(UI / "dist")}
ADMIN = "admin@example.org"
PEOPLE = (
    (1, "Ada Lovelace", "London|GB|W1", "ada", "example.org", "1815-12-10", "12.50"),
    (2, "Grace Hopper", "New York|US|10001", "grace", "example.org", "1906-12-09", "100.00"),
    (3, "Linus Torvalds", "Portland|US", "linus", "example.com", "1969-12-28", "0.99"),
    (4, "Margaret Hamilton", "Boston|US|02108", None, "example.com", "1936-08-17", "7"),
    (5, "", None, "nobody", None, "1970-01-01", "3.14"),
)
# One amount has more digits than a target of two takes: it is rejected until the mapping may round.
WIDE_COLUMNS, WIDE_ROWS = 200, 1_000
ORDERS = ((1, "12.50"), (2, "99"), (3, "19.995"), (4, "7.25"))


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    has_login = sys.argv[2:] == ["login"]
    settings = SETTINGS | login_settings() if has_login else SETTINGS
    with (
        tempfile.TemporaryDirectory(prefix="ui-e2e-") as folder,
        Installation(Path(folder), settings, api_port=int(sys.argv[1])) as here,
    ):
        make_source(here.sqlite_root / DEFAULT_TENANT)
        api = here.start_api()
        if has_login:
            make_admin(api)
        here.start_executor()
        ended.wait()
    return 0


def login_settings() -> dict[str, str]:
    """Return what an installation with a login needs, with keys of its own."""
    return {
        "APP_ENV": "staging",
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEY": Fernet.generate_key().decode(),
    }


def make_admin(api: Service) -> None:
    """Make the administrator as an operator does, with the command."""
    command = [sys.executable, "-m", "config_api", "create-admin", ADMIN]
    password = os.environ["UI_E2E_PASSWORD"] + "\n"
    subprocess.run(  # noqa: S603  # a fixed command
        command, input=password, text=True, check=True, env=api.program.environment, cwd=api.program.folder
    )


def make_source(folder: Path) -> None:
    """Write the sample database where SQLite connections look for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "shop.sqlite3") as database:
        database.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, full_name TEXT, place TEXT, mailbox TEXT, "
            "mail_host TEXT, born TEXT, credit TEXT)"
        )
        database.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?)", PEOPLE)
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?)", ORDERS)
        names = [f"field_{number:03}" for number in range(WIDE_COLUMNS)]
        database.execute(f"CREATE TABLE wide ({', '.join(f'{name} TEXT' for name in names)})")
        marks = ", ".join("?" for _ in names)
        database.executemany(
            f"INSERT INTO wide VALUES ({marks})",  # noqa: S608  # question marks only
            ([f"{name[6:]}, row {row}" for name in names] for row in range(WIDE_ROWS)),
        )
    database.close()


if __name__ == "__main__":
    sys.exit(main())
