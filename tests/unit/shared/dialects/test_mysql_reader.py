"""Rows of the MySQL protocol read from a stream that cuts packets anywhere."""

import io
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from asyncmy.protocol import parse_rows_from_buffer
from hypothesis import given
from hypothesis import strategies as st

from shared.dialects import mysql_reader
from shared.dialects.mysql_reader import RowReader, lines_of
from shared.wire import Cell, join_line

END = b"\xfe\0\0\x02\0"


class _Pieces(io.BytesIO):
    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read1(self, size: int | None = -1) -> bytes:
        return super().read(min(self._size, size or 0))


def _encoded(cell: Cell) -> bytes:
    if cell is None:
        return b"\xfb"
    if len(cell) < 251:
        return bytes([len(cell)]) + cell
    if len(cell) < 2**16:
        return b"\xfc" + len(cell).to_bytes(2, "little") + cell
    return b"\xfe" + len(cell).to_bytes(8, "little") + cell


def _packets(payloads: list[bytes]) -> bytes:
    stream, sequence = b"", 1
    for payload in payloads:
        parts = [payload[start : start + 0xFFFFFF] for start in range(0, len(payload) + 1, 0xFFFFFF)]
        for part in parts:
            stream += len(part).to_bytes(3, "little") + bytes([sequence]) + part
            sequence = (sequence + 1) % 256
    return stream


def _reader(payloads: list[bytes], size: int, *, columns: int, charset: int = 45) -> RowReader:
    connection: Any = SimpleNamespace(_rfile=_Pieces(_packets(payloads), size), _next_seq_id=1)
    fields = [SimpleNamespace(charsetnr=charset, type_code=252)] * columns
    return RowReader(connection, fields)


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.binary(max_size=300)), st.binary(max_size=9)), max_size=300),
    st.integers(1, 700),
)
def test_rows_come_whole_from_any_pieces(rows: list[tuple[Cell, ...]], size: int) -> None:
    payloads = [b"".join(_encoded(cell) for cell in row) for row in rows]
    reader = _reader([*payloads, END], size, columns=2)
    assert [row for batch in reader.batches() for row in batch] == rows


def test_a_row_that_comes_in_many_pieces_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def parse(buffer: bytearray, start: int, end: int, *more: Any) -> Any:
        looks.append(end - start)
        return parse_rows_from_buffer(buffer, start, end, *more)

    monkeypatch.setattr(mysql_reader, "parse_rows_from_buffer", parse)
    row = (b"x" * 2**20, b"y")
    reader = _reader([b"".join(_encoded(cell) for cell in row), END], 1000, columns=2)
    assert [found for batch in reader.batches() for found in batch] == [row]
    assert sum(looks) < 2 * 2**20


def test_a_row_beyond_one_packet_comes_whole() -> None:
    row = (b"x" * (0xFFFFFF + 10), b"y")
    reader = _reader([b"".join(_encoded(cell) for cell in row), _encoded(b"a") * 2, END], 2**20, columns=2)
    assert [found for batch in reader.batches() for found in batch] == [row, (b"a", b"a")]


def test_binary_columns_become_hexadecimal() -> None:
    reader = _reader([_encoded(b"\0\xff") + _encoded(None), END], 100, columns=2, charset=63)
    assert list(reader.batches()) == [[(b"\\x00ff", None)]]


def test_an_error_in_mid_stream_is_raised() -> None:
    error = b"\xff" + (1317).to_bytes(2, "little") + b"#70100stopped"
    reader = _reader([_encoded(b"a"), error], 100, columns=1)
    batches = reader.batches()
    assert next(batches) == [(b"a",)]
    with pytest.raises(pymysql.err.OperationalError) as raised:
        next(batches)
    assert raised.value.args[0] == 1317


def test_a_stream_that_ends_early_is_an_error() -> None:
    with pytest.raises(pymysql.err.OperationalError):
        list(_reader([_encoded(b"a")], 100, columns=1).batches())


@given(
    st.lists(
        st.tuples(
            *[
                st.one_of(
                    st.none(), st.binary(max_size=5), st.sampled_from([b"\\N", b"\\", b"\t", b"\r", b"a"])
                )
            ]
            * 3
        ),
        min_size=1,
        max_size=9,
    )
)
def test_lines_are_those_of_each_row(rows: list[tuple[Cell, ...]]) -> None:
    assert lines_of(rows) == b"".join(join_line(row) for row in rows)
