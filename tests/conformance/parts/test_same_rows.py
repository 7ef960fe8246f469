"""Which queries every session on one snapshot answers alike; of the others one session has to do the whole."""

from collections.abc import Iterator

import pytest

from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.same_rows import why_rows_may_differ
from tests import conftest, factories

SAFE = [
    "SELECT id FROM t",
    "SELECT id + 1 AS id, upper(body) AS body, to_char(at, 'YYYY') AS year FROM t WHERE id % 2 = 0 ORDER BY body",
    "SELECT t.id, u.body FROM t LEFT JOIN t AS u ON u.id = t.id + 1",
    "SELECT id FROM t UNION ALL SELECT id FROM t",
    "SELECT id FROM t WHERE id IN (SELECT id FROM t) AND EXISTS (SELECT 1 FROM t AS u WHERE u.id = t.id)",
    "WITH few AS MATERIALIZED (SELECT id FROM t) SELECT a.id FROM few AS a JOIN few AS b USING (id)",
    "SELECT generate_series(1, id) AS id FROM t",
    "SELECT id, twice(id) AS n FROM t",
    "SELECT id FROM parted",
    "SELECT DISTINCT body, id FROM t AS hashed",
    "SELECT id FROM t WHERE body = 'knowing'",
]
UNSAFE = [
    ("SELECT id FROM t LIMIT 10", "LIMIT"),
    ("SELECT id FROM t WHERE id = (SELECT id FROM t LIMIT 1)", "LIMIT"),
    ("SELECT id FROM t FETCH FIRST ROW ONLY", "LIMIT"),
    ("SELECT DISTINCT ON (body) id FROM t ORDER BY body", "DISTINCT ON"),
    ("SELECT id FROM t GROUP BY id HAVING count(*) > 1", "grouped"),
    ("SELECT count(*) AS id FROM t", "grouped"),
    ("SELECT id FROM t GROUP BY id HAVING sum(id::float8) > 3", "grouped"),
    ("SELECT row_number() OVER () AS id FROM t", "window functions"),
    ("SELECT id FROM t TABLESAMPLE BERNOULLI (50)", "sample"),
    ("SELECT id FROM elsewhere", "another server"),
    ("SELECT id FROM t WHERE random() < 0.5", "random()"),
    ("SELECT id FROM by_chance", "random()"),
    ("SELECT id, gen_random_uuid() AS u FROM t", "gen_random_uuid()"),
    ("SELECT id FROM t WHERE at < now()", "now()"),
    ("SELECT id FROM t WHERE at < pg_catalog.now()", "now()"),
    ("SELECT id FROM t WHERE at < CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
    ("SELECT id FROM t WHERE at::date = current_date", "CURRENT_DATE"),
    ("SELECT id FROM recent", "CURRENT_DATE"),
    ("SELECT id, LOCALTIME AS l FROM t", "LOCALTIME"),
    ("SELECT id FROM t WHERE age(at) > '1 day'", "CURRENT_DATE"),
    ("SELECT id FROM t WHERE at > 'today'", "'today'"),
    ("SELECT id FROM t WHERE at > timestamptz '12:00 Tomorrow'", "'Tomorrow'"),
    ("SELECT id FROM t WHERE at > $a$now$a$::timestamptz", "'now'"),
    ("SELECT id, pg_backend_pid() AS pid FROM t", "pg_backend_pid()"),
    ("SELECT id, clock() AS c FROM t", "clock()"),
    ('SELECT id, "An Odd Name"(id) AS c FROM t', "An Odd Name()"),
    ("SELECT inner_clock() AS at, id FROM t", "now()"),
    ("SELECT id, (SELECT u.body FROM t AS u WHERE u.id = t.id) AS b FROM t", "sub-select"),
    ("SELECT id FROM t WHERE id NOT IN (SELECT id FROM t AS u)", "sub-select"),
    ("VALUES (1), (2)", "'Values Scan'"),
    ("WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM r WHERE id < 5) SELECT id FROM r", "'Recursive"),
]  # fmt: skip


@pytest.fixture(scope="module")
def reader() -> Iterator[Session]:
    access = conftest.server("postgresql")
    database = access.create_database()
    access.admin(database.database).execute(
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw",
        f"CREATE USER MAPPING FOR {access.username} SERVER other",
        f"GRANT USAGE ON FOREIGN SERVER other TO {access.username}",
    )
    database.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, body text, at timestamptz)",
        "INSERT INTO t SELECT g, 'b' || g, '2024-01-01' FROM generate_series(1, 100) g",
        "CREATE TABLE parted (id integer) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE high PARTITION OF parted FOR VALUES FROM (10) TO (20)",
        "CREATE FOREIGN TABLE elsewhere (id integer) SERVER other",
        "CREATE VIEW by_chance AS SELECT id FROM t WHERE id > random()",
        "CREATE VIEW recent AS SELECT id FROM t WHERE at >= current_date",
        "CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n * 2; END'",
        "CREATE FUNCTION clock() RETURNS timestamptz LANGUAGE plpgsql STABLE AS 'BEGIN RETURN now(); END'",
        "CREATE FUNCTION \"An Odd Name\"(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN n; END'",
        "CREATE FUNCTION inner_clock() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()'",
        "ANALYZE",
    )
    settings = factories.connection_settings(database)
    session = dialect_for("postgresql").connect(settings, Purpose.PREVIEW, SessionLimits())
    yield session
    session.close()
    access.drop_database(database)


@pytest.mark.parametrize("query", SAFE)
def test_what_the_snapshot_alone_decides_is_the_same_for_every_session(query: str, reader: Session) -> None:
    assert why_rows_may_differ(reader, query) is None


@pytest.mark.parametrize(("query", "reason"), UNSAFE)
def test_what_something_else_decides_is_named(query: str, reason: str, reader: Session) -> None:
    said = why_rows_may_differ(reader, query)
    assert said is not None
    assert reason in said
