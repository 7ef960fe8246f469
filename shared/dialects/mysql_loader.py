"""Bulk loading: LOAD DATA LOCAL from a stream, or INSERTs of many rows where the server forbids it."""

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import pymysql

from shared.dialects.base import LoadResult
from shared.dialects.mysql_csv import LOAD_OPTIONS, read_rows, value_expression
from shared.dialects.mysql_errors import column_named
from shared.dialects.mysql_session import MysqlSession, Upload
from shared.types import DataType, TargetField

_FORBIDDEN = frozenset((1148, 3948, 4166))
_INSERT_BYTES = 512 * 1024
SLOW = "the server forbids LOAD DATA LOCAL (local_infile): rows go in by INSERT, which is slower"
_NUMBERS = re.compile(r"\d+")


def load(
    session: MysqlSession, table: str, names: Sequence[str], fields: Sequence[TargetField], source: BinaryIO
) -> LoadResult:
    """Load encoded lines into a table whose name and columns are quoted. Raises what `source.read` raised."""
    try:
        return _load_data(session, table, names, fields, source)
    except pymysql.err.MySQLError as error:
        # Refused before the server asked for the stream: nothing of it was read.
        if not error.args or error.args[0] not in _FORBIDDEN:
            raise
    return _insert_rows(session, table, names, fields, source)


def _load_data(
    session: MysqlSession, table: str, names: Sequence[str], fields: Sequence[TargetField], source: BinaryIO
) -> LoadResult:
    upload = Upload(source)
    columns, sets = _load_columns(names, fields)
    connection = session.connection
    connection.upload = upload
    try:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(
                f"LOAD DATA LOCAL INFILE '{upload.token}' INTO TABLE {table} {LOAD_OPTIONS} ({columns}){sets}"
            )
            result = connection._result
    finally:
        connection.upload = None
    if upload.failure is not None:
        # The part that came is undone here, so that no later COMMIT can keep it.
        session.rollback()
        raise upload.failure
    return _counts(session, result)


def _load_columns(names: Sequence[str], fields: Sequence[TargetField]) -> tuple[str, str]:
    """Return the list of columns and variables, and the SET clause that makes columns of the variables."""
    columns, sets = [], []
    for number, (name, field) in enumerate(zip(names, fields, strict=True)):
        expression = value_expression(field, f"@v{number}")
        columns.append(f"@v{number}" if expression else name)
        if expression:
            sets.append(f"{name} = {expression}")
    return ", ".join(columns), f" SET {', '.join(sets)}" if sets else ""


def _counts(session: MysqlSession, result: Any) -> LoadResult:
    message = result.message.decode("ascii", "replace") if result.message else ""
    # "Records: 3  Deleted: 0  Skipped: 0  Warnings: 0", in the server's language: the order is what holds.
    numbers = [int(text) for text in _NUMBERS.findall(message)]
    if len(numbers) != 4:
        return LoadResult(int(result.affected_rows), warnings=int(result.warning_count))
    records, _, skipped, warnings = numbers
    warnings = max(warnings, int(result.warning_count))
    first = _first_warning(session) if warnings or skipped else None
    return LoadResult(records, skipped, warnings, first)


def _first_warning(session: MysqlSession) -> str | None:
    rows = session.fetch("SHOW WARNINGS LIMIT 1")
    if not rows:
        return None
    _, number, text = rows[0]
    column = column_named(str(text))
    return f"{number} in column {column!r}" if column else str(number)


# -- without LOAD DATA LOCAL -------------------------------------------------------------------------


def _text(cell: bytes) -> object:
    return cell.decode()


_VALUES: dict[DataType, Callable[[bytes], object]] = {
    DataType.BOOLEAN: lambda cell: int(cell == b"t"),
    DataType.TIMESTAMPTZ: lambda cell: cell.removesuffix(b"+00").decode(),
    DataType.BINARY: lambda cell: bytes.fromhex(cell[2:].decode()),
}


def _insert_rows(
    session: MysqlSession, table: str, names: Sequence[str], fields: Sequence[TargetField], source: BinaryIO
) -> LoadResult:
    """Strict mode makes errors of what LOAD DATA would make warnings of, but for spaces that do not fit."""
    converters = [_VALUES.get(field.data_type, _text) for field in fields]
    head = f"INSERT INTO {table} ({', '.join(names)}) VALUES "
    marks = f"({', '.join('%s' for _ in fields)})"
    rows, size, warnings, batch = 0, 0, 0, list[str]()
    with contextlib.closing(session.connection.cursor()) as cursor:
        for cells in read_rows(source, len(fields)):
            batch.append(cursor.mogrify(marks, _values_of(cells, converters)))
            size += len(batch[-1])
            rows += 1
            if size >= _INSERT_BYTES:
                cursor.execute(head + ",".join(batch))
                warnings += session.connection._result.warning_count
                size, batch = 0, []
        if batch:
            cursor.execute(head + ",".join(batch))
            warnings += session.connection._result.warning_count
        first = _first_warning(session) if warnings else None
    return LoadResult(rows, 0, warnings, first, remark=SLOW)


def _values_of(
    cells: Sequence[bytes | None], converters: Sequence[Callable[[bytes], object]]
) -> tuple[object, ...]:
    return tuple(
        [None if cell is None else convert(cell) for cell, convert in zip(cells, converters, strict=True)]
    )
