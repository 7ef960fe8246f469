"""Read-only walls, snapshots, cancelling, ending, transactions, memory."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local_servers import Database
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session
from shared.errors import (
    AccessDenied,
    EngineError,
    InvalidQuery,
    LockTimeout,
    RunCancelled,
    TransientError,
)
from shared.secret import Secret
from tests.chaos.waiting import until
from tests.conformance.dialects.conftest import LIMITS, OpenSession
from tests.conformance.dialects.steps import create, load_committed, read, table
from tests.factories import connection_settings, field

ENDLESS = {
    "postgresql": (
        "SELECT a AS n FROM generate_series(1, 1000) a, generate_series(1, 1000) b, generate_series(1, 1000000) c"
    ),
    "mariadb": "SELECT a.seq AS n FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
    # A join of more tables would first be built whole, in memory and on disk.
    "mysql": "SELECT a.n, repeat('x', 1000) AS s FROM many a, many b",
    "sqlite": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
}

# A SQLite file has no port, and its sessions end with their process.
SERVERS = pytest.mark.parametrize(
    "any_database", ["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)], indirect=True
)


@pytest.fixture
def endless(any_database: Database) -> str:
    """A query whose rows come at once and do not end while a test lasts."""
    if any_database.flavour == "mysql":
        any_database.execute(
            "CREATE TABLE many AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000)"
            " SELECT n FROM r"
        )
    if any_database.path is not None:
        any_database.execute("CREATE TABLE t (a)")
    return ENDLESS[any_database.flavour]


@pytest.fixture
def filled(target: Session) -> Session:
    """A target session in whose database a table `t` has two rows."""
    fields = [field("a", "integer")]
    load_committed(target, create(target, "t", fields, ["a"]), fields, [(b"1",), (b"2",)])
    return target


@pytest.mark.parametrize("purpose", [Purpose.SOURCE, Purpose.PREVIEW])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (3)",
        "UPDATE t SET a = 9",
        "DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE u (a INT)",
        "ALTER TABLE t ADD COLUMN b INT",
    ],
)
def test_a_source_session_writes_nothing_even_without_the_gate(
    purpose: Purpose, statement: str, filled: Session, any_database: Database, open_session: OpenSession
) -> None:
    reader = open_session(purpose)
    with pytest.raises(EngineError):
        reader.execute(statement)
    reader.close()
    assert any_database.rows("SELECT a FROM t ORDER BY a") == [(1,), (2,)]
    assert filled.dialect.find_table(filled, create(filled, "u", [field("a")])) is not None


def test_a_source_reads_one_snapshot(filled: Session, open_session: OpenSession) -> None:
    reader = open_session(Purpose.SOURCE)
    filled.execute("DELETE FROM t WHERE a = 1")
    _, rows = read(reader, "SELECT count(*) AS n FROM t")
    assert rows[0][0] in (b"2", b"i2")


def test_cancel_ends_the_reading_in_mid_stream(endless: str, open_session: OpenSession) -> None:
    reader = open_session(Purpose.SOURCE)
    columns = reader.dialect.describe(reader, endless)
    first_block = threading.Event()

    def cancel() -> None:
        first_block.wait(30)
        reader.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(TransientError) as ended:
        reader.dialect.read_blocks(
            reader, reader.dialect.wire_select(endless, columns), lambda _block: first_block.set()
        )
    canceller.join()
    assert ended.value.code == "statement_cancelled"


def test_an_exception_of_the_writer_ends_the_reading(endless: str, open_session: OpenSession) -> None:
    reader = open_session(Purpose.SOURCE)
    columns = reader.dialect.describe(reader, endless)

    def refuse(_block: bytes) -> None:
        raise RunCancelled("enough")

    with pytest.raises(RunCancelled):
        reader.dialect.read_blocks(reader, reader.dialect.wire_select(endless, columns), refuse)
    reader.close()


def test_preview_takes_the_first_rows_of_an_endless_result(endless: str, open_session: OpenSession) -> None:
    reader = open_session(Purpose.PREVIEW)
    columns = reader.dialect.describe(reader, endless)
    assert len(reader.dialect.fetch_rows(reader, reader.dialect.wire_select(endless, columns), 3)) == 3


LARGE = {
    "postgresql": "SELECT g AS n, repeat('x', 1000000) AS s FROM generate_series(1, 1000) AS g",
    "mariadb": "SELECT seq AS n, repeat('x', 1000000) AS s FROM seq_1_to_1000",
    "mysql": "SELECT n, repeat('x', 1000000) AS s FROM many",
    "sqlite": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000)"
    " SELECT n, printf('%.*c', 1000000, 'x') AS s FROM r",
}


def test_a_preview_of_large_rows_ends_with_its_bytes(
    endless: str, any_database: Database, open_session: OpenSession
) -> None:
    assert endless
    reader = open_session(Purpose.PREVIEW)
    columns = reader.dialect.describe(reader, LARGE[any_database.flavour])
    sql = reader.dialect.wire_select(LARGE[any_database.flavour], columns)
    assert len(reader.dialect.fetch_rows(reader, sql, 1000, max_bytes=3_500_000)) == 5
    reader.close()


@SERVERS
def test_an_ended_session_is_gone_and_ending_it_again_is_nothing(
    any_database: Database, open_session: OpenSession
) -> None:
    victim = open_session(Purpose.TARGET)
    victim.begin()
    settings = connection_settings(any_database)
    dialect = dialect_for(settings.db_type)
    dialect.end_session(settings, victim.session_id)
    with pytest.raises(TransientError):
        victim.execute("SELECT 1")
    dialect.end_session(settings, victim.session_id)


@pytest.mark.parametrize(
    "any_database", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)], indirect=True
)
def test_a_session_is_ended_while_another_one_says_what_the_list_of_sessions_cannot_hold(
    any_database: Database, open_session: OpenSession
) -> None:
    """MySQL's list of sessions fails where a statement that runs has a character outside the basic plane."""
    settings = connection_settings(any_database)
    victim, speaker = open_session(Purpose.TARGET), open_session(Purpose.TARGET)
    said = f"said in {any_database.database}"

    def speak() -> None:
        with contextlib.suppress(EngineError):  # it is ended at the end
            speaker.execute(f"SELECT '\N{SLIGHTLY SMILING FACE}', GET_LOCK('{said}', 0), SLEEP(60)")

    speaking = threading.Thread(target=speak)
    speaking.start()
    until(lambda: any_database.rows(f"SELECT IS_USED_LOCK('{said}')") != [(None,)], "statement that runs")
    victim.dialect.end_session(settings, victim.session_id)
    with pytest.raises(TransientError):
        victim.execute("SELECT 1")
    speaker.dialect.end_session(settings, speaker.session_id)
    speaking.join()


