"""Filled sources, made once for a module: runs only read them."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from local_servers import Database, ServerAccess
from local_servers.access import Flavour
from tests import conftest
from tests.conformance.values.families import FAMILIES, Family
from tests.conformance.values.gears import Gears
from tests.conformance.values.source_tables import Placed, fill


@dataclass(frozen=True)
class Source:
    database: Database
    rows: list[Placed]

    def families(self) -> list[Family]:
        return [one for one in FAMILIES if self.database.flavour in one.types]


OpenDatabase: TypeAlias = Callable[[Flavour], Database]
FindSource: TypeAlias = Callable[[Flavour], Source]


@pytest.fixture(scope="module")
def lasting_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenDatabase]:
    """Make new databases that stay until the module's tests have run."""
    made: list[tuple[ServerAccess, Database]] = []

    def create(flavour: Flavour) -> Database:
        if flavour == "sqlite":
            path = tmp_path_factory.mktemp("values") / "source.sqlite"
            return Database("sqlite", path.name, path=path)
        access = conftest.server(flavour)
        database = access.create_database(f"t_{secrets.token_hex(6)}")
        made.append((access, database))
        return database

    yield create
    for access, database in made:
        access.drop_database(database)


@pytest.fixture(scope="module")
def source_of(lasting_database: OpenDatabase) -> FindSource:
    """The source of a flavour with the whole type matrix in it."""
    made: dict[Flavour, Source] = {}

    def find(flavour: Flavour) -> Source:
        if flavour not in made:
            database = lasting_database(flavour)
            made[flavour] = Source(database, fill(database, FAMILIES))
        return made[flavour]

    return find


@pytest.fixture
def gears(monkeypatch: pytest.MonkeyPatch) -> Gears:
    return Gears(monkeypatch)
