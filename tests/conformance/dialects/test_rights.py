"""The rights that docs/databases.md gives, pasted as they stand: runs of every write mode succeed with them."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from executor.load.ledger import LedgerState, settle_lost_attempt
from executor.pipeline import execute_run
from local_servers import Database, ServerAccess
from shared.documents.mapping import WriteMode
from tests import factories
from tests.conftest import server
from tests.factories import field
from tests.recording_context import RecordingContext

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "databases.md").read_text("utf-8")
HEADINGS = {"postgresql": "## PostgreSQL", "mariadb": "## MySQL and MariaDB", "mysql": "## MySQL and MariaDB"}
COLUMNS = (field("id", "integer", nullable=False, primary_key=True), field("name"))


@dataclass(frozen=True)
class Granted:
    """Two databases, and for each the login that the page's SQL made; `orders` is a table that was there before."""

    source: Database
    target: Database


def statements(flavour: str) -> list[list[str]]:
    """The page's blocks for a source and for a target."""
    part = PAGE.split(HEADINGS[flavour])[1].split("\n## ")[0]
    blocks = re.findall(r"```sql\n(.*?)```", part, re.DOTALL)
    return [
        [one.strip() for one in re.sub(r"^--.*\n", "", block, flags=re.MULTILINE).split(";") if one.strip()]
        for block in blocks
    ]


@pytest.fixture(params=["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def granted(request: pytest.FixtureRequest) -> Iterator[Granted]:
    access: ServerAccess = server(request.param)
    mark, password = secrets.token_hex(4), secrets.token_hex(12)
    made = [access.create_database() for _ in range(2)]
    logins = [f"etl_reader_{mark}", f"etl_writer_{mark}"]
    made[0].execute(
        "CREATE TABLE items (id INTEGER, name VARCHAR(100))", "INSERT INTO items VALUES (1, 'a'), (2, 'b')"
    )
    text = "TEXT" if request.param == "postgresql" else "LONGTEXT"
    made[1].execute(f"CREATE TABLE orders (id BIGINT PRIMARY KEY, name {text})")
    names = {
        "etl_reader": logins[0],
        "etl_writer": logins[1],
        "shop": made[0].database,
        "warehouse": made[1].database,
    }
    for database, block in zip(made, statements(request.param), strict=True):
        for statement in block:
            for name, chosen in names.items():
                statement = re.sub(rf"\b{name}\b", chosen, statement)
            access.admin(database.database).execute(statement.replace("…", password))
    yield Granted(
        *(replace(one, username=login, password=password) for one, login in zip(made, logins, strict=True))
    )
    for database in made:
        access.drop_database(database)
    for login in logins:
        access.admin().execute(
            f"DROP ROLE {login}" if request.param == "postgresql" else f"DROP USER {login}"
        )


def run(granted: Granted, mode: WriteMode, table: str, fence: int) -> None:
    columns = COLUMNS if mode is WriteMode.UPSERT else (field("id", "integer"), field("name"))
    of = factories.mapping_version(
        "SELECT id, name FROM items", columns, table=table, write_mode=mode, take_over_table=table == "orders"
    )
    source, target = map(factories.connection_settings, (granted.source, granted.target))
    claimed = factories.run(of, fence=fence)
    context = RecordingContext(claimed, of, source, target)
    assert execute_run(context).progress.rows_written == 2
    assert settle_lost_attempt(target, claimed) is LedgerState.COMMITTED
    assert granted.target.rows(f"SELECT id, name FROM {table} ORDER BY id") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("mode", list(WriteMode))
def test_runs_succeed_with_the_rights_of_the_page(granted: Granted, mode: WriteMode) -> None:
    run(granted, mode, "made_by_us", 1)
    run(granted, mode, "orders", 2)


def test_the_reader_may_only_read(granted: Granted) -> None:
    for statement in ("DELETE FROM items", "CREATE TABLE mine (id INTEGER)", "DROP TABLE items"):
        with pytest.raises(Exception, match=r"(?i)denied|must be owner"):
            granted.source.execute(statement)
    assert len(granted.source.rows("SELECT id FROM items")) == 2