@pytest.mark.parametrize(
    "any_database", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)], indirect=True
)
def test_what_a_session_had_written_is_rolled_back_once_it_is_ended(
    any_database: Database, open_session: OpenSession
) -> None:
    """MySQL forgets a session before it has undone what that wrote: who comes next waits for its locks."""
    any_database.execute("CREATE TABLE digits (a INT)", "CREATE TABLE written (a INT)")
    any_database.execute("INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
    victim = open_session(Purpose.TARGET)
    victim.begin()
    victim.execute("INSERT INTO written SELECT a.a FROM digits a, digits b, digits c, digits d, digits e")
    victim.dialect.end_session(connection_settings(any_database), victim.session_id)
    wait = "" if any_database.flavour == "mysql" else "NOWAIT"
    assert any_database.rows(f"SELECT a FROM written FOR UPDATE {wait}") == []


def test_commit_keeps_and_rollback_undoes(filled: Session, any_database: Database) -> None:
    filled.begin()
    filled.execute("DELETE FROM t WHERE a = 1")
    filled.rollback()
    filled.begin()
    filled.execute("DELETE FROM t WHERE a = 2")
    filled.commit()
    assert any_database.rows("SELECT a FROM t") == [(1,)]


def test_publication_is_locked_for_others(filled: Session, open_session: OpenSession) -> None:
    other = open_session(Purpose.TARGET)
    filled.begin()
    filled.dialect.lock_publication(filled, table(filled, "t"), 1)
    if filled.dialect.name == "sqlite":
        with pytest.raises(LockTimeout):
            other.begin()
        return
    other.begin()
    with pytest.raises(LockTimeout):
        other.dialect.lock_publication(other, table(other, "t"), 0.2)
    assert other.fetch("SELECT 1") == [(1,)]
    filled.commit()
    filled.close()
    other.dialect.lock_publication(other, table(other, "t"), 5)


def test_closing_twice_is_nothing(target: Session) -> None:
    target.begin()
    target.close()
    target.close()
    with pytest.raises(EngineError):
        target.execute("SELECT 1")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": Secret("wrong-canary")}, "wrong_password"),
        ({"database": "no_such_database"}, "database_not_found"),
    ],
)
def test_a_refused_login_is_permanent_and_keeps_its_secret(
    change: dict[str, object], code: str, any_database: Database
) -> None:
    if any_database.path is not None:
        change = {"database": str(any_database.path) + ".none"}
        code = "database_not_found"
    settings = dataclasses.replace(connection_settings(any_database), **change)  # type: ignore[arg-type]
    with pytest.raises(AccessDenied) as refused:
        dialect_for(settings.db_type).connect(settings, Purpose.SOURCE, LIMITS)
    # MySQL says to a user with rights on some databases only that others are forbidden, not that they are absent.
    assert refused.value.code in (code, "missing_right")
    assert "canary" not in refused.value.message


