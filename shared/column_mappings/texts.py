"""The text of a value, and texts that fit a field (DESIGN.md §8, text of a value)."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.column_mappings.cast_errors import failure
from shared.column_mappings.instants import time_text
from shared.column_mappings.json_check import decode
from shared.column_mappings.numbers import float_text
from shared.types import Kind, SourceColumn
from shared.wire import instant_text

Convert = Callable[[bytes], bytes]


def same(cell: bytes) -> bytes:
    """Return the cell: the conversion of values that need none."""
    return cell


def boolean_text(cell: bytes) -> bytes:
    return b"true" if cell == b"t" else b"false"


def utf8_text(cell: bytes) -> bytes:
    """Return a text that is UTF-8; SQLite keeps any bytes as text."""
    if not cell.isascii():
        decode(cell)
    return cell


# Kinds that are not listed are their own text; bytes have none.
_TEXTS: dict[Kind, Convert] = {
    Kind.FLOAT: float_text,
    Kind.BOOLEAN: boolean_text,
    Kind.TIMESTAMP: instant_text,
    Kind.TIMESTAMPTZ: instant_text,
    Kind.TIME: time_text,
}


def text_of(kind: Kind) -> Convert:
    """Return the function from a cell of a kind to its text: `same` when it is its text. Bytes have none."""
    return _TEXTS.get(kind, same)


# The longest texts of kinds whose types bound them: BC and years of seven digits are dates of PostgreSQL.
_LONGEST = {Kind.BOOLEAN: 5, Kind.DATE: 13, Kind.UUID: 36}
_INTEGER_DIGITS = {
    "tinyint": 3,
    "smallint": 5,
    "year": 4,
    "mediumint": 8,
    "int": 10,
    "integer": 10,
}
_MOST_DIGITS = 20


def integer_digits(column: SourceColumn) -> int:
    """Return how many digits an integer of this column can have at most."""
    return _INTEGER_DIGITS.get(column.database_type.partition("(")[0].split(" ")[0], _MOST_DIGITS)


def longest_text(column: SourceColumn) -> int | None:
    """Return how many characters the text of this column's values can have at most; None without a bound."""
    if column.kind is Kind.STRING:
        return column.length
    if column.kind is Kind.INTEGER:
        return min(integer_digits(column) + 1, _MOST_DIGITS)  # 20 digits are without a sign
    if column.kind is Kind.DECIMAL and column.precision is not None and (column.scale or 0) >= 0:
        return max(column.precision, column.scale or 0) + len("-0.")
    return _LONGEST.get(column.kind)


def without_nul(cell: bytes) -> bytes:
    if b"\0" in cell:
        raise failure("holds_nul")
    return cell


@dataclass(frozen=True)
class AtMostCharacters:
    """Refuses, or cuts, a text of more than `length` characters."""

    length: int
    lossy: bool

    def __call__(self, cell: bytes) -> bytes:
        if len(cell) <= self.length:
            return cell
        text = decode(cell)
        if len(text) <= self.length:
            return cell
        if not self.lossy:
            raise failure("too_long", limit=f"{self.length} characters")
        return text[: self.length].encode()


@dataclass(frozen=True)
class FittingText:
    """A conversion that leaves every text without NUL and of at most `within` bytes as it is."""

    convert: Convert
    within: int

    def __call__(self, cell: bytes) -> bytes:
        return self.convert(cell)


def at_most_bytes(limit: int) -> Convert:
    """Return the function that refuses a text of more bytes than the target can hold."""

    def convert(cell: bytes) -> bytes:
        if len(cell) > limit:
            raise failure("too_long", limit=f"{limit} bytes")
        return cell

    return convert


def chain(*steps: Convert) -> Convert:
    """Return the function that does the steps one after the other, leaving out those that do nothing."""
    needed = [step for step in steps if step is not same]
    if not needed:
        return same
    if len(needed) == 1:
        return needed[0]
    first, *rest = needed

    def convert(cell: bytes) -> bytes:
        cell = first(cell)
        for step in rest:
            cell = step(cell)
        return cell

    return convert
