"""Cells and lines of COPY text, and the text that LOAD DATA reads."""

import io
from collections.abc import Callable
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dialects.copy_text import block_writer, whole_lines
from shared.dialects.mysql_csv import CsvStream, csv_block, read_rows
from shared.types import BLOCK_BYTES
from shared.wire import Cell, join_line, split_line

BYTES = st.one_of(
    st.binary(max_size=12),
    st.lists(
        st.sampled_from([b"\\", b"\\N", b"N", b'"', b",", b"\t", b"\n", b"\r", b"\0", b"a", b"NULL"])
    ).map(b"".join),
)
CELLS = st.one_of(st.none(), BYTES)
ROWS = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=8))


@given(ROWS)
def test_rows_come_back_from_lines(rows: list[tuple[Cell, ...]]) -> None:
    lines = b"".join(join_line(row) for row in rows)
    blocks = list(whole_lines(_Drip(lines, 3).read))
    assert b"".join(blocks) == lines
    assert all(block.endswith(b"\n") for block in blocks)
    assert [split_line(line) for line in lines.split(b"\n")[:-1]] == rows


@given(ROWS)
def test_rows_come_back_from_csv(rows: list[tuple[Cell, ...]]) -> None:
    lines = csv_block(b"".join(join_line(row) for row in rows))
    assert list(read_rows(io.BytesIO(lines), len(rows[0]) if rows else 1)) == rows


@given(ROWS, st.integers(1, 7))
def test_a_csv_stream_may_be_read_in_any_pieces(rows: list[tuple[Cell, ...]], size: int) -> None:
    lines = b"".join(join_line(row) for row in rows)
    stream = CsvStream(_Drip(lines, 3))
    assert b"".join(iter(lambda: stream.read(size), b"")) == csv_block(lines)


class _Drip(io.BytesIO):
    """Gives a few bytes a read, whatever is asked for."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._size)


@pytest.mark.parametrize(
    "reader", [lambda source: list(whole_lines(source.read)), lambda source: CsvStream(source).read()]
)
def test_an_unended_line_is_an_error(reader: Callable[[BinaryIO], object]) -> None:
    with pytest.raises(ValueError, match="not ended"):
        reader(io.BytesIO(b"a\nb"))


def test_blocks_are_whole_lines_of_bounded_size() -> None:
    blocks: list[bytes] = []
    with block_writer(blocks.append) as writer:
        for number in range(100_000):
            writer.write(b"%d\tsome text\n" % number)
        writer.write(b"x" * (2 * BLOCK_BYTES) + b"\n")
    assert all(block.endswith(b"\n") for block in blocks)
    assert max(len(block) for block in blocks[:-1]) <= BLOCK_BYTES
    assert b"".join(blocks).count(b"\n") == 100_001


def test_a_failing_writer_is_not_called_again() -> None:
    calls: list[bytes] = []

    def refuse(block: bytes) -> None:
        calls.append(block)
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"), block_writer(refuse) as writer:
        writer.write(b"a\n")
    writer.close()
    assert calls == [b"a\n"]
