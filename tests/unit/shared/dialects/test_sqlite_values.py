"""A row's line is the line of its cells, whatever the values."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.dialects.sqlite_values import cell_of, line_of_values
from shared.wire import join_line

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=12),
    st.binary(max_size=12).map(bytearray),
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_a_line_of_values_is_the_line_of_their_cells(row: list[Any]) -> None:
    assert line_of_values(row) == join_line([cell_of(value) for value in row])
