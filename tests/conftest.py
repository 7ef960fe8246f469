"""The servers and databases of the tests, and how to ask for them.

mongodb_url           a replica set, for the whole session
mongodb_database      a name of its own for each test, dropped afterwards
postgresql, mariadb   the session's servers (`ServerAccess`); mysql likewise, in tests marked `mysql`
postgresql_database, mariadb_database, mysql_database
                      a new database for each test (`Database`), dropped afterwards
sqlite_root           a new folder for each test, laid out as SQLITE_ROOT with the default tenant's folder
sqlite_database       a file in it
any_database          the test runs once per flavour, MySQL 9 marked `mysql`
database_pair         the test runs once per pair of source and target
"""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from _pytest.mark import ParameterSet
from pymongo import MongoClient

from local_servers import Database, LocalServerError, ServerAccess
from local_servers.access import Flavour
from tests.shared_servers import SOCKET_VARIABLE, ServerDesk, mongodb_server, sql_server

DatabaseFactory: TypeAlias = Callable[[Flavour], Database]

DEFAULT_TENANT = "default"
FLAVOURS: tuple[Flavour, ...] = ("postgresql", "mariadb", "sqlite")


def flavour_parameter(*flavours: Flavour) -> ParameterSet:
    """A parameter of flavours whose test needs MySQL 9 when one of them is it."""
    marks = [pytest.mark.mysql] if "mysql" in flavours else []
    value = flavours[0] if len(flavours) == 1 else flavours
    return pytest.param(value, marks=marks, id="-".join(flavours))


ALL_FLAVOURS = [flavour_parameter(flavour) for flavour in (*FLAVOURS, "mysql")]
ALL_PAIRS = [
    flavour_parameter(source, target) for source in (*FLAVOURS, "mysql") for target in (*FLAVOURS, "mysql")
]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        desk = ServerDesk()
        config.add_cleanup(desk.close)
        os.environ[SOCKET_VARIABLE] = desk.address


def server(flavour: Flavour) -> ServerAccess:
    """The session's server; a missing one fails in one line, MySQL 9 for the whole session at once."""
    try:
        return sql_server(flavour)
    except LocalServerError as error:
        if flavour == "mysql":
            pytest.exit(str(error), returncode=1)
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def mongodb_url() -> str:
    try:
        return mongodb_server()
    except LocalServerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def mongodb_database(mongodb_url: str) -> Iterator[str]:
    name = f"t_{secrets.token_hex(6)}"
    yield name
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongodb_url) as client:
        client.drop_database(name)


@pytest.fixture(scope="session")
def postgresql() -> ServerAccess:
    return server("postgresql")


@pytest.fixture(scope="session")
def mariadb() -> ServerAccess:
    return server("mariadb")


@pytest.fixture(scope="session")
def mysql() -> ServerAccess:
    return server("mysql")


@pytest.fixture
def sqlite_root(tmp_path: Path) -> Path:
    root = tmp_path / "sqlite"
    (root / DEFAULT_TENANT).mkdir(parents=True)
    return root


@pytest.fixture
def create_database(sqlite_root: Path) -> Iterator[DatabaseFactory]:
    """Make new databases of any flavour; all are dropped after the test."""
    made: list[tuple[ServerAccess, Database]] = []

    def create(flavour: Flavour) -> Database:
        name = f"t_{secrets.token_hex(6)}"
        if flavour == "sqlite":
            file = f"{name}.sqlite"
            return Database("sqlite", file, path=sqlite_root / DEFAULT_TENANT / file)
        access = server(flavour)
        database = access.create_database(name)
        made.append((access, database))
        return database

    yield create
    for access, database in made:
        access.drop_database(database)


@pytest.fixture
def postgresql_database(create_database: DatabaseFactory) -> Database:
    return create_database("postgresql")


@pytest.fixture
def mariadb_database(create_database: DatabaseFactory) -> Database:
    return create_database("mariadb")


@pytest.fixture
def mysql_database(create_database: DatabaseFactory) -> Database:
    return create_database("mysql")


@pytest.fixture
def sqlite_database(create_database: DatabaseFactory) -> Database:
    return create_database("sqlite")


@pytest.fixture(params=ALL_FLAVOURS)
def any_database(request: pytest.FixtureRequest, create_database: DatabaseFactory) -> Database:
    flavour: Flavour = request.param
    return create_database(flavour)


@pytest.fixture(params=ALL_PAIRS)
def database_pair(
    request: pytest.FixtureRequest, create_database: DatabaseFactory
) -> tuple[Database, Database]:
    """A source and a target."""
    source, target = request.param
    return create_database(source), create_database(target)
