"""SQLite's values: storage classes to wire cells, wire cells to what is stored (DESIGN.md §9)."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from shared.types import DataType
from shared.wire import escape_cell, needs_escapes, unescape_cell

_CLASS_TYPES = {
    "integer": DataType.INTEGER,
    "real": DataType.FLOAT,
    "text": DataType.STRING,
    "blob": DataType.BINARY,
}

_NULL = b"\\N"

Value = int | float | str | bytes | None


def _real_cell(value: float) -> bytes:
    if math.isfinite(value):
        return b"r" + repr(value).encode()
    return b"rInfinity" if value > 0 else b"r-Infinity"


def _text_cell(value: bytearray) -> bytes:
    return b"t" + bytes(value)


def _blob_cell(value: bytes) -> bytes:
    return b"b\\x" + value.hex().encode()


# Text comes as bytearray (the session's text_factory), a BLOB as bytes.
CELLS: dict[type, Callable[[Any], bytes]] = {
    int: b"i%d".__mod__,
    float: _real_cell,
    bytearray: _text_cell,
    bytes: _blob_cell,
}


def type_of_classes(classes: set[str]) -> DataType:
    """Return the data type that holds values of these storage classes: text for several."""
    return _CLASS_TYPES[next(iter(classes))] if len(classes) == 1 else DataType.STRING


def cell_of(value: Any) -> bytes | None:
    """Return a dynamic wire cell: the letter of the storage class, then the wire text."""
    return None if value is None else CELLS[type(value)](value)


def _text_field(value: bytearray) -> bytes:
    return escape_cell(b"t" + value)


def _blob_field(value: bytes) -> bytes:
    return b"b\\\\x" + value.hex().encode()


# The same cells as they stand in a COPY text line: numbers need no escape, and NULL is a field of its own.
_FIELDS: dict[type, Callable[[Any], bytes]] = {
    **CELLS,
    bytearray: _text_field,
    bytes: _blob_field,
    type(None): lambda _: _NULL,
}

_TEXT_OR_NULL = {bytearray, type(None)}


def lines_of_values(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return the lines of dynamic wire cells of some rows, each with its newline."""
    columns = [_fields_of(column) for column in zip(*rows, strict=True)]
    return b"\n".join(map(b"\t".join, zip(*columns, strict=True))) + b"\n"


def _fields_of(column: Sequence[Any]) -> Sequence[bytes]:
    kinds = set(map(type, column))
    # One look at all texts together, in which an escape is rarely needed.
    if kinds <= _TEXT_OR_NULL and not needs_escapes(b"".join(filter(None, column))):
        return [_NULL if value is None else b"t" + value for value in column]
    if len(kinds) > 1:
        return [_FIELDS[type(value)](value) for value in column]
    return list(map(_FIELDS[kinds.pop()], column))


def _instant(cell: str) -> str:
    return cell.replace(" ", "T", 1)


def _zoned_instant(cell: str) -> str:
    return _instant(cell.removesuffix("+00")) + "Z"


def _blob(cell: str) -> bytes:
    return bytes.fromhex(cell[2:])


# What is stored of a cell's text; types that are not here store the text itself.
_STORED: dict[DataType, Callable[[str], Value]] = {
    DataType.INTEGER: int,
    DataType.FLOAT: float,
    DataType.BOOLEAN: lambda cell: int(cell == "t"),
    DataType.TIMESTAMP: _instant,
    DataType.TIMESTAMPTZ: _zoned_instant,
    DataType.BINARY: _blob,
}


def stored_columns(block: bytes, types: Sequence[DataType]) -> list[Sequence[Value]]:
    """Return the columns of a block of whole COPY text lines, as they are stored.

    Raises ValueError for lines of another number of fields.
    """
    lines = block.decode().split("\n")
    lines.pop()
    columns: list[Sequence[str | None]] = list(zip(*[line.split("\t") for line in lines], strict=True))
    if b"\\" in block:
        columns = [_unescaped(column) for column in columns]
    return [_stored(column, data_type) for column, data_type in zip(columns, types, strict=True)]


def _unescaped(column: Sequence[str | None]) -> Sequence[str | None]:
    return [_unescape(cell) if cell and "\\" in cell else cell for cell in column]


def _unescape(field: str) -> str | None:
    cell = unescape_cell(field.encode())
    return None if cell is None else cell.decode()


def _stored(column: Sequence[str | None], data_type: DataType) -> Sequence[Value]:
    store = _STORED.get(data_type)
    if store is None:
        return column
    return [None if cell is None else store(cell) for cell in column]
