"""COPY text lines and cells (see shared.types), and what a cell is in a JSON answer."""

import base64
import re
from collections.abc import Sequence
from typing import Any

from shared.types import DataType, Kind

Cell = bytes | None

_SPECIAL = re.compile(rb"[\\\t\n\r\x08\x0c\x0b]")
# The backslash comes first, or it would double those of the others.
_ESCAPES = (
    (b"\\", b"\\\\"),
    (b"\t", b"\\t"),
    (b"\n", b"\\n"),
    (b"\r", b"\\r"),
    (b"\x08", b"\\b"),
    (b"\x0c", b"\\f"),
    (b"\x0b", b"\\v"),
)
_ESCAPED_CHARACTERS = tuple(char for char, _ in _ESCAPES)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_UNESCAPES = {escape[1:]: char for char, escape in _ESCAPES}
_EXACT_INTEGER = 2**53
# What a dynamic cell is, by its first letter.
CLASSES = {b"i": Kind.INTEGER, b"r": Kind.FLOAT, b"t": Kind.STRING, b"b": Kind.BINARY}


def needs_escapes(text: bytes) -> bool:
    """Tell whether any character of a text would be escaped in a line."""
    return any(char in text for char in _ESCAPED_CHARACTERS)


def escape_cell(cell: bytes) -> bytes:
    """Return a cell as it stands in a line."""
    if _SPECIAL.search(cell) is None:
        return cell
    for char, escape in _ESCAPES:
        cell = cell.replace(char, escape)
    return cell


def unescape_text(text: bytes) -> bytes:
    """Undo the escapes of a text, in a few passes over it; NUL holds the places of backslashes meanwhile."""
    if b"\0" in text:
        return _unescape_one_by_one(text)
    plain = text.replace(b"\\\\", b"\0")
    if b"\\" in plain:
        for char, escape in _ESCAPES[1:]:
            plain = plain.replace(escape, char)
        if b"\\" in plain:
            return _unescape_one_by_one(text)
    return plain.replace(b"\0", b"\\")


def _unescape_one_by_one(text: bytes) -> bytes:
    """Undo every escape; one that we do not write stands for its character, as in PostgreSQL."""
    return _ESCAPED.sub(lambda match: _UNESCAPES.get(match.group(1), match.group(1)), text)


def unescape_cell(text: bytes) -> Cell:
    """Return the cell that a field of a line stands for; NULL is None."""
    if b"\\" not in text:
        return text
    return None if text == b"\\N" else unescape_text(text)


def join_line(cells: Sequence[Cell]) -> bytes:
    """Return one line, with its newline."""
    return b"\t".join([b"\\N" if cell is None else escape_cell(cell) for cell in cells]) + b"\n"


def split_line(line: bytes) -> tuple[Cell, ...]:
    """Return the cells of one line without its newline."""
    if b"\\" not in line:
        return tuple(line.split(b"\t"))
    return tuple([unescape_cell(text) for text in line.split(b"\t")])


def json_value(cell: Cell, kind: Kind | DataType) -> Any:
    """Return a wire cell as its JSON value.

    Integers outside +-2^53 and decimals are strings, dates and instants ISO 8601, bytes base64, NaN and the
    infinities strings, JSON its text.
    """
    if cell is None:
        return None
    if kind == Kind.DYNAMIC:
        return json_value(cell[1:], CLASSES[cell[:1]])
    if kind == Kind.INTEGER:
        number = int(cell)
        return number if abs(number) <= _EXACT_INTEGER else str(number)
    if kind == Kind.FLOAT:
        value = float(cell)
        return value if value - value == 0 else cell.decode()
    if kind == Kind.BOOLEAN:
        return cell == b"t"
    if kind == Kind.BINARY:
        return base64.b64encode(bytes.fromhex(cell[2:].decode())).decode()
    if kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return instant_text(cell).decode()
    return cell.decode("utf-8", "replace")


def instant_text(cell: bytes) -> bytes:
    """Return a wire timestamp as ISO 8601: T between, Z for UTC, no trailing zeros of the fraction."""
    zone = b""
    if cell.endswith(b"+00"):
        cell, zone = cell[:-3], b"Z"
    if b"." in cell:
        cell = cell.rstrip(b"0").rstrip(b".")
    return cell.replace(b" ", b"T", 1) + zone
