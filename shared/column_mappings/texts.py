"""The text of a value, and texts that fit a field (DESIGN.md §8, text of a value)."""

from collections.abc import Callable

from shared.column_mappings.cast_errors import failure
from shared.column_mappings.instants import time_text
from shared.column_mappings.json_check import decode
from shared.column_mappings.numbers import float_text
from shared.types import Kind
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


def without_nul(cell: bytes) -> bytes:
    if b"\0" in cell:
        raise failure("holds_nul")
    return cell


def at_most_characters(length: int, *, lossy: bool) -> Convert:
    """Return the function that refuses, or cuts, a text of more than `length` characters."""

    def convert(cell: bytes) -> bytes:
        if len(cell) <= length:
            return cell
        text = decode(cell)
        if len(text) <= length:
            return cell
        if not lossy:
            raise failure("too_long", limit=f"{length} characters")
        return text[:length].encode()

    return convert


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
