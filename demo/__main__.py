"""`python -m demo`: exit code 0 when every row has arrived as it must, 1 when not, 130 after Ctrl-C."""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
    with (
        temporary_folder() as folder,
        contextlib.ExitStack() as servers,
        ThreadPoolExecutor(2) as background,
        Installation(folder, SETTINGS) as installation,
    ):
        # Two cores are there to be used: the services come up while the data is read, and the servers of
        # the second leg during the first.
        started = background.submit(installation.start)
        tables = load_tables()
        counts = ", ".join(f"{table.text.count(chr(10)) - 1:,} {name}" for name, table in tables.items())
        terminal.step("data", counts)
        files = fill_file(installation, tables)
        second = background.submit(prepare_servers, servers, tables)
        started.result()
        terminal.step("services", "config API, executor and MongoDB are up, in a folder of their own")
        carry_files(installation, terminal, files)
        carry_servers(installation, terminal, second.result())


def sqlite_file(installation: Installation, name: str) -> Database:
    return Database("sqlite", name, path=installation.sqlite_root / DEFAULT_TENANT / name)


def fill_file(installation: Installation, tables: dict[str, Table]) -> Database:
    (installation.sqlite_root / DEFAULT_TENANT).mkdir(parents=True, exist_ok=True)
    files = sqlite_file(installation, "flights.sqlite")
    source.load(files, tables)
    return files


def carry_files(installation: Installation, terminal: Terminal, files: Database) -> None:
    terminal.heading("SQLite to SQLite")
    terminal.step("loaded", "the source database holds all five tables")
    warehouse = sqlite_file(installation, "warehouse.sqlite")
    run_leg(installation.api, terminal, "flights in files", files, warehouse)


def carry_servers(
    installation: Installation, terminal: Terminal, pair: tuple[Database, Database] | None
) -> None:
    if pair is None:
        terminal.heading("PostgreSQL and MariaDB are not on this machine: no second leg")
        return
    names = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}
    terminal.heading(" to ".join(names[database.flavour] for database in pair))
    terminal.step("loaded", "servers are up in temporary folders, the source holds all five tables")
    run_leg(installation.api, terminal, "flights on servers", *pair)


def prepare_servers(
    servers: contextlib.ExitStack, tables: dict[str, Table]
) -> tuple[Database, Database] | None:
    """A filled source and an empty target, on the servers whose programs are here; None without any."""
    found = [kind for kind in (PostgresqlServer, MariadbServer) if kind.find_programs() is not None]
    if not found:
        return None
    running = [servers.enter_context(temporary_server(kind)) for kind in found]
    filled = running[0].access.create_database("flights")
    source.load(filled, tables)
    return filled, running[-1].access.create_database("warehouse")


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
