"""Blocks of lines: what comes out, what is rejected, what is remembered.

That any mapping of any rows gives what the row mapper gives is held by tests/conformance/column_mappings.
"""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.column_mappings import (
    ColumnMappingSpec,
    Direct,
    DirectConfig,
    Join,
    JoinConfig,
    Split,
    SplitConfig,
    columns,
)
from shared.column_mappings.columns import Column, Doubtful, Facts
from shared.column_mappings.line_mapper import LineMapper, MappedBlock, compile_line_mapper
from shared.column_mappings.row_mapper import RowMapper
from shared.errors import CastFailed
from shared.types import DataType, Kind, SourceColumn, TargetField
from shared.wire import join_line, split_line
from tests.unit.shared.column_mappings.mapping_cases import column, field, mapper

Cell = bytes | None
JOINED = Join(source_columns=("b", "a"), target_fields=("j",), config=JoinConfig(separator=""))


def decimal(precision: int, scale: int) -> TargetField:
    return field("f", DataType.DECIMAL, precision=precision, scale=scale)


def simple() -> RowMapper:
    fields = [field("n", DataType.INTEGER, nullable=False), field("s"), field("x"), field("y"), field("j")]
    specs: list[ColumnMappingSpec] = [
        Direct(source_columns=("a",), target_fields=("n",)),
        Direct(source_columns=("b",), target_fields=("s",), config=DirectConfig(default="\t")),
        Split(source_columns=("b",), target_fields=("x", "y"), config=SplitConfig(delimiter="|")),
        Join(source_columns=("b", "a"), target_fields=("j",), config=JoinConfig(separator="\\")),
    ]
    return mapper([column("a"), column("b")], fields, specs)


def test_a_block_with_all_there_is() -> None:
    block = b"1\tp|q\nx\tp\n2\t\\N\n3\ta\\tb|\\\\N\n\\N\tz\n4\t\n"
    mapped = compile_line_mapper(simple()).map_block(block)
    assert mapped.data == (
        b"1\tp|q\tp\tq\tp|q\\\\1\n"
        b"2\t\\t\t\\N\t\\N\t2\n"
        b"3\ta\\tb|\\\\N\ta\\tb\t\\\\N\ta\\tb|\\\\N\\\\3\n"
        b"4\t\t\t\\N\t\\\\4\n"
    )
    assert (mapped.rows_read, mapped.rows_mapped) == (6, 4)
    assert [(line.line_number, line.source_cells) for line in mapped.rejected] == [
        (2, (b"x", b"p")),
        (5, (None, b"z")),
    ]
    assert [[error.code for error in line.errors] for line in mapped.rejected] == [
        ["not_an_integer"],
        ["null_in_required"],
    ]


def test_an_empty_block_and_a_block_of_rejects() -> None:
    line_mapper = compile_line_mapper(simple())
    assert line_mapper.map_block(b"") == MappedBlock(b"", 0, 0, [])
    mapped = line_mapper.map_block(b"x\t\nx\t\n")
    assert (mapped.data, mapped.rows_read, mapped.rows_mapped) == (b"", 2, 0)


@pytest.mark.parametrize("block", [b"1\t2\t3\n", b"1\t2\n1\n"])
def test_a_line_with_another_number_of_fields_is_a_fault_not_a_reject(block: bytes) -> None:
    with pytest.raises(ValueError, match=r"fields|argument"):
        compile_line_mapper(simple()).map_block(block)


def test_the_row_mapper_has_the_last_word() -> None:
    """A line that the quick way gives up without need is mapped all the same, and in its place."""

    class GivesUp:
        def map_columns(self, columns: Sequence[Column], facts: Facts, doubtful: Doubtful) -> list[Column]:
            doubtful.update(range(1, len(columns[0])))
            return [columns[0]]

    only = mapper([column("a"), column("b")], [field("j")], [JOINED])
    mapped = LineMapper(only, [GivesUp()]).map_block(b"1\tx\n2\ty\n3\tz\n")
    assert mapped.data == b"x\ny2\nz3\n"


def test_nul_is_looked_for_only_where_a_block_has_it() -> None:
    compiled = mapper([column("a"), column("b")], [field("a"), field("b")], text_may_hold_nul=True)
    line_mapper = compile_line_mapper(compiled)
    assert line_mapper.map_block(b"1\t2\n").data == b"1\t2\n"
    mapped = line_mapper.map_block(b"1\t2\n\0\t2\n")
    assert mapped.data == b"1\t2\n"
    assert [error.code for error in mapped.rejected[0].errors] == ["holds_nul"]


def test_nul_is_looked_for_in_texts_that_are_short_enough() -> None:
    compiled = mapper([column("a")], [field("a", length=3)], text_may_hold_nul=True)
    mapped = compile_line_mapper(compiled).map_block(b"ab\n\0\nabc\n")
    assert mapped.data == b"ab\nabc\n"
    assert [error.code for error in mapped.rejected[0].errors] == ["holds_nul"]


