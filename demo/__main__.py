"""`python -m demo`: exit code 0 when every row has arrived as it must, 1 when not, 130 after Ctrl-C."""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2

from demo import source
from demo.dataset import Table, load_tables
from demo.errors import DemoFailed
from demo.leg import run_leg
from demo.terminal import Terminal
from local_servers import Database, LocalServerError, MariadbServer, PostgresqlServer, temporary_server
from local_servers.api_client import UnexpectedAnswer
from local_servers.installation import Installation
from local_servers.machine import new_folder
from shared.documents.base import DEFAULT_TENANT

SETTINGS = {"POLL_SECONDS": "0.5"}
FAILURES = (DemoFailed, LocalServerError, UnexpectedAnswer, TimeoutError, httpx2.HTTPError)


def main() -> int:
    terminal = Terminal()
    began = time.monotonic()
    try:
        run_demo(terminal)
    except KeyboardInterrupt:
        terminal.line("stopped; nothing is left running")
        return 130
    except FAILURES as error:
        terminal.line()
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    terminal.heading(f"Every row arrived. {time.monotonic() - began:.0f} s; nothing is left running.")
    terminal.line("make up    starts the engine to stay; then http://127.0.0.1:8000/docs explains its API")
    return 0


def run_demo(terminal: Terminal) -> None:
    terminal.heading("Flights from New York, 2013")
    tables = load_tables()
    counts = ", ".join(f"{table.text.count(chr(10)) - 1:,} {name}" for name, table in tables.items())
    terminal.step("data", counts)
    with temporary_folder() as folder, Installation(folder, SETTINGS) as installation:
        installation.start()
        terminal.step("services", "config API, executor and MongoDB are up, in a folder of their own")
        terminal.heading("SQLite to SQLite")
        files = make_files(installation.sqlite_root / DEFAULT_TENANT)
        carry(installation, terminal, tables, "sqlite", files)
        with contextlib.ExitStack() as servers:
            pair = server_pair(servers, terminal)
            if pair is not None:
                carry(installation, terminal, tables, "servers", pair)


def carry(
    installation: Installation,
    terminal: Terminal,
    tables: dict[str, Table],
    name: str,
    pair: tuple[Database, Database],
) -> None:
    source.load(pair[0], tables)
    terminal.step("loaded", "the source database holds all five tables")
    run_leg(installation.api, terminal, f"flights {name}", *pair)


def make_files(folder: Path) -> tuple[Database, Database]:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("flights.sqlite", "warehouse.sqlite")
    first, second = (Database("sqlite", name, path=folder / name) for name in names)
    return first, second


def server_pair(servers: contextlib.ExitStack, terminal: Terminal) -> tuple[Database, Database] | None:
    """A source and a target on the servers that this machine has programs of; None without any."""
    found = [kind for kind in (PostgresqlServer, MariadbServer) if kind.find_programs() is not None]
    if not found:
        terminal.heading("PostgreSQL and MariaDB are not on this machine: no second leg")
        return None
    names = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}
    terminal.heading(f"{names[found[0].flavour]} to {names[found[-1].flavour]}")
    running = [servers.enter_context(temporary_server(kind)) for kind in found]
    terminal.step("servers", "started in temporary folders, on free ports")
    return running[0].access.create_database("flights"), running[-1].access.create_database("warehouse")


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = new_folder("demo-")
    folder.chmod(0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
