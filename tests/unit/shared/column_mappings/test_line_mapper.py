"""Blocks of lines: what comes out, what is rejected, what is remembered.

That any mapping of any rows gives what the row mapper gives is held by tests/conformance/column_mappings.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence

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
)
from shared.column_mappings import line_mapper as module
from shared.column_mappings.line_mapper import compile_line_mapper
from shared.column_mappings.row_mapper import RowMapper
from shared.types import DataType
from shared.wire import join_line, split_line
from tests.unit.shared.column_mappings.mapping_cases import column, field, mapper

Cell = bytes | None


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
    assert line_mapper.map_block(b"").data == b""
    assert line_mapper.map_block(b"").rows_read == 0
    mapped = line_mapper.map_block(b"x\t\nx\t\n")
    assert (mapped.data, mapped.rows_read, mapped.rows_mapped) == (b"", 2, 0)


def test_a_line_with_another_number_of_fields_is_a_fault_not_a_reject() -> None:
    with pytest.raises(ValueError, match="unpack"):
        compile_line_mapper(simple()).map_block(b"1\t2\t3\n")


def test_the_row_mapper_has_the_last_word() -> None:
    """A line that the quick way gives up without need is mapped all the same."""

    def give_up(
        lines: Sequence[bytes], add: Callable[[bytes], None], again: Callable[[int, bytes], None]
    ) -> None:
        for number, line in enumerate(lines, start=1):
            again(number, line)

    mapped = module.LineMapper(simple(), give_up, give_up).map_block(b"1\tp|q\nx\tp\n")
    assert mapped.data == b"1\tp|q\tp\tq\tp|q\\\\1\n"
    assert [line.line_number for line in mapped.rejected] == [2]


def test_nul_is_looked_for_only_where_a_block_has_it() -> None:
    compiled = mapper([column("a"), column("b")], [field("a"), field("b")], text_may_hold_nul=True)
    line_mapper = compile_line_mapper(compiled)
    assert line_mapper.map_block(b"1\t2\n").data == b"1\t2\n"
    mapped = line_mapper.map_block(b"1\t2\n\0\t2\n")
    assert mapped.data == b"1\t2\n"
    assert [error.code for error in mapped.rejected[0].errors] == ["holds_nul"]


def test_remembered_cells_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_CELLS", 3)
    compiled = mapper([column("a")], [field("a", DataType.INTEGER)])
    calls: list[Cell] = []

    def same(cell: Cell) -> Cell:
        calls.append(cell)
        return cell

    remembered = module._Remembered(same)
    for text in (b"1", b"2", b"x" * 65, b"3", b"4", b"4", b"1"):
        assert remembered[text] == text
    assert set(remembered) == {b"1", b"2", b"3"}
    assert calls == [b"1", b"2", b"x" * 65, b"3", b"4", b"4"]
    block = b"".join(b"%d\n" % number for number in range(50))
    assert compile_line_mapper(compiled).map_block(block).data == block


def test_names_and_values_of_users_never_stand_in_the_generated_source() -> None:
    evil = "'); raise SystemExit('"
    spec = Split(source_columns=(evil,), target_fields=("x\\", '"y'), config=SplitConfig(delimiter=evil))
    compiled = mapper([column(evil)], [field("x\\"), field('"y')], [spec])
    block = join_line((f"a{evil}b".encode(),))
    assert compile_line_mapper(compiled).map_block(block).data == b"a\tb\n"


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
