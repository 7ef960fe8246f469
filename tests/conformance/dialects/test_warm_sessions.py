"""Sessions that wait for the next run: as good as new ones, and gone when they are not."""

import dataclasses

import pytest

from executor import warm_sessions
from executor.pipeline import execute_run
from executor.warm_sessions import WarmSessions
from local_servers import Database
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.errors import AccessDenied, RunCancelled
from shared.secret import Secret
from tests import factories
from tests.conformance.dialects.conftest import Connect
from tests.conformance.dialects.test_sessions import SERVERS
from tests.factories import connection_settings, field
from tests.recording_context import RecordingContext

LIMITS = SessionLimits(connect_seconds=10, lock_seconds=7)
SETTINGS = {
    "postgresql": "SELECT current_setting('TimeZone'), current_setting('DateStyle'),"
    " current_setting('client_encoding'), current_setting('lock_timeout'), current_setting('extra_float_digits')",
    "mysql": "SELECT @@sql_mode, @@time_zone, @@character_set_client, @@collation_connection, @@autocommit,"
    " @@innodb_lock_wait_timeout, @@lock_wait_timeout, @@tx_isolation",
}
GATHERED = {
    "postgresql": (
        "SET TimeZone = 'Asia/Tokyo'",
        "SET DateStyle = 'German'",
        "CREATE TEMPORARY TABLE mine (a int)",
        "SELECT pg_advisory_lock(7)",
    ),
    "mysql": (
        "SET SESSION time_zone = '+09:00', sql_mode = ''",
        "SET NAMES latin1",
        "CREATE TEMPORARY TABLE mine (a INT)",
        "SELECT GET_LOCK('seven', 1)",
        "SET @mine = 1",
        "SET autocommit = 0",
    ),
}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def settings_of(session: Session) -> list[tuple[object, ...]]:
    kind = "postgresql" if session.dialect.name == "postgresql" else "mysql"
    sql = SETTINGS[kind]
    if session.dialect.name == "mysql":
        sql = sql.replace("@@tx_isolation", "@@transaction_isolation")
    return session.fetch(sql)


def connect_as_workers_do(database: Database) -> Session:
    settings = connection_settings(database)
    return dialect_for(settings.db_type).connect(settings, Purpose.TARGET, LIMITS)


@SERVERS
def test_a_renewed_session_is_as_a_new_one(any_database: Database, connect: Connect) -> None:
    session = connect_as_workers_do(any_database)
    fresh = settings_of(session)
    other = connect(any_database, Purpose.TARGET)
    kind = "postgresql" if any_database.flavour == "postgresql" else "mysql"
    for statement in GATHERED[kind]:
        session.execute(statement)
    assert settings_of(session) != fresh
    assert session.renew(LIMITS)
    assert settings_of(session) == fresh
    lock = "SELECT pg_try_advisory_lock(7)::int" if kind == "postgresql" else "SELECT GET_LOCK('seven', 0)"
    assert other.fetch(lock) == [(1,)]
    with pytest.raises(Exception, match=r"."):
        session.fetch("SELECT * FROM mine")
    session.close()


@SERVERS
def test_what_a_session_left_open_is_rolled_back_or_the_session_refused(any_database: Database) -> None:
    session = connect_as_workers_do(any_database)
    session.execute("CREATE TABLE t (a INT)")
    session.begin()
    session.execute("INSERT INTO t VALUES (1)")
    renewed = session.renew(LIMITS)
    assert renewed is (any_database.flavour != "postgresql")
    session.close()
    assert any_database.rows("SELECT * FROM t") == []


@SERVERS
def test_a_session_that_was_ended_is_not_renewed(any_database: Database) -> None:
    session = connect_as_workers_do(any_database)
    session.dialect.end_session(connection_settings(any_database), session.session_id)
    assert not session.renew(LIMITS)
    session.close()


@SERVERS
def test_a_kept_session_is_taken_again_by_the_same_connection_alone(any_database: Database) -> None:
    settings = connection_settings(any_database)
    warm = WarmSessions()
    first = warm.take(settings, LIMITS)
    warm.keep(settings, first, LIMITS)
    with pytest.raises(AccessDenied):
        warm.take(dataclasses.replace(settings, password=Secret("another")), LIMITS)
    again = warm.take(settings, LIMITS)
    assert again is first
    assert warm.take(settings, LIMITS) is not first
    warm.close()


@SERVERS
def test_a_kept_session_that_ended_meanwhile_is_replaced(any_database: Database) -> None:
    settings = connection_settings(any_database)
    warm = WarmSessions()
    first = warm.take(settings, LIMITS)
    warm.keep(settings, first, LIMITS)
    first.dialect.end_session(settings, first.session_id)
    again = warm.take(settings, LIMITS)
    assert again.session_id != first.session_id
    again.close()


def test_sessions_are_kept_for_a_while_and_few_of_them(postgresql_database: Database) -> None:
    clock = Clock()
    warm = WarmSessions(most=2, monotonic=clock)
    several = [
        dataclasses.replace(connection_settings(postgresql_database), connection_id=name) for name in "abc"
    ]
    sessions = [warm.take(settings, LIMITS) for settings in several]
    assert warm.close_old() is None
    for settings, session in zip(several, sessions, strict=True):
        warm.keep(settings, session, LIMITS)
        clock.now += 1
    assert warm.take(several[0], LIMITS) is not sessions[0]
    assert warm.close_old() == warm_sessions.IDLE_SECONDS - 2
    clock.now += warm_sessions.IDLE_SECONDS
    assert warm.close_old() is None
    assert not sessions[1].renew(LIMITS)
    warm.close()


def test_a_file_is_opened_anew(sqlite_database: Database) -> None:
    settings = connection_settings(sqlite_database)
    warm = WarmSessions()
    first = warm.take(settings, LIMITS)
    warm.keep(settings, first, LIMITS)
    again = warm.take(settings, LIMITS)
    assert again is not first
    again.close()


@SERVERS
def test_runs_share_a_session_until_one_of_them_fails(any_database: Database) -> None:
    warm = WarmSessions()
    version = factories.mapping_version("SELECT 1 AS a", (field("a", "integer"),), write_mode="replace")
    settings = connection_settings(any_database)
    used: list[Session] = []

    class Context(RecordingContext):
        def hold(self, settings: object, session: Session) -> None:
            used.append(session)
            super().hold(self.target, session)

    def run(fence: int, cancelled: bool = False) -> Session:
        def cancel() -> None:
            if cancelled:
                raise RunCancelled

        used.clear()
        context = Context(
            factories.run(version, fence=fence), version, settings, settings, on_committing=cancel
        )
        if cancelled:
            with pytest.raises(RunCancelled):
                execute_run(context, warm)
        else:
            execute_run(context, warm)
        return used[0]

    first, second, third = run(1), run(2), run(3, cancelled=True)
    assert first is second is third
    assert run(4) is not first
    assert any_database.rows("SELECT a FROM facts") == [(1,)]
    warm.close()
