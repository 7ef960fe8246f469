"""Rows to lines of dynamic cells, and lines to what is stored, whatever the values."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dialects.sqlite_values import cell_of, lines_of_values, stored_columns
from shared.types import DataType
from shared.wire import join_line

TEXTS = st.one_of(
    st.binary(max_size=12),
    st.lists(st.sampled_from([b"\\", b"\\N", b"\t", b"\n", b"\r", b"\b", b"\f", b"\v", b"a"])).map(b"".join),
)
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    TEXTS,
    TEXTS.map(bytearray),
)
COLUMNS = st.sampled_from(
    [VALUES, st.none(), st.integers(0, 9), TEXTS.map(bytearray), st.one_of(st.none(), TEXTS.map(bytearray))]
)
ROWS = st.lists(COLUMNS, min_size=1, max_size=4).flatmap(
    lambda columns: st.lists(st.tuples(*columns), min_size=1, max_size=6)
)


@given(ROWS)
def test_the_lines_of_rows_are_the_lines_of_their_cells(rows: list[tuple[Any, ...]]) -> None:
    assert lines_of_values(rows) == b"".join(join_line([cell_of(value) for value in row]) for row in rows)


CASES: list[tuple[DataType, bytes | None, Any]] = [
    (DataType.STRING, b"\\N", "\\N"),
    (DataType.STRING, "tab\t, newline\n, nul\0, \U0001f600".encode(), "tab\t, newline\n, nul\0, \U0001f600"),
    (DataType.STRING, b"", ""),
    (DataType.INTEGER, b"-9223372036854775808", -(2**63)),
    (DataType.FLOAT, b"1e-320", 1e-320),
    (DataType.FLOAT, b"-Infinity", -math.inf),
    (DataType.BOOLEAN, b"t", 1),
    (DataType.BOOLEAN, b"f", 0),
    (DataType.DATE, b"2024-02-29", "2024-02-29"),
    (DataType.TIMESTAMP, b"2024-02-29 23:59:59.000001", "2024-02-29T23:59:59.000001"),
    (DataType.TIMESTAMPTZ, b"2024-02-29 23:59:59+00", "2024-02-29T23:59:59Z"),
    (DataType.DECIMAL, b"0.10", "0.10"),
    (DataType.TIME, b"23:59:59", "23:59:59"),
    (DataType.BINARY, b"\\x00ff5c", b"\x00\xff\\"),
    (DataType.JSON, b'{"a": "\\n"}', '{"a": "\\n"}'),
    (DataType.UUID, b"0" * 36, "0" * 36),
]


@pytest.mark.parametrize(("data_type", "cell", "value"), CASES)
def test_what_is_stored(data_type: DataType, cell: bytes, value: Any) -> None:
    block = join_line([cell]) + join_line([None]) + join_line([cell])
    [column] = stored_columns(block, [data_type])
    assert list(column) == [value, None, value]
    assert type(column[0]) is type(value)


@given(st.lists(st.tuples(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text())), min_size=1))
def test_texts_are_stored_as_they_are(rows: list[tuple[str | None, str | None]]) -> None:
    block = b"".join(join_line([None if text is None else text.encode() for text in row]) for row in rows)
    stored = stored_columns(block, [DataType.STRING, DataType.STRING])
    assert list(zip(*stored, strict=True)) == rows


def test_a_line_of_another_width_is_not_stored() -> None:
    with pytest.raises(ValueError, match="argument"):
        stored_columns(b"1\t2\n", [DataType.INTEGER])
