"""Tables that are read outside of the snapshot, and the planner's guess at the number of rows."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from executor.pipeline import execute_run
from local_servers import Database, ServerAccess
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.documents.mapping import WriteMode
from shared.estimates import estimate_rows
from shared.plan import make_plan
from shared.snapshots import tables_without_snapshot
from tests import factories
from tests.conftest import DatabaseFactory
from tests.factories import field
from tests.recording_context import RecordingContext

MYSQL_FAMILY = ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)]
MYSQL_TABLES = (
    "CREATE TABLE old (id INT) ENGINE = MyISAM",
    "CREATE TABLE sound (id INT) ENGINE = InnoDB",
    "CREATE TABLE `O``dd` (id INT) ENGINE = MEMORY",
    "CREATE VIEW over_both AS SELECT old.id FROM old JOIN sound ON old.id = sound.id",
    "CREATE VIEW over_view AS SELECT * FROM over_both",
    "CREATE VIEW over_sound AS SELECT * FROM sound",
    "INSERT INTO old VALUES (1), (2), (3)",
)


@pytest.fixture(params=MYSQL_FAMILY)
def mysql_like(request: pytest.FixtureRequest, create_database: DatabaseFactory) -> Database:
    database: Database = create_database(request.param)
    for statement in MYSQL_TABLES:
        database.execute(statement)
    return database


@pytest.fixture
def session(mysql_like: Database) -> Iterator[Session]:
    settings = factories.connection_settings(mysql_like)
    with closing(dialect_for("mysql").connect(settings, Purpose.PREVIEW, SessionLimits())) as made:
        yield made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT * FROM sound", []),
        ("SELECT * FROM over_sound", []),
        ("SELECT 1", []),
        ("SELECT * FROM old", ["old (MyISAM)"]),
        ("SELECT * FROM sound WHERE id IN (SELECT id FROM old)", ["old (MyISAM)"]),
        ("SELECT * FROM sound UNION ALL SELECT * FROM `O``dd`", ["O`dd (MEMORY)"]),
        ("WITH x AS (SELECT * FROM old) SELECT * FROM x", ["old (MyISAM)"]),
        ("SELECT * FROM over_view", ["old (MyISAM)"]),
        ("SELECT a.id, '%' AS p FROM old AS a, `O``dd` AS b", ["O`dd (MEMORY)", "old (MyISAM)"]),
    ],
)
def test_tables_of_engines_without_transactions_are_found(
    session: Session, mysql_like: Database, query: str, found: list[str]
) -> None:
    assert tables_without_snapshot(session, query) == [f"{mysql_like.database}.{name}" for name in found]


def test_a_table_of_another_database_is_found(session: Session, mysql_like: Database) -> None:
    query = f"SELECT * FROM {mysql_like.database}.old"
    assert tables_without_snapshot(session, query) == [f"{mysql_like.database}.old (MyISAM)"]


def test_plan_and_run_warn(mysql_like: Database, create_database: DatabaseFactory) -> None:
    source = factories.connection_settings(mysql_like)
    target = factories.connection_settings(create_database("sqlite"))
    for query, warned in (("SELECT id FROM old", True), ("SELECT id FROM sound", False)):
        of = factories.mapping_version(query, [field("id", "integer")], write_mode=WriteMode.APPEND)
        codes = [warning.code for warning in make_plan(of, source, target).warnings]
        assert codes == (["source_not_snapshotted"] if warned else [])
        context = RecordingContext(factories.run(of), of, source, target)
        execute_run(context)
        said = [text for level, text in context.lines if level == "warning"]
        assert [text.startswith("source_not_snapshotted: ") for text in said] == ([True] if warned else [])


def test_a_foreign_table_of_postgresql_is_found(
    postgresql: ServerAccess, postgresql_database: Database
) -> None:
    postgresql.admin(postgresql_database.database).execute(
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE FOREIGN TABLE far (id int) SERVER elsewhere",
        "CREATE TABLE near (id int)",
        "CREATE VIEW over_far AS SELECT far.id FROM far, near",
        "CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'nobody', password 'none')",
        "GRANT ALL ON far, near, over_far TO PUBLIC",
    )
    settings = factories.connection_settings(postgresql_database)
    with closing(dialect_for("postgresql").connect(settings, Purpose.PREVIEW, SessionLimits())) as session:
        assert tables_without_snapshot(session, "SELECT * FROM near") == []
        assert tables_without_snapshot(session, "SELECT count(*) FROM far") == ["foreign tables"]
        for query in (
            "SELECT * FROM far",
            "SELECT * FROM over_far",
            "TABLE near UNION SELECT id FROM far AS f",
        ):
            assert tables_without_snapshot(session, query) == ["far (foreign table)"], query


ESTIMATES = [
    ("SELECT id FROM numbers", 1000),
    ("SELECT id FROM numbers UNION ALL SELECT id FROM numbers", 2000),
    ("SELECT a.id FROM numbers AS a CROSS JOIN numbers AS b", 1_000_000),
    ("SELECT 1 AS id", 1),
]


@pytest.mark.parametrize(("query", "rows"), ESTIMATES)
@pytest.mark.parametrize("flavour", ["postgresql", *MYSQL_FAMILY])
def test_the_planner_guesses_the_number_of_rows(
    create_database: DatabaseFactory, flavour: str, query: str, rows: int
) -> None:
    database = create_database(flavour)  # type: ignore[arg-type]  # one of the flavours
    for statement in (
        "CREATE TABLE numbers (id INTEGER PRIMARY KEY)",
        f"INSERT INTO numbers VALUES {', '.join(f'({number})' for number in range(1000))}",
        "ANALYZE numbers" if flavour == "postgresql" else "ANALYZE TABLE numbers",
    ):
        database.execute(statement)
    settings = factories.connection_settings(database)
    with closing(
        dialect_for(settings.db_type).connect(settings, Purpose.PREVIEW, SessionLimits())
    ) as session:
        guess = estimate_rows(session, query)
    assert guess is not None or query == "SELECT 1 AS id"
    assert guess is None or rows * 0.9 <= guess <= rows * 1.1


def test_sqlite_guesses_nothing(sqlite_database: Database) -> None:
    sqlite_database.execute("CREATE TABLE numbers (id INTEGER)")
    settings = factories.connection_settings(sqlite_database)
    with closing(dialect_for("sqlite").connect(settings, Purpose.PREVIEW, SessionLimits())) as session:
        assert estimate_rows(session, "SELECT id FROM numbers") is None
        assert tables_without_snapshot(session, "SELECT id FROM numbers") == []
