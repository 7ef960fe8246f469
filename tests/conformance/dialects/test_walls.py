"""The walls behind the query gate: what the gate refuses, given straight to a source session, changes nothing."""

import contextlib
from typing import Any

import pytest

from local_servers import Database
from shared.dialects.base import Purpose
from shared.errors import EngineError
from tests.conformance.dialects.conftest import Connect
from tests.unit.shared.query_gate.corpus import REFUSED

# Given raw, these do nothing but take time or end sessions of the test's own user.
_NO_USE = ("SLEEP", "BENCHMARK", "KILL", "GET_LOCK", "\ud800", "x" * 1000)


def statements(db_type: str) -> list[str]:
    return [
        query
        for cases in REFUSED.values()
        for database, query in cases
        if database == db_type
        and query.strip()
        and not any(text in query.upper() + query for text in _NO_USE)
    ]


def fill(database: Database) -> None:
    database.execute(
        "CREATE TABLE t (id INT, a INT)",
        "INSERT INTO t VALUES (1, 10), (2, 20)",
        "CREATE TABLE u (id INT, b INT)",
    )


def state(database: Database, cursor: Any) -> list[object]:
    tables = {
        "postgresql": "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
        "sqlite": "SELECT name FROM sqlite_master ORDER BY 1",
    }
    found: list[object] = []
    for query in (tables[database.db_type], "SELECT * FROM t ORDER BY id"):
        cursor.execute(query)
        found += cursor.fetchall()
    return found


def test_a_source_session_alone_keeps_the_source_as_it_was(any_database: Database, connect: Connect) -> None:
    fill(any_database)
    if any_database.flavour == "postgresql":
        any_database.execute("CREATE SEQUENCE s")
    with any_database.cursor() as cursor:
        before = state(any_database, cursor)
        for query in statements(any_database.db_type):
            session = connect(any_database, Purpose.PREVIEW)
            with contextlib.suppress(EngineError, ValueError):
                session.execute(query)
            session.close()
            assert state(any_database, cursor) == before, query


@pytest.mark.parametrize(
    "query",
    ["SELECT nextval('s')", "SELECT setval('s', 5)", "SELECT lo_from_bytea(0, 'x')", "SELECT lo_create(0)"],
)
def test_postgresql_sequences_and_large_objects_stay(
    query: str, postgresql_database: Database, connect: Connect
) -> None:
    """Of these the read-only transaction refuses the sequences; large objects are undone with it at the latest."""
    postgresql_database.execute("CREATE SEQUENCE s")
    session = connect(postgresql_database, Purpose.PREVIEW)
    with contextlib.suppress(EngineError):
        session.execute(query)
    session.close()
    assert postgresql_database.rows("SELECT last_value, is_called FROM s") == [(1, False)]
    assert postgresql_database.rows("SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]
