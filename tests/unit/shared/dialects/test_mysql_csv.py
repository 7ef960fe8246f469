"""Rows as LOAD DATA reads them: byte for byte the same, however they are made."""

import io

from hypothesis import given
from hypothesis import strategies as st

from shared.dialects.mysql_csv import CsvStream, csv_lines, read_rows
from shared.wire import Cell, join_line

CELLS = st.one_of(
    st.none(),
    st.binary(max_size=6),
    st.sampled_from([b"NULL", b"\\N", b'"', b'","', b"\n", b'""', b"", b","]),
)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=9))
def test_rows_come_back_as_they_were(rows: list[tuple[Cell, ...]]) -> None:
    lines = csv_lines(rows)
    assert list(read_rows(io.BytesIO(lines), 3)) == rows
    assert CsvStream(io.BytesIO(b"".join(join_line(row) for row in rows))).read() == lines