@SERVERS
def test_a_closed_port_is_transient(any_database: Database) -> None:
    settings = dataclasses.replace(connection_settings(any_database), port=1)
    with pytest.raises(TransientError):
        dialect_for(settings.db_type).connect(settings, Purpose.TARGET, LIMITS)


@pytest.mark.parametrize(
    "query", ["SELECT FROM FROM", "SELECT nope FROM t", "SELECT * FROM nope", "SELECT nope(1, 2, 3) AS a"]
)
def test_a_query_that_the_database_refuses_is_the_users_to_mend(
    query: str, filled: Session, open_session: OpenSession
) -> None:
    reader = open_session(Purpose.SOURCE)
    with pytest.raises(InvalidQuery, match="the database refuses the query"):
        reader.dialect.describe(reader, query)


MEMORY = """
import resource, sys
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, SessionLimits
from shared.secret import Secret
db_type, database, host, port, username, password, query = sys.argv[1:]
settings = ConnectionSettings(
    "c", db_type, database, host or None, int(port) or None, username or None, Secret(password)
)
session = dialect_for(db_type).connect(settings, Purpose.SOURCE, SessionLimits())
sql = session.dialect.wire_select(query, session.dialect.describe(session, query))
def kib(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
session.dialect.fetch_rows(session, sql, 1000)
before = kib()
rows = session.dialect.read_blocks(session, sql, lambda block: None)
print(rows, kib() - before)
"""


def test_reading_needs_the_same_memory_however_many_rows(any_database: Database) -> None:
    if any_database.path is not None:
        any_database.execute("CREATE TABLE t (a)")
    queries = {
        "postgresql": "SELECT g AS n, repeat('x', 100) AS s FROM generate_series(1, 400000) g",
        "mariadb": "SELECT seq AS n, repeat('x', 100) AS s FROM seq_1_to_400000",
        "mysql": (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 800)"
            " SELECT a.n, repeat('x', 100) AS s FROM r a, r b LIMIT 400000"
        ),
        "sqlite": (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 400000)"
            " SELECT n, printf('%100s', 'x') AS s FROM r"
        ),
    }
    settings = connection_settings(any_database)
    answer = subprocess.run(
        [
            *(sys.executable, "-c", MEMORY, settings.db_type, settings.database, settings.host or ""),
            *(str(settings.port or 0), settings.username or "", any_database.password),
            queries[any_database.flavour],
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    rows, grown_kib = (int(text) for text in answer.stdout.split())
    assert rows == 400_000
    assert grown_kib < 8 * 1024  # the rows are 44 MB


def test_cancelling_a_closed_session_is_nothing(target: Session) -> None:
    target.close()
    target.cancel()
