"""Sessions on SQLite files: read-only sources behind an authorizer, targets in WAL, errors by result code."""

import contextlib
import os
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shared.dialects.base import ConnectionSettings, Dialect, Purpose, SessionLimits
from shared.dialects.driver_session import DriverSession, open_managed
from shared.errors import (
    AccessDenied,
    ConfigError,
    DataError,
    DuplicateKey,
    EngineError,
    InvalidQuery,
    LockTimeout,
    SchemaMismatch,
    SourceUnavailable,
    TargetRefused,
    TargetUnavailable,
)

# What a source's statements may do; everything else (write, DDL, ATTACH, PRAGMA, transactions) is refused.
_READING = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)
_REFUSED_FUNCTIONS = frozenset(
    ("load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "randomblob", "zeroblob")
)
_MISSING_COLUMN = "no such column: "
DEFAULT_LOCK_SECONDS = 10.0


class SqliteSession(DriverSession):
    """In the driver's autocommit; a write transaction takes its lock at its beginning, not in its middle."""

    placeholder = "?"
    percent = "%"
    driver_error = sqlite3.Error

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        if self.connection.in_transaction:
            self.execute("ROLLBACK")

    def renew(self, limits: SessionLimits) -> bool:
        return False  # opening a file costs less than it would cost to keep its lock in view

    def cancel(self) -> None:
        # A closed connection has no statement left to interrupt.
        with contextlib.suppress(sqlite3.ProgrammingError):
            self.connection.interrupt()

    def allow(self, rule: Callable[..., int] | None) -> None:
        """Set what statements may do; None allows all."""
        self.connection.set_authorizer(rule)


def connect(
    dialect: Dialect, settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits
) -> SqliteSession:
    """Open a session. A source's file must exist; a target's is made, with its folder."""
    path = Path(settings.database)
    if not path.is_absolute():
        raise ConfigError("the database of a SQLite connection must be an absolute path", loc=("database",))
    if purpose is Purpose.TARGET:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.is_file():
        raise AccessDenied("the database file does not exist", code="database_not_found")
    try:
        managed = open_managed(lambda: _open(path, purpose, limits))
    except sqlite3.Error as error:
        raise dialect.classify(error, purpose) from error
    session_id = f"{os.getpid()}@{socket.gethostname()}"
    session = SqliteSession(dialect, managed, purpose, session_id, sqlite3.sqlite_version)
    try:
        _prepare(session, limits)
    except BaseException:
        session.close()
        raise
    return session


def _open(path: Path, purpose: Purpose, limits: SessionLimits) -> sqlite3.Connection:
    mode = "rwc" if purpose is Purpose.TARGET else "ro"
    address = f"file:{quote(str(path))}?mode={mode}"
    timeout = limits.lock_seconds if limits.lock_seconds is not None else DEFAULT_LOCK_SECONDS
    # isolation_level None: the driver begins nothing by itself. Another thread may interrupt.
    return sqlite3.connect(address, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)


def _prepare(session: SqliteSession, limits: SessionLimits) -> None:
    if session.purpose is Purpose.TARGET:
        session.execute("PRAGMA journal_mode = WAL")
        session.execute("PRAGMA synchronous = FULL")
        session.execute("PRAGMA foreign_keys = ON")
        return
    session.execute("PRAGMA query_only = ON")
    # Text comes as bytearray, so that it is told from a BLOB and is not decoded for nothing.
    session.connection.text_factory = bytearray
    session.execute("BEGIN")
    session.fetch("SELECT count(*) FROM sqlite_master")  # the first read is what takes the snapshot
    # SQLite defines these tables when they are first used, which the authorizer would take for a write.
    session.fetch("SELECT 1 FROM json_each('[]'), json_tree('[]')")
    session.allow(reading_only)
    if limits.statement_seconds is not None:
        _limit_statements(session.connection, limits.statement_seconds)


def _limit_statements(connection: sqlite3.Connection, seconds: float) -> None:
    """End a session's reading when its time is up: SQLite has no time limit of its own."""
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 100_000)


def reading_only(action: int, _: str | None, second: str | None, *__: Any) -> int:
    """The authorizer of a source."""
    if action not in _READING:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def classify(error: BaseException, purpose: Purpose) -> EngineError:
    """Turn sqlite3's exception into ours by its result code."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    target = purpose is Purpose.TARGET
    unavailable: type[EngineError] = TargetUnavailable if target else SourceUnavailable
    refused: type[EngineError] = TargetRefused if target else AccessDenied
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockTimeout("another process holds the lock of the database file")
    if primary == sqlite3.SQLITE_INTERRUPT:
        return unavailable("the statement was cancelled or ran out of time", code="statement_cancelled")
    if primary == sqlite3.SQLITE_FULL:
        return unavailable("the disk of the database file is full", code="disk_full")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return refused("the database file cannot be opened or written", code="file_not_writable")
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return refused("the file is no sound SQLite database", code="not_a_database")
    if primary == sqlite3.SQLITE_AUTH:
        return InvalidQuery("the query does what a source query may not do", code="query_refused")
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM) or isinstance(error, sqlite3.ProgrammingError):
        return unavailable("the database file cannot be read or written")
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return _constraint(code)
    if not target:
        column = str(error).removeprefix(_MISSING_COLUMN) if str(error).startswith(_MISSING_COLUMN) else None
        message = f"the database refuses the query: {_reason(error)}"
        return InvalidQuery(message, code="query_failed", column=column)
    if primary == sqlite3.SQLITE_ERROR:
        return SchemaMismatch("the target refuses the statement")
    return DataError(f"the target refuses a value (SQLite result code {code})")


def _constraint(code: int | None) -> EngineError:
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return DuplicateKey("two rows share a key")
    if code == sqlite3.SQLITE_CONSTRAINT_NOTNULL:
        return SchemaMismatch("a column that takes no NULL got one", code="not_null_violation")
    return DataError("a row breaks a constraint of the table")


def _reason(error: Any) -> str:
    """SQLite has one code for all faults of a query; its words name tables and columns, never values."""
    text = str(error)
    for start, words in (
        ("no such table", "it names a table that does not exist"),
        ("no such column", "it names a column that does not exist"),
        ("no such function", "it calls a function that does not exist"),
        ("ambiguous column", "a column name in it is ambiguous"),
    ):
        if text.startswith(start):
            return words
    return "its syntax is wrong" if "syntax error" in text or "incomplete input" in text else "it refuses it"
