"""PostgreSQL's binary COPY from one server to another: no text is made or read on either side.

Binary COPY checks no types: what has the wrong size fails, what has the right size is taken for something
else. So every column is brought to the target's type in the SELECT, and only from types whose every value
that cast keeps: bpchar would lose its padding, real its digits, json its form.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from shared.dialects.base import Dialect, LoadResult, Purpose, Session, TableName
from shared.dialects.copy_text import BlockSink, gathered
from shared.types import BLOCK_BYTES, DataType, SourceColumn, TargetField

BINARY_OPTIONS = "FORMAT binary"
CSV_OPTIONS = "FORMAT csv, NULL 'NULL', FORCE_QUOTE *"  # as LOAD DATA takes it: shared.dialects.mysql_csv
# What stands before the first row and behind the last one: no flags, nothing added.
BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_TRAILER = b"\xff\xff"

# The types of a query's columns from which a field's type is reached without any change, and that type.
_REACHED: dict[DataType, tuple[str, frozenset[str]]] = {
    DataType.INTEGER: ("bigint", frozenset({"bigint", "integer", "smallint"})),
    DataType.FLOAT: ("double precision", frozenset({"double precision"})),
    DataType.DECIMAL: ("numeric", frozenset({"numeric"})),
    DataType.BOOLEAN: ("boolean", frozenset({"boolean"})),
    DataType.DATE: ("date", frozenset({"date"})),
    DataType.TIMESTAMP: ("timestamp", frozenset({"timestamp without time zone"})),
    DataType.TIMESTAMPTZ: ("timestamptz", frozenset({"timestamp with time zone"})),
    DataType.TIME: ("time", frozenset({"time without time zone"})),
    DataType.STRING: ("text", frozenset({"text", "character varying"})),
    DataType.BINARY: ("bytea", frozenset({"bytea"})),
    DataType.UUID: ("uuid", frozenset({"uuid"})),
    DataType.JSON: ("jsonb", frozenset({"jsonb"})),
}


def speaks_binary(source: Dialect, target: Dialect) -> bool:
    """Tell whether rows can travel in binary between the two."""
    return source.name == target.name == "postgresql"


def binary_select(
    source: Dialect, query: str, columns: Sequence[SourceColumn], fields: Sequence[TargetField]
) -> str | None:
    """Return the SELECT of the columns in the fields' types, None where a type would be changed on the way.

    Shapes: one column a field, in their order; the types' modifiers are the receiver's to apply.
    """
    values = []
    for column, field in zip(columns, fields, strict=True):
        type_name, reached_from = _REACHED[field.data_type]
        if column.database_type.split("(")[0] not in reached_from:
            return None
        values.append(f"q.{source.quote(column.name)}::{type_name}")
    return f"SELECT {', '.join(values)} FROM (\n{query}\n) AS q"


def read_binary(session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
    """Stream a SELECT in binary into `write`, cut anywhere; return the number of rows."""
    return copy_out(session, sql, BINARY_OPTIONS, write)


def copy_out(session: Session, sql: str, options: str, write: Callable[[bytes], Any]) -> int:
    """Stream a SELECT in a form of COPY's into `write`, cut anywhere; return the number of rows."""
    driver: Any = session
    with (
        gathered(BlockSink(write)) as blocks,
        driver.translated(),
        contextlib.closing(driver.connection.cursor()) as cursor,
    ):
        cursor.copy_expert(f"COPY (\n{sql}\n) TO STDOUT ({options})", blocks, BLOCK_BYTES)
        return int(cursor.rowcount)


class _Guarded:
    """Keeps what `read` raised: libpq would send its text to the server and the driver forget the rest."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._source.read(size)
        except BaseException as failure:
            self.failure = failure
            raise OSError("the feeder failed") from None


def load_binary(
    session: Session, table: TableName, fields: Sequence[TargetField], source: BinaryIO
) -> LoadResult:
    """Bulk load a binary stream in the open transaction; as `Dialect.load_blocks` otherwise."""
    driver: Any = session
    names = ", ".join(session.dialect.quote(field.name) for field in fields)
    sql = f"COPY {session.dialect.qualified(table)} ({names}) FROM STDIN (FORMAT binary)"
    guarded = _Guarded(source)
    with contextlib.closing(driver.connection.cursor()) as cursor:
        try:
            cursor.copy_expert(sql, guarded, BLOCK_BYTES)
        except driver.driver_error as error:
            if guarded.failure is not None:
                raise guarded.failure from error
            raise session.dialect.classify(error, Purpose.TARGET) from error
        return LoadResult(rows=int(cursor.rowcount))
