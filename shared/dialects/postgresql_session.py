"""Sessions on PostgreSQL: connecting, session settings, transactions, errors by SQLSTATE."""

import contextlib
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from shared.addresses import check_address
from shared.dialects.base import PARAM, ConnectionSettings, Dialect, Purpose, SessionLimits
from shared.dialects.driver_session import DriverSession, open_managed
from shared.dialects.postgresql_tables import literal
from shared.errors import (
    AccessDenied,
    ConfigError,
    DataError,
    Deadlock,
    DuplicateKey,
    EngineError,
    InvalidQuery,
    LockTimeout,
    SchemaMismatch,
    SourceUnavailable,
    TargetRefused,
    TargetUnavailable,
    TooManyConnections,
)

# A peer that falls silent is noticed after 10 + 3 × 5 s idle, or 30 s with data on the way.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_TEXT_FORMS = (
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("TimeZone", "UTC"),
    ("IntervalStyle", "iso_8601"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("standard_conforming_strings", "on"),
    ("idle_in_transaction_session_timeout", "0"),
)
# The function behind pg_stat_activity, asked for one backend: the view would read all of them.
SESSION_ID_SQL = (
    "SELECT pid::text || '@' || backend_start::text, current_setting('server_version')"
    " FROM pg_stat_get_activity(pg_backend_pid())"
)
END_SESSION_SQL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    f" WHERE pid::text || '@' || backend_start::text = {PARAM}"
)
END_SESSION_SECONDS = 5.0
CANCEL_SQL = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
    f" WHERE pid::text || '@' || backend_start::text = {PARAM}"
)
CANCEL_LIMITS = SessionLimits(connect_seconds=3, statement_seconds=3, lock_seconds=3)
HANG_UP_SECONDS = 10.0


