"""PostgreSQL's binary COPY from one server to another: no text is made or read on either side.

Binary COPY checks no types: what has the wrong size fails, what has the right size is taken for something
else. So only columns travel that have the target's form, or that a cast in the SELECT brings to it with every value
kept: bpchar would lose its padding, real its digits, json its form. A column that is not cast costs the source nothing:
where none is, it prints the rows of its table as they lie there.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from io import BufferedWriter, FileIO
from types import MappingProxyType
from typing import Any, BinaryIO

from shared.dialects.base import Dialect, LoadResult, Purpose, Session, TableName
from shared.dialects.copy_text import BlockSink, gathered
from shared.types import BLOCK_BYTES, DataType, Form, SourceColumn, TargetField

_OPTIONS: Mapping[Form, str] = MappingProxyType(
    {
        "lines": "FORMAT text",
        "binary": "FORMAT binary",
        "csv": "FORMAT csv, NULL 'NULL', FORCE_QUOTE *",  # as LOAD DATA takes it: shared.dialects.mysql_csv
    }
)
# What stands before the first row and behind the last one: no flags, nothing added.
BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_TRAILER = b"\xff\xff"

# By field type: the types of a query's columns that have its binary form, and those that a cast brings to it unchanged.
_REACHED: dict[DataType, tuple[frozenset[str], dict[str, str]]] = {
    DataType.INTEGER: (frozenset({"bigint"}), {"integer": "bigint", "smallint": "bigint"}),
    DataType.FLOAT: (frozenset({"double precision"}), {}),
    DataType.DECIMAL: (frozenset({"numeric"}), {}),
    DataType.BOOLEAN: (frozenset({"boolean"}), {}),
    DataType.DATE: (frozenset({"date"}), {}),
    DataType.TIMESTAMP: (frozenset({"timestamp without time zone"}), {}),
    DataType.TIMESTAMPTZ: (frozenset({"timestamp with time zone"}), {}),
    DataType.TIME: (frozenset({"time without time zone"}), {}),
    DataType.STRING: (frozenset({"text", "character varying"}), {}),
    DataType.BINARY: (frozenset({"bytea"}), {}),
    DataType.UUID: (frozenset({"uuid"}), {}),
    DataType.JSON: (frozenset({"jsonb"}), {}),
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
        same_form, casts = _REACHED[field.data_type]
        type_name = column.database_type.partition("(")[0]
        value = f"q.{source.quote(column.name)}"
        if type_name not in same_form:
            if type_name not in casts:
                return None
            value += f"::{casts[type_name]}"
        values.append(value)
    return f"SELECT {', '.join(values)} FROM (\n{query}\n) AS q"


def copy_statement(sql: str, form: Form) -> str:
    """Return the COPY that streams a SELECT in a form."""
    return f"COPY (\n{sql}\n) TO STDOUT ({_OPTIONS[form]})"


def read_binary(session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
    """Stream a SELECT in binary into `write`, cut anywhere; return the number of rows."""
    return copy_out(session, sql, "binary", write)


def copy_out(session: Session, sql: str, form: Form, write: Callable[[bytes], Any]) -> int:
    """Stream a SELECT in a form into `write`, cut anywhere; return the number of rows."""
    driver: Any = session
    with (
        gathered(BlockSink(write)) as blocks,
        driver.translated(),
        contextlib.closing(driver.connection.cursor()) as cursor,
    ):
        cursor.copy_expert(copy_statement(sql, form), blocks, BLOCK_BYTES)
        return int(cursor.rowcount)


def copy_into(session: Session, sql: str, form: Form, pipe: FileIO) -> int:
    """Stream a SELECT in a form into a pipe, cut anywhere, and close it; return the number of rows.

    No Python runs for a row or a block: the driver calls the buffer, and the buffer the system.
    Raises BrokenPipeError once nobody reads.
    """
    driver: Any = session
    blocks = BufferedWriter(pipe, BLOCK_BYTES)
    with driver.translated(), contextlib.closing(driver.connection.cursor()) as cursor:
        try:
            cursor.copy_expert(copy_statement(sql, form), blocks, BLOCK_BYTES)
            blocks.flush()
            return int(cursor.rowcount)
        finally:
            pipe.close()  # what the buffer still holds of a stream that breaks off goes nowhere


class GuardedSource:
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
    guarded = GuardedSource(source)
    with contextlib.closing(driver.connection.cursor()) as cursor:
        try:
            cursor.copy_expert(sql, guarded, BLOCK_BYTES)
        except driver.driver_error as error:
            if guarded.failure is not None:
                raise guarded.failure from error
            raise session.dialect.classify(error, Purpose.TARGET) from error
        return LoadResult(rows=int(cursor.rowcount))
