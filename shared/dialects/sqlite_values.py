"""SQLite's values: storage classes to wire cells, wire cells to what is stored (DESIGN.md §9)."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from shared.types import DataType
from shared.wire import escape_cell

_CLASS_TYPES = {
    "integer": DataType.INTEGER,
    "real": DataType.FLOAT,
    "text": DataType.STRING,
    "blob": DataType.BINARY,
}

Value = int | float | str | bytes | None


def _integer_cell(value: int) -> bytes:
    return b"i%d" % value


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
    int: _integer_cell,
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
    type(None): lambda _: b"\\N",
}


def line_of_values(row: Sequence[Any]) -> bytes:
    """Return a row's line of dynamic wire cells, with its newline."""
    return b"\t".join([_FIELDS[type(value)](value) for value in row]) + b"\n"


def _instant(cell: bytes) -> str:
    return cell.decode().replace(" ", "T", 1)


def _zoned_instant(cell: bytes) -> str:
    return _instant(cell.removesuffix(b"+00")) + "Z"


def _blob(cell: bytes) -> bytes:
    return bytes.fromhex(cell[2:].decode())


STORED: dict[DataType, Callable[[bytes], Value]] = {
    DataType.STRING: bytes.decode,
    DataType.INTEGER: int,
    DataType.FLOAT: float,
    DataType.BOOLEAN: lambda cell: int(cell == b"t"),
    DataType.DATE: bytes.decode,
    DataType.TIMESTAMP: _instant,
    DataType.TIMESTAMPTZ: _zoned_instant,
    DataType.DECIMAL: bytes.decode,
    DataType.TIME: bytes.decode,
    DataType.BINARY: _blob,
    DataType.JSON: bytes.decode,
    DataType.UUID: bytes.decode,
}
