"""A database on which refused statements are given to the server, past one wall or several, and their effects."""

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pymysql

from local_servers import Database
from local_servers.access import Flavour
from local_servers.machine import new_folder
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, SessionLimits
from shared.dialects.driver_session import DriverSession
from tests.factories import connection_settings
from tests.security.gate.refused import ROW_LOCKS, TIME, TRICKS, Refused
from tests.security.gate.tables import fill

CANARY = "canary-in-a-file"
SLEPT_SECONDS = 0.4
# Shorter than what the corpus sleeps, for the statements that are about time; the others get all the time they need.
SHORT_SECONDS = 0.1
LOCK_SECONDS = 10
LOCKED = (1205, 3572)  # MariaDB's and MySQL's numbers for a row that somebody else has locked


class Walls(Enum):
    """What stands before the database; the gate is tested without any."""

    NONE = "none"
    SESSION = "read-only session"
    ROLE = "reader"
    BOTH = "read-only session, reader"


@dataclass(frozen=True)
class Outcome:
    """`lasting` is what is there when the session has ended, `passing` what was there until then."""

    lasting: frozenset[str]
    passing: frozenset[str]

    @property
    def effects(self) -> frozenset[str]:
        return self.lasting | self.passing


class Ground:
    """The tables, put back whenever a statement changed something."""

    def __init__(self, administrator: Database, reader: Database) -> None:
        self.logins = {
            Walls.NONE: administrator,
            Walls.SESSION: administrator,
            Walls.ROLE: reader,
            Walls.BOTH: reader,
        }
        self.flavour = administrator.flavour
        self._watch = administrator.open()
        self._own = OWN[self.flavour]
        if self._own.lock_probe:
            # MySQL waits for a locked table in spite of NOWAIT, which is about rows.
            self._watch.cursor().execute("SET SESSION lock_wait_timeout = 1")
        self.folder = new_folder("gate-")
        self.folder.chmod(0o777)
        self._file = self.folder / "secret.txt"
        self._put_back()
        self._before = self._state()

    def close(self) -> None:
        self._watch.close()
        shutil.rmtree(self.folder)

    def try_out(self, refused: Refused, walls: Walls) -> Outcome:
        """Give a statement to the server and say what it did."""
        login = self.logins[walls]
        passing: set[str] = set()
        with self._victim(refused, login) as victim, self._connection(refused, walls) as connection:
            cursor = connection.cursor()
            settings = None if _is_timed(refused) else self._settings(cursor)
            rows, seconds = _run(cursor, refused.at(self._places(login, victim)))
            passing |= {"file read"} if CANARY in repr(rows) else set()
            passing |= {"time"} if seconds >= SLEPT_SECONDS and _is_timed(refused) else set()
            passing |= {"lock"} if self._holds_lock() else set()
            with contextlib.suppress(Exception):  # a transaction that failed, a session that was ended
                passing |= (
                    {"setting"} if settings is not None and self._settings(cursor) != settings else set()
                )
            alive = victim is None or _is_alive(victim)
        lasting = set() if alive else {"another session"}
        lasting |= {"lock"} if self._keeps_lock() else set()
        if any(entry != self._file for entry in self.folder.iterdir()):
            lasting.add("file written")
        if self._state() != self._before:
            lasting.add("source")
        if lasting:
            self._put_back()
            self._before = self._state()
        return Outcome(frozenset(lasting), frozenset(passing))

    def unchanged(self) -> bool:
        """Tell whether everything is as it was at the beginning."""
        return self._state() == self._before and [*self.folder.iterdir()] == [self._file]

    @contextlib.contextmanager
    def _victim(self, refused: Refused, login: Database) -> Iterator[Any]:
        """Another session of the same user, where the statement is about one."""
        if "<victim>" not in refused.text:
            yield None
            return
        with contextlib.closing(login.open()) as victim:
            yield victim

    @contextlib.contextmanager
    def _connection(self, refused: Refused, walls: Walls) -> Iterator[Any]:
        login = self.logins[walls]
        if walls in (Walls.NONE, Walls.ROLE):
            with contextlib.closing(login.open()) as connection:
                if refused.family == ROW_LOCKS and self.flavour != "sqlite":
                    connection.cursor().execute("BEGIN")
                yield connection
            return
        settings = connection_settings(login)
        limits = SessionLimits(statement_seconds=SHORT_SECONDS if _is_timed(refused) else 60, lock_seconds=5)
        session = dialect_for(settings.db_type).connect(settings, Purpose.PREVIEW, limits)
        assert isinstance(session, DriverSession)
        with contextlib.closing(session):
            yield session.connection

    def _places(self, login: Database, victim: Any) -> dict[str, str]:
        own = f"host={login.host} port={login.port} user={login.username} password={login.password}"
        number = "0" if victim is None else str(_fetch(victim, self._own.number_sql)[0][0])
        return {
            "<folder>": str(self.folder),
            "<file>": str(self._file),
            "<login>": f"{own} dbname={login.database}",
            "<victim>": number,
        }

    def _put_back(self) -> None:
        for entry in self.folder.iterdir():
            entry.unlink()
        self._file.write_text(CANARY)
        self._file.chmod(0o666)
        login = self.logins[Walls.NONE]
        if login.path is not None:
            login.path.unlink(missing_ok=True)
        login.execute(*self._own.clear)
        fill(login)
        login.execute(*self._own.more)

    def _state(self) -> list[Any]:
        path = self.logins[Walls.NONE].path
        if path is not None:
            return [path.read_bytes(), sorted(entry.name for entry in path.parent.iterdir())]
        found: list[Any] = []
        for sql in self._own.state:
            try:
                found.append(_fetch(self._watch, sql))
            except Exception as error:  # the table has gone
                found.append(type(error).__name__)
        return found

    def _settings(self, cursor: Any) -> Any:
        if not self._own.settings_sql:
            return None
        cursor.execute(self._own.settings_sql)
        return cursor.fetchall()

    def _holds_lock(self) -> bool:
        if self._own.lock_sql and _fetch(self._watch, self._own.lock_sql)[0][0]:
            return True
        if not self._own.lock_probe:
            return False
        try:
            _fetch(self._watch, self._own.lock_probe)
        except pymysql.err.MySQLError as error:  # or the table has gone
            return error.args[0] in LOCKED
        return False

    def _keeps_lock(self) -> bool:
        """Tell whether a lock outlives its session, whose end the server notices a little later."""
        deadline = time.monotonic() + LOCK_SECONDS
        while self._holds_lock():
            if time.monotonic() > deadline:
                return True
            time.sleep(0.01)
        return False