class PostgresqlSession(DriverSession):
    """In autocommit, with BEGIN and COMMIT of ours: so the driver never opens a transaction by itself."""

    driver_error = psycopg2.Error

    def __init__(self, *arguments: Any, settings: ConnectionSettings) -> None:
        super().__init__(*arguments)
        self.settings = settings
        self._closing = threading.Lock()
        self._cancelled_at: float | None = None

    def begin(self) -> None:
        self.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")

    def commit(self) -> None:
        with self.translated(), contextlib.closing(self.connection.cursor()) as cursor:
            cursor.execute("COMMIT")
            if cursor.statusmessage != "COMMIT":
                # COMMIT of a transaction that had failed answers ROLLBACK, without an error.
                raise TargetUnavailable("the transaction had failed and was rolled back", code="rolled_back")

    def rollback(self) -> None:
        self.execute("ROLLBACK")

    def cancel(self) -> None:
        """Ask the server through a second connection; without one, or when that does not help, hang up.

        psycopg2's own cancel waits for the server without a bound, and holds up every thread meanwhile.
        """
        if self.connection.closed:
            return
        self._cancelled_at = self._cancelled_at or time.monotonic()
        try:
            cancel_statement(self.dialect, self.settings, self.session_id)
        except EngineError:
            self.hang_up()
        if time.monotonic() - self._cancelled_at > HANG_UP_SECONDS:
            self.hang_up()

    def renew(self, limits: SessionLimits) -> bool:
        try:
            self.execute("DISCARD ALL")  # an error within a transaction
            _prepare(self, limits)
        except EngineError:
            return False
        return self._cancelled_at is None

    def close(self) -> None:
        with self._closing:
            super().close()

    def hang_up(self) -> None:
        """Break the connection under the statement that waits for it."""
        with (
            self._closing,
            contextlib.suppress(psycopg2.Error, OSError),  # it was closed, or broke by itself
            socket.socket(fileno=os.dup(self.connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)


def connect(
    dialect: Dialect,
    settings: ConnectionSettings,
    purpose: Purpose,
    limits: SessionLimits,
    snapshot: str | None = None,
) -> PostgresqlSession:
    """Open a session with its text forms, limits and, for a source, its read-only snapshot set.

    `snapshot` is the name of one that another session has exported.
    """
    try:
        managed = open_managed(lambda: _open(settings, limits))
    except psycopg2.Error as error:
        raise dialect.classify(error, purpose) from error
    session = PostgresqlSession(dialect, managed, purpose, "", "", settings=settings)
    try:
        _prepare(session, limits)
        if snapshot is not None:
            _take_snapshot(session, snapshot)
        [(session.session_id, session.server_version)] = session.fetch(SESSION_ID_SQL)
    except BaseException:
        session.close()
        raise
    return session


def _open(settings: ConnectionSettings, limits: SessionLimits) -> Any:
    with tempfile.TemporaryDirectory(prefix="etl-tls-") as folder:
        connection = psycopg2.connect(**_arguments(settings, limits), **_tls(settings, Path(folder)))
    connection.autocommit = True
    return connection


def _arguments(settings: ConnectionSettings, limits: SessionLimits) -> dict[str, Any]:
    if not settings.host:
        raise ConfigError("a PostgreSQL connection needs a host", loc=("host",))
    arguments: dict[str, Any] = {
        "host": settings.host,
        "hostaddr": settings.hostaddr or check_address(settings.host),
        "port": settings.port or 5432,
        # A dbname with "=" or "://" would be read as a connection string: quoting keeps it a name.
        "dbname": _plain_name(settings.database),
        "user": settings.username,
        "connect_timeout": max(2, int(limits.connect_seconds)),
        # psycopg2 writes its texts in the encoding that it connected with, whatever a SET says later.
        "client_encoding": "UTF8",
        "application_name": "etl-engine",
        "gssencmode": "disable",
        **_KEEPALIVE,
    }
    if settings.password is not None:
        arguments["password"] = settings.password.reveal()
    return arguments


def _plain_name(database: str) -> str:
    if "=" in database or database.startswith(("postgres://", "postgresql://")):
        raise ConfigError("the database must be a name, not a connection string", loc=("database",))
    return database


def _tls(settings: ConnectionSettings, folder: Path) -> dict[str, Any]:
    """Return libpq's TLS options; it takes files only, which exist while it connects and no longer."""
    # A passfile that is not there: the password of another user of this machine is never sent.
    options: dict[str, Any] = {"sslmode": settings.ssl_mode, "passfile": str(folder / "none")}
    texts = {
        "sslrootcert": settings.ssl_ca,
        "sslcert": settings.ssl_cert,
        "sslkey": settings.ssl_key.reveal() if settings.ssl_key else None,
    }
    for option, text in texts.items():
        if text:
            path = folder / option
            path.touch(mode=0o600)
            path.write_text(text)
            options[option] = str(path)
    if settings.ssl_mode == "verify-full" and not settings.ssl_ca:
        options["sslrootcert"] = "system"
    if settings.ssl_mode == "verify-ca" and not settings.ssl_ca:
        raise ConfigError("ssl_mode verify-ca needs ssl_ca", loc=("options", "ssl_ca"))
    return options


def _prepare(session: PostgresqlSession, limits: SessionLimits) -> None:
    """Set the session up; a source's settings live in its one transaction, so they hold through a pooler too."""
    reading = session.purpose is not Purpose.TARGET
    if reading:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    scope = "LOCAL" if reading else "SESSION"
    statements = [f"SET {scope} {name} = '{value}'" for name, value in (*_TEXT_FORMS, *_limits(limits))]
    session.execute("; ".join(statements))


def _take_snapshot(session: PostgresqlSession, name: str) -> None:
    """Before any query: the first one would fix a snapshot of its own, which the server would not give up."""
    try:
        session.execute(f"SET TRANSACTION SNAPSHOT {literal(name)}")
    except InvalidQuery as error:
        raise SourceUnavailable(
            "a second session on the source does not find the snapshot of the first one: do several servers"
            " answer at this address?",
            code="snapshot_not_shared",
        ) from error


def _limits(limits: SessionLimits) -> Iterator[tuple[str, str]]:
    if limits.statement_seconds is not None:
        yield "statement_timeout", f"{int(limits.statement_seconds * 1000)}ms"
    if limits.lock_seconds is not None:
        yield "lock_timeout", f"{max(1, int(limits.lock_seconds * 1000))}ms"


def cancel_statement(dialect: Dialect, settings: ConnectionSettings, session_id: str) -> None:
    """Cancel what another session is doing, if it still exists. Raises EngineError classes."""
    session = connect(dialect, settings, Purpose.TARGET, CANCEL_LIMITS)
    with contextlib.closing(session):
        session.fetch(CANCEL_SQL, (session_id,))


def end_session(session: PostgresqlSession, session_id: str) -> None:
    """Terminate the backend and wait for its end: its locks go with it. Raises TargetUnavailable."""
    deadline = time.monotonic() + END_SESSION_SECONDS
    while session.fetch(END_SESSION_SQL, (session_id,)):
        if time.monotonic() > deadline:
            raise TargetUnavailable(f"session {session_id} does not end", code="session_does_not_end")
        session.execute("SELECT pg_sleep(0.02)")


# -- errors ------------------------------------------------------------------------------------------

_MISSING_COLUMN = re.compile(r'column "?(.+?)"? does not exist')
_TLS_FAILED = "TLS"  # which libpq has no SQLSTATE for
_BY_STATE: dict[str, tuple[type[EngineError], str]] = {
    "40P01": (Deadlock, "the database ended a deadlock"),
    "40001": (Deadlock, "the database could not serialise the transaction"),
    "55P03": (LockTimeout, "a lock was not granted in time"),
    "53300": (TooManyConnections, "the database has no connection left"),
    "28P01": (AccessDenied, "the database refused the user name or password"),
    "28000": (AccessDenied, "the database refused the user"),
    "3D000": (AccessDenied, "the database does not exist"),
    "42501": (AccessDenied, "the user lacks a right that is needed"),
    "23505": (DuplicateKey, "two rows share a key"),
    "23502": (SchemaMismatch, "a column that takes no NULL got one"),
    "23503": (DataError, "a row breaks a foreign key of the table"),
    "23514": (DataError, "a row breaks a check constraint of the table"),
    "25006": (InvalidQuery, "the source may only be read"),
    "53100": (TargetUnavailable, "the database's disk is full"),
    _TLS_FAILED: (AccessDenied, "no TLS connection came about"),
    "54000": (DataError, "a value is larger than the database can take"),
}
_CODES = {
    "40001": "serialization_failure",
    "3D000": "database_not_found",
    "23502": "not_null_violation",
    "23503": "foreign_key_violation",
    "23514": "check_violation",
    "25006": "query_refused",
    "53100": "disk_full",
    _TLS_FAILED: "tls_failed",
    "28P01": "wrong_password",
    "28000": "login_refused",
    "42501": "missing_right",
}
_USER_TEXT = ("42", "22", "0A", "2F", "38", "P0", "54", "21")  # classes that a user's own SQL can cause


def classify(error: BaseException, purpose: Purpose, text_before_query: int | None = None) -> EngineError:
    """Turn psycopg2's exception into ours by SQLSTATE; without one the connection is what failed.

    `text_before_query` counts the characters of ours in front of the user's query, where that is known.
    """
    state = getattr(error, "pgcode", None) or _state_of_connect(error)
    if state is None or (state[:2] in ("08", "57", "58", "53", "F0", "XX") and state not in _BY_STATE):
        return _unavailable(state, purpose)
    if state in _BY_STATE:
        kind, text = _BY_STATE[state]
        if purpose is Purpose.TARGET and state == "42501":
            kind = TargetRefused
        if purpose is not Purpose.TARGET and kind is TargetUnavailable:
            kind = SourceUnavailable
        if purpose is not Purpose.TARGET and kind in (SchemaMismatch, DataError):
            kind = InvalidQuery
        return kind(_with_place(text, error), code=_CODES.get(state), column=_column(error))
    if purpose is not Purpose.TARGET and state[:2] in _USER_TEXT:
        message = _query_message(state, error, text_before_query)
        return InvalidQuery(message, code="query_failed", column=_missing_column(state, error))
    return _refused(state, error)


def _missing_column(state: str, error: Any) -> str | None:
    """Return the column that the query names in vain; the server says it in words only."""
    found = _MISSING_COLUMN.fullmatch(error.diag.message_primary or "") if state == "42703" else None
    return found.group(1) if found else None


def _refused(state: str, error: Any) -> EngineError:
    if state[:2] in ("42", "0A", "3F", "55"):
        return SchemaMismatch(f"the target refuses the statement (SQLSTATE {state})", column=_column(error))
    return DataError(
        _with_place(f"the target refuses a value (SQLSTATE {state})", error), column=_column(error)
    )


def _unavailable(state: str | None, purpose: Purpose) -> EngineError:
    side = "target" if purpose is Purpose.TARGET else "source"
    kind = TargetUnavailable if purpose is Purpose.TARGET else SourceUnavailable
    if state == "57014":
        return kind(
            f"the statement in the {side} was cancelled or ran out of time", code="statement_cancelled"
        )
    detail = f" (SQLSTATE {state})" if state else ""
    return kind(f"the {side} database is not reachable or ended the connection{detail}")


def _state_of_connect(error: Any) -> str | None:
    """Find the SQLSTATE of a refused connect, which psycopg2 gives in the message's words only."""
    text = str(error)
    for state, words in (
        ("28P01", "password authentication failed"),
        ("28P01", "no password supplied"),
        ("28000", "no pg_hba.conf entry"),
        ("53300", "too many clients"),
        ("53300", "remaining connection slots"),
        ("53300", "too many connections"),
        (_TLS_FAILED, "certificate"),
        (_TLS_FAILED, "does not support SSL"),
    ):
        if words in text:
            return state
    if 'database "' in text and "does not exist" in text:
        return "3D000"
    return "28000" if 'role "' in text and ("does not exist" in text or "not permitted" in text) else None


_PLAIN_WORDS = {
    "42P01": "it names a table that does not exist",
    "42703": "it names a column that does not exist",
    "42601": "its syntax is wrong",
    "42883": "it calls a function or operator that does not exist for these types",
    "42702": "a column name in it is ambiguous",
    "42P09": "a name in it is ambiguous",
    "3F000": "it names a schema that does not exist",
    "22012": "it divides by zero",
    "42803": "it mixes grouped and ungrouped columns",
    "42846": "it casts to a type that cannot be had",
    "22P02": "it casts a text that has not the form of the type",
}


def _query_message(state: str, error: Any, text_before_query: int | None) -> str:
    words = _PLAIN_WORDS.get(state, "it refuses it")
    position = getattr(getattr(error, "diag", None), "statement_position", None)
    place = ""
    if position and text_before_query is not None:
        place = f" at character {int(position) - text_before_query}"
    return f"the database refuses the query: {words} (SQLSTATE {state}{place})"


def _column(error: Any) -> str | None:
    column = getattr(getattr(error, "diag", None), "column_name", None)
    return str(column) if column else None


def _with_place(text: str, error: Any) -> str:
    diagnosis = getattr(error, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    column = getattr(diagnosis, "column_name", None)
    named = [f"constraint {constraint!r}"] if constraint else []
    named += [f"column {column!r}"] if column else []
    return f"{text}: {', '.join(named)}" if named else text
