"""The line mapper: blocks of source lines to blocks of target lines, by the row mapper's own meaning.

A block's lines are taken apart into columns, so that most of the work is done for a whole column by a few
calls. Cells that pass unchanged stay escaped as they are, all others are unescaped only where they hold a
backslash, and the casts of repeated cells are remembered. A line in which anything goes wrong is mapped again
by `RowMapper.map_row`, so that both give the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.column_mappings import Join, Split
from shared.column_mappings.columns import CastColumn, Column, Doubtful, Facts
from shared.column_mappings.row_mapper import Cell, CellError, Filling, RowMapper
from shared.column_mappings.split_join_columns import JoinColumn, SplitColumn
from shared.wire import join_line, split_line


@dataclass(frozen=True)
class RejectedLine:
    """A line that cannot be mapped; `line_number` counts from 1 within its block."""

    line_number: int
    source_cells: tuple[Cell, ...]
    errors: tuple[CellError, ...]


@dataclass(frozen=True)
class MappedBlock:
    """`rows_read` lines came in, `rows_mapped` go out in `data`, the others are in `rejected`."""

    data: bytes
    rows_read: int
    rows_mapped: int
    rejected: list[RejectedLine]


class MapColumns(Protocol):
    """One column mapping: its source columns in, its target fields' columns out."""

    def map_columns(
        self, columns: Sequence[Column], facts: Facts, doubtful: Doubtful
    ) -> Sequence[Column]: ...


class LineMapper:
    """Maps blocks of whole COPY text lines (see shared.types)."""

    def __init__(self, row_mapper: RowMapper, steps: Sequence[MapColumns]) -> None:
        self._row_mapper = row_mapper
        self._steps = list(zip(row_mapper.fillings, steps, strict=True))

    def map_block(self, block: bytes) -> MappedBlock:
        """Map whole lines; those with errors are rejected with all of their errors."""
        lines = block.split(b"\n")
        lines.pop()
        if not lines:
            return MappedBlock(b"", 0, 0, [])
        doubtful: Doubtful = set()
        mapped = list(map(b"\t".join, zip(*self._map_columns(block, lines, doubtful), strict=True)))
        rejected = self._map_again(lines, mapped, doubtful) if doubtful else []
        data = b"\n".join(mapped) + b"\n" if mapped else b""
        return MappedBlock(data, len(lines), len(mapped), rejected)

    def _map_columns(self, block: bytes, lines: list[bytes], doubtful: Doubtful) -> list[Column]:
        columns = self._columns(lines)
        facts = Facts(escaped=b"\\" in block, nul=b"\0" in block, utf8=_is_utf8(block))
        outputs: list[Column] = [()] * len(self._row_mapper.fields)
        for filling, step in self._steps:
            made = step.map_columns([columns[place] for place in filling.sources], facts, doubtful)
            for position, column in zip(filling.positions, made, strict=True):
                outputs[position] = column
        return outputs

    def _columns(self, lines: list[bytes]) -> list[Column]:
        """Take lines apart. Raises ValueError for another number of fields than the source has."""
        columns: list[Column] = list(zip(*[line.split(b"\t") for line in lines], strict=True))
        if len(columns) != self._row_mapper.source_width:
            raise ValueError(f"lines of {len(columns)} fields, not {self._row_mapper.source_width}")
        return columns

    def _map_again(self, lines: list[bytes], mapped: list[bytes], doubtful: Doubtful) -> list[RejectedLine]:
        """Put the row mapper's lines in place of the doubtful ones, and take out those that it rejects."""
        rejected = []
        for place in sorted(doubtful):
            cells = split_line(lines[place])
            row = self._row_mapper.map_row(cells)
            if row.errors:
                rejected.append(RejectedLine(place + 1, cells, row.errors))
            else:
                mapped[place] = join_line(row.cells)[:-1]
        for line in reversed(rejected):
            del mapped[line.line_number - 1]
        return rejected


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def compile_line_mapper(row_mapper: RowMapper) -> LineMapper:
    """Return the line mapper of a compiled mapping; it means what the row mapper means."""
    return LineMapper(row_mapper, [_step(row_mapper, filling) for filling in row_mapper.fillings])


class DirectColumn:
    def __init__(self, cast: CastColumn) -> None:
        self._cast = cast

    def map_columns(self, columns: Sequence[Column], facts: Facts, doubtful: Doubtful) -> Sequence[Column]:
        return [self._cast.map_column(columns[0], facts, doubtful)]


def _step(row_mapper: RowMapper, filling: Filling) -> MapColumns:
    casts = [_cast_column(row_mapper, filling, part) for part in range(len(filling.positions))]
    if isinstance(filling.spec, Split):
        return SplitColumn(filling.spec, filling.texts[0], filling.shape, casts)
    if isinstance(filling.spec, Join):
        return JoinColumn(filling.spec, filling.texts, filling.shape, casts[0])
    return DirectColumn(casts[0])


def _cast_column(row_mapper: RowMapper, filling: Filling, part: int) -> CastColumn:
    position, cast = filling.positions[part], filling.casts[part]

    def map_cell(cell: Cell) -> Cell:
        return row_mapper.cast_cell(filling, position, cast, cell)

    required = row_mapper.null_codes[position] is not None
    return CastColumn(cast, filling.default, map_cell, required=required)