def _is_alive(victim: Any) -> bool:
    try:
        _fetch(victim, "SELECT 1")
    except Exception:
        return False
    return True


def _fetch(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def _run(cursor: Any, text: str) -> tuple[list[Any], float]:
    """Return the rows of a statement and how long it took; of one that fails neither."""
    started = time.monotonic()
    try:
        cursor.execute(text)
    except Exception:
        return [], 0.0
    with contextlib.suppress(Exception):  # it has no rows
        return list(cursor.fetchall()), time.monotonic() - started
    return [], time.monotonic() - started


def _is_timed(refused: Refused) -> bool:
    return refused.family in (TIME, TRICKS)


@dataclass(frozen=True)
class Own:
    """The SQL of one kind of server; `state` is what must stay as it is."""

    clear: Sequence[str] = ()
    more: Sequence[str] = ()
    state: Sequence[str] = ()
    settings_sql: str = ""
    lock_sql: str = ""
    lock_probe: str = ""
    number_sql: str = ""


_MARIADB = Own(
    clear=(
        "UNLOCK TABLES",
        "DROP TABLE IF EXISTS t, t2, u, v, w, x, insert_log, `quoted names`",
        "DROP VIEW IF EXISTS x",
        "DROP PROCEDURE IF EXISTS p",
        "DROP SEQUENCE IF EXISTS s",
        "SET GLOBAL max_connections = DEFAULT",
    ),
    more=("CREATE PROCEDURE p() DELETE FROM t", "CREATE SEQUENCE s"),
    state=(
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
        "SELECT * FROM t ORDER BY id, a",
        "SHOW CREATE TABLE t",
        "SELECT * FROM v",
        "SELECT * FROM insert_log",
        "SELECT next_not_cached_value FROM s",
        "SELECT @@GLOBAL.max_connections",
    ),
    settings_sql="SELECT @@sql_mode, @@tx_read_only, @@max_statement_time, @a, DATABASE()",
    lock_sql="SELECT IS_USED_LOCK('x') IS NOT NULL",
    lock_probe="SELECT id FROM t FOR UPDATE NOWAIT",
    number_sql="SELECT CONNECTION_ID()",
)
OWN: dict[Flavour, Own] = {
    "postgresql": Own(
        clear=(
            "SELECT lo_unlink(oid) FROM pg_largeobject_metadata",
            "DROP MATERIALIZED VIEW IF EXISTS m",
            'DROP TABLE IF EXISTS t, t2, u, v, w, insert_log, "table" CASCADE',
            "DO $$ BEGIN DROP VIEW IF EXISTS x; EXCEPTION WHEN wrong_object_type THEN DROP TABLE x; END $$",
            "DROP SEQUENCE IF EXISTS s",
            "DROP ROUTINE IF EXISTS p",
            "DROP ROUTINE IF EXISTS f",
            "ALTER SYSTEM RESET log_min_messages",
            "ALTER ROLE CURRENT_USER RESET work_mem",
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'x'",
            "CREATE EXTENSION IF NOT EXISTS dblink",
            "CREATE EXTENSION IF NOT EXISTS adminpack",
            "CREATE EXTENSION IF NOT EXISTS tablefunc",
        ),
        more=(
            "CREATE SEQUENCE s",
            "CREATE PROCEDURE p() LANGUAGE sql AS 'DELETE FROM t'",
            "CREATE MATERIALIZED VIEW m AS SELECT nextval('s') AS n",
            "INSERT INTO t (id) VALUES (3)",
            "SELECT lo_from_bytea(0, 'a large object')",
        ),
        state=(
            "SELECT relname, relkind, relnatts, relacl::text, obj_description(oid) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
            "SELECT * FROM t ORDER BY id, a",
            "SELECT * FROM insert_log",
            "SELECT * FROM m",
            "SELECT last_value, is_called FROM s",
            "SELECT count(*), (SELECT string_agg(convert_from(data, 'UTF8'), '') FROM pg_largeobject)"
            " FROM pg_largeobject_metadata",
            "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            "SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'",
            "SELECT count(*) FROM pg_db_role_setting",
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'x'",
        ),
        settings_sql="SELECT string_agg(name || setting, ',') FROM pg_settings WHERE source = 'session'"
        " UNION ALL SELECT count(*)::text FROM pg_listening_channels()"
        " UNION ALL SELECT count(*)::text FROM pg_prepared_statements UNION ALL SELECT current_user::text",
        lock_sql="SELECT EXISTS (SELECT 1 FROM pg_locks AS l WHERE (l.locktype = 'advisory' AND l.database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())) OR (l.relation = to_regclass('t')"
        " AND l.mode NOT IN ('AccessShareLock')))",
        number_sql="SELECT pg_backend_pid()",
    ),
    "mariadb": _MARIADB,
    "mysql": replace(
        _MARIADB,
        clear=[statement for statement in _MARIADB.clear if "SEQUENCE" not in statement],
        more=("CREATE PROCEDURE p() DELETE FROM t",),
        state=[statement for statement in _MARIADB.state if "FROM s" not in statement],
        settings_sql="SELECT @@sql_mode, @@transaction_read_only, @@max_execution_time, @a, DATABASE()",
    ),
    "sqlite": Own(),
}