def test_null_in_a_required_field_that_is_padded_is_rejected_alone() -> None:
    source = column("a", Kind.INTEGER, database_type="smallint")
    required = field("f", DataType.DECIMAL, precision=9, scale=2, nullable=False)
    compiled = mapper([source], [required], [Direct(source_columns=("a",), target_fields=("f",))])
    mapped = compile_line_mapper(compiled).map_block(b"7\n\\N\n8\n")
    assert (mapped.data, [line.line_number for line in mapped.rejected]) == (b"7.00\n8.00\n", [2])


def test_remembered_cells_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "REMEMBERED_CELLS", 3)
    calls: list[Cell] = []

    def same(cell: Cell) -> Cell:
        calls.append(cell)
        return cell

    remembered = columns.Remembered(same)
    for text in (b"1", b"2", b"x" * 65, b"3", b"3", b"4", b"4", b"1"):
        assert remembered[text] == text
    assert set(remembered) == {b"4", b"1"}
    assert calls == [b"1", b"2", b"x" * 65, b"3", b"4", b"1"]
    compiled = mapper([column("a")], [field("a", DataType.INTEGER)])
    block = b"".join(b"%d\n" % number for number in range(50))
    assert compile_line_mapper(compiled).map_block(block).data == block


def test_a_cell_that_fails_is_not_remembered() -> None:
    remembered = columns.Remembered(refuse)
    doubtful: Doubtful = set()
    remembered.map_column((b"1", b"1"), doubtful)
    assert (doubtful, len(remembered)) == ({0, 1}, 0)
    doubtful.clear()
    remembered.map_column((b"1",), doubtful)
    assert doubtful == {0}


def refuse(_: Cell) -> Cell:
    raise CastFailed("no", code="no")


@pytest.mark.parametrize(
    ("source", "target", "block", "data"),
    [
        # what costs a look at a whole column, and the cells for which the look is not enough
        (column("a", Kind.DECIMAL, precision=5, scale=1), decimal(9, 3), b"1.5\n-0.1\n", b"1.500\n-0.100\n"),
        (column("a", Kind.DECIMAL, precision=5, scale=1), decimal(9, 3), b"NaN\n\\N\n2.0\n", b"NaN\n\\N\n2.000\n"),
        (column("a", Kind.INTEGER, database_type="smallint"), decimal(9, 2), b"7\n\\N\n", b"7.00\n\\N\n"),
        (column("a"), field("f", length=3), "äö\n\\N\na\\t\n".encode(), "äö\n\\N\na\\t\n".encode()),
        (column("a", Kind.DYNAMIC), field("f", DataType.INTEGER), b"i1\n\\N\ni-2\n", b"1\n\\N\n-2\n"),
        (column("a", Kind.DYNAMIC), field("f"), b"tx\ni1\n\\N\nr2.0\n", b"x\n1\n\\N\n2\n"),
        (column("a", Kind.DYNAMIC), field("f"), b"tx\nt\xc3\xa4\nt\n", b"x\n\xc3\xa4\n\n"),
        (column("a", Kind.DYNAMIC), decimal(6, 1), b"i1\ni-20\n", b"1.0\n-20.0\n"),
    ],
)  # fmt: skip
def test_a_column_at_a_time(source: SourceColumn, target: TargetField, block: bytes, data: bytes) -> None:
    compiled = mapper([source], [target], [Direct(source_columns=("a",), target_fields=(target.name,))])
    assert compile_line_mapper(compiled).map_block(block).data == data


def test_a_declared_type_of_sqlite_bounds_nothing() -> None:
    source = column("a", Kind.DYNAMIC, database_type="tinyint")
    compiled = mapper([source], [field("a", length=5)])
    mapped = compile_line_mapper(compiled).map_block(b"i123456\ni12345\n")
    assert mapped.data == b"12345\n"


def test_text_of_sqlite_that_is_not_utf8_is_rejected_alone() -> None:
    compiled = mapper([column("a", Kind.DYNAMIC)], [field("a")])
    mapped = compile_line_mapper(compiled).map_block(b"t\xff\ntx\n")
    assert (mapped.data, [line.line_number for line in mapped.rejected]) == (b"x\n", [1])


def test_a_cell_of_sqlite_that_has_no_text_is_not_split_but_rejected_alone() -> None:
    spec = Split(source_columns=("a",), target_fields=("p", "q"), config=SplitConfig(delimiter="/"))
    line_mapper = compile_line_mapper(mapper([column("a", Kind.DYNAMIC)], [field("p"), field("q")], [spec]))
    assert line_mapper.map_block(b"tx/y\n").data == b"x\ty\n"
    mapped = line_mapper.map_block(b"tx/y\nb\\\\x00\ni12\n")
    assert (mapped.data, [line.line_number for line in mapped.rejected]) == (b"x\ty\n12\t\\N\n", [2])


def test_importing_the_package_loads_no_driver() -> None:
    check = (
        "import sys; import shared.column_mappings.line_mapper;"
        "print([name for name in sys.modules if name.startswith(('shared.dialects', 'shared.documents', 'pymongo'))])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(st.lists(st.one_of(st.none(), st.binary()), min_size=1))
def test_lines_read_back(cells: list[Cell]) -> None:
    line = join_line(cells)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert split_line(line[:-1]) == tuple(cells)
