"""MySQL's and MariaDB's error numbers: who must act."""

import re
import ssl
from typing import Any

from shared.dialects.base import Purpose
from shared.errors import (
    AccessDenied,
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

_LOST = frozenset((0, 1030, 1053, 1077, 1079, 1105, 1152, 1158, 1159, 1160, 1161, 1180, 1927))
_CLIENT_ERRORS = range(2000, 2100)
_STOPPED = frozenset((1317, 1969, 3024))
_DISK = frozenset((3, 1021, 1114, 1471, 3675))
_FIXED: dict[int, tuple[type[EngineError], str, str | None]] = {
    1040: (TooManyConnections, "the database has no connection left", None),
    1203: (TooManyConnections, "the user has no connection left", None),
    1226: (TooManyConnections, "the user has used up a limit of the database", None),
    1205: (LockTimeout, "a lock was not granted in time", None),
    3572: (LockTimeout, "a lock was not granted in time", None),
    1213: (Deadlock, "the database ended a deadlock", None),
    1045: (AccessDenied, "the database refused the user name or password", "wrong_password"),
    1698: (AccessDenied, "the database refused the user name or password", "wrong_password"),
    1251: (AccessDenied, "the database wants a way to log in that is not supported", "login_refused"),
    1862: (AccessDenied, "the user's password has expired", "login_refused"),
    1820: (AccessDenied, "the user's password has expired", "login_refused"),
    3118: (AccessDenied, "the user's account is locked", "login_refused"),
    1130: (AccessDenied, "the database takes no connection from this machine", "login_refused"),
    1129: (AccessDenied, "the database blocks this machine after too many failed connects", "login_refused"),
    1044: (AccessDenied, "the user may not use the database", "missing_right"),
    1049: (AccessDenied, "the database does not exist", "database_not_found"),
    2026: (AccessDenied, "no TLS connection came about", "tls_failed"),
    2068: (AccessDenied, "the server asked for a file of this machine: refused", "file_request_refused"),
}
_RIGHTS = frozenset((1142, 1143, 1227, 1370, 1410, 1290, 1836))
_QUERY_WORDS = {
    1146: "it names a table that does not exist",
    1054: "it names a column that does not exist",
    1064: "its syntax is wrong",
    1305: "it calls a function that does not exist",
    1630: "it calls a function that does not exist",
    1060: "an output name stands twice; give each output column a name of its own",
    1052: "a column name in it is ambiguous",
    1055: "it mixes grouped and ungrouped columns",
    1365: "it divides by zero",
    1690: "a value in it is out of range",
    1267: "it compares texts of different collations",
}
_DATA = frozenset(
    (
        1048,
        1263,
        1264,
        1265,
        1292,
        1364,
        1366,
        1406,
        1411,
        1153,
        1216,
        1217,
        1451,
        1452,
        3140,
        3819,
        3156,
        4025,
    )
)
_MISSING_VALUE = frozenset((1048, 1263, 1364))
_COLUMN_OF_ROW = re.compile(r"['`]([^'`]+)['`] at row \d+\Z")
_COLUMN = re.compile(r"\A(?:Column|Field|Unknown column) '([^']+)'")
_KEY = re.compile(r"for key '([^']+)'\Z")
_LINE = re.compile(r"at line (\d+)\Z")
_LINES_BEFORE_QUERY = 1


def classify(error: BaseException, purpose: Purpose) -> EngineError:
    """Turn pymysql's exception into ours by its number; names of columns and keys are kept, values are not."""
    number, text = _parts(error)
    target = purpose is Purpose.TARGET
    if number in _FIXED:
        kind, words, code = _FIXED[number]
        return kind(words, code=code)
    if number == 1062 or number == 1586:
        key = _KEY.search(text)
        return DuplicateKey(f"two rows share a key: {key.group(1)!r}" if key else "two rows share a key")
    if number in _RIGHTS:
        kind = TargetRefused if target else AccessDenied
        return kind("the user lacks a right that is needed", code="missing_right")
    if number == 1792 and not target:
        return InvalidQuery("the source may only be read", code="query_refused")
    if number in _LOST or number in _CLIENT_ERRORS or number in _STOPPED or number in _DISK:
        return _unavailable(number, purpose)
    return _of_target(number, text) if target else _of_query(number, text)


def _parts(original: Any) -> tuple[int, str]:
    if isinstance(original, ssl.SSLError):
        return 2026, ""
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    if isinstance(getattr(original, "original_exception", None), ssl.SSLError):
        return 2026, ""
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    return number, str(arguments[1]) if len(arguments) > 1 else ""


def _unavailable(number: int, purpose: Purpose) -> EngineError:
    side = "target" if purpose is Purpose.TARGET else "source"
    kind = TargetUnavailable if purpose is Purpose.TARGET else SourceUnavailable
    if number in _STOPPED:
        return kind(
            f"the statement in the {side} was cancelled or ran out of time", code="statement_cancelled"
        )
    if number in _DISK:
        return kind(f"the disk of the {side} database is full", code="disk_full")
    return kind(f"the {side} database is not reachable or ended the connection (error {number})")


def _of_query(number: int, text: str) -> EngineError:
    words = _QUERY_WORDS.get(number, "it refuses it")
    line = _LINE.search(text) if number == 1064 else None
    place = f", line {int(line.group(1)) - _LINES_BEFORE_QUERY}" if line else ""
    code = "duplicate_column" if number == 1060 else "query_failed"
    column = column_named(text) if number == 1054 else None
    message = f"the database refuses the query: {words} (error {number}{place})"
    return InvalidQuery(message, code=code, column=column)


def _of_target(number: int, text: str) -> EngineError:
    column = column_named(text)
    named = f": column {column!r}" if column else ""
    if number in _MISSING_VALUE:
        words = f"a column that takes no NULL got none or one (error {number}){named}"
        return SchemaMismatch(words, code="not_null_violation", column=column)
    if number in _DATA:
        return DataError(f"the target refuses a value (error {number}){named}", column=column)
    return SchemaMismatch(f"the target refuses the statement (error {number}){named}", column=column)


def column_named(text: str) -> str | None:
    """Return the column that a message of the server names."""
    found = _COLUMN_OF_ROW.search(text) or _COLUMN.search(text)
    return found.group(1) if found else None
