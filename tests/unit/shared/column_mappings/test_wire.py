"""Cells as they stand in lines, and as they stand in JSON answers."""

import json
from typing import Any

import pytest

from shared.types import DataType, Kind
from shared.wire import (
    escape_cell,
    instant_text,
    join_line,
    json_value,
    needs_escapes,
    split_line,
    unescape_cell,
)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (b"", b""),
        (b"plain", b"plain"),
        (b"\\", b"\\\\"),
        (b"\\N", b"\\\\N"),
        (b"\\.", b"\\\\."),
        (b"\t\n\r\x08\x0c\x0b", b"\\t\\n\\r\\b\\f\\v"),
        ("ä🙂".encode(), "ä🙂".encode()),
        (b"\0\x01\x7f", b"\0\x01\x7f"),
    ],
)
def test_cells_are_escaped_and_read_back(cell: bytes, text: bytes) -> None:
    assert escape_cell(cell) == text
    assert unescape_cell(text) == cell


@pytest.mark.parametrize("char", [b"\\", b"\t", b"\n", b"\r", b"\x08", b"\x0c", b"\x0b"])
def test_what_is_escaped_needs_escapes(char: bytes) -> None:
    assert needs_escapes(b"a" + char + b"b")
    assert not needs_escapes(b"ab, \0\x7f N")


def test_null_is_not_its_own_text() -> None:
    assert unescape_cell(b"\\N") is None
    assert join_line((None, b"\\N", b"", b"N")) == b"\\N\t\\\\N\t\tN\n"
    assert split_line(b"\\N\t\\\\N\t\tN") == (None, b"\\N", b"", b"N")


def test_an_unknown_escape_is_its_character() -> None:
    assert unescape_cell(b"\\a\\\\b") == b"a\\b"


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (Kind.INTEGER, b"-5", -5),
        (Kind.INTEGER, b"9007199254740992", 2**53),
        (Kind.INTEGER, b"9007199254740993", "9007199254740993"),
        (Kind.INTEGER, b"-9007199254740993", "-9007199254740993"),
        (DataType.INTEGER, b"7", 7),
        (Kind.DECIMAL, b"1.50", "1.50"),
        (Kind.DECIMAL, b"NaN", "NaN"),
        (Kind.FLOAT, b"0.1", 0.1),
        (Kind.FLOAT, b"NaN", "NaN"),
        (Kind.FLOAT, b"-Infinity", "-Infinity"),
        (Kind.BOOLEAN, b"t", True),
        (Kind.BOOLEAN, b"f", False),
        (Kind.DATE, b"2024-02-29", "2024-02-29"),
        (Kind.TIMESTAMP, b"2024-02-29 10:00:00.500000", "2024-02-29T10:00:00.5"),
        (DataType.TIMESTAMPTZ, b"2024-02-29 10:00:00+00", "2024-02-29T10:00:00Z"),
        (Kind.TIMESTAMP, b"infinity", "infinity"),
        (Kind.STRING, "ä".encode(), "ä"),
        (Kind.STRING, b"\xff", "\ufffd"),
        (Kind.BINARY, b"\\x00ff", "AP8="),
        (Kind.BINARY, b"\\x", ""),
        (Kind.JSON, b'{"a": 1}', '{"a": 1}'),
        (Kind.UUID, b"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        (Kind.DYNAMIC, b"i5", 5),
        (Kind.DYNAMIC, b"r2.5", 2.5),
        (Kind.DYNAMIC, b"t5", "5"),
        (Kind.DYNAMIC, b"b\\x00", "AA=="),
        (Kind.STRING, None, None),
    ],
)
def test_cells_in_json_answers(kind: Kind | DataType, cell: bytes | None, value: Any) -> None:
    found = json_value(cell, kind)
    assert found == value
    assert type(found) is type(value)
    json.dumps(found, allow_nan=False)


def test_instants_keep_their_microseconds() -> None:
    assert instant_text(b"2024-01-01 00:00:00.000001+00") == b"2024-01-01T00:00:00.000001Z"
    assert instant_text(b"2024-01-01 00:00:10.100") == b"2024-01-01T00:00:10.1"
    assert instant_text(b"2024-01-01 00:00:10") == b"2024-01-01T00:00:10"
