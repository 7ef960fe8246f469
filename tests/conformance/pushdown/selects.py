"""Mappings that a real source does in SQL, beside the same by the line mapper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from local_servers import Database
from shared.column_mappings import ColumnMappingSpec
from shared.column_mappings.line_mapper import compile_line_mapper
from shared.column_mappings.row_mapper import RowMapper, compile_row_mapper
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.pushdown import PushedDown, push_down
from shared.pushdown.rows import source_line
from shared.pushdown.speech import MARK
from shared.pushdown.speeches import speech_of
from shared.types import DataType, Kind, SourceColumn, TargetField
from shared.wire import Cell, split_line
from tests.factories import connection_settings
from tests.unit.shared.column_mappings.mapping_cases import TARGETS


@dataclass(frozen=True)
class Row:
    """One row of a source: what the line mapper makes of it, None where it rejects it, and what the source says."""

    mapped: tuple[Cell, ...] | None
    said: tuple[Cell, ...] | None  # None where the row is in doubt

    @property
    def is_sure(self) -> bool:
        return self.said is not None


def open_source(database: Database) -> Session:
    settings = connection_settings(database)
    return dialect_for(settings.db_type).connect(settings, Purpose.SOURCE, SessionLimits())


@dataclass(frozen=True)
class Compiled:
    mapper: RowMapper
    pushed: PushedDown


def compile_both(
    session: Session,
    query: str,
    fields: Sequence[TargetField],
    specs: Sequence[ColumnMappingSpec],
    target: str,
    *,
    keys: Sequence[str] = (),
    zone: str = "UTC",
) -> Compiled:
    columns = session.dialect.describe(session, query)
    mapper = compile_row_mapper(
        columns,
        fields,
        specs,
        limits=TARGETS[target],
        key_columns=keys,
        session_time_zone=zone,
        source_text_may_hold_nul=session.dialect.capabilities.limits.nul_in_text,
    )
    return Compiled(mapper, push_down(mapper, columns, TARGETS[target], speech_of(session)))


def read_rows(session: Session, query: str, compiled: Compiled) -> list[Row]:
    """Read the query's rows both ways; the source rows of those in doubt must be the rows as they are."""
    columns = session.dialect.describe(session, query)
    plain = session.dialect.wire_select(query, columns)
    sources = lines_of(session, plain)
    said = lines_of(session, compiled.pushed.select(query))
    assert len(said) == len(sources)
    line_mapper = compile_line_mapper(compiled.mapper)
    rows = []
    for source, line in zip(sources, said, strict=True):
        mapped = line_mapper.map_block(source + b"\n")
        cells = None if mapped.rejected else split_line(mapped.data[:-1])
        if line.startswith(MARK):
            given = source_line(line, compiled.pushed.source_cells)
            assert source_values(given[:-1], columns) == source_values(source, columns)
        rows.append(Row(cells, None if line.startswith(MARK) else split_line(line)))
    return rows


def source_values(line: bytes, columns: Sequence[SourceColumn]) -> list[object]:
    """Return the cells of a source row; a double may have several texts."""
    return [
        repr(float(cell)) if cell is not None and column.kind is Kind.FLOAT else cell
        for cell, column in zip(split_line(line), columns, strict=True)
    ]


def lines_of(session: Session, sql: str) -> list[bytes]:
    blocks: list[bytes] = []
    session.dialect.read_blocks(session, sql, blocks.append)
    return b"".join(blocks).split(b"\n")[:-1]


def check_rows(rows: Sequence[Row], fields: Sequence[TargetField]) -> None:
    """A row that the source is sure of has the values that the line mapper gives it."""
    for row in rows:
        if row.said is None:
            continue
        assert row.mapped is not None, row
        for field, mapped, said in zip(fields, row.mapped, row.said, strict=True):
            assert value_of(field, mapped) == value_of(field, said), (field, row)


def value_of(field: TargetField, cell: Cell) -> object:
    """Return what a column of the field's type makes of a cell."""
    if cell is None:
        return None
    return _VALUES.get(field.data_type, str)(cell.decode())


def _clock(text: str) -> str:
    clock = text.removesuffix("+00")
    assert not {"T", "Z"} & set(clock)
    clock = clock if " " in clock else f"{clock} 00:00:00"
    return _time(clock) + text[len(text.removesuffix("+00")) :]


def _time(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


_VALUES: dict[DataType, Callable[[str], object]] = {
    DataType.INTEGER: int,
    DataType.DECIMAL: lambda text: text if text == "NaN" else Decimal(text),
    DataType.FLOAT: lambda text: repr(float(text)),
    DataType.TIMESTAMP: lambda text: text if "infinity" in text or "BC" in text else _clock(text),
    DataType.TIMESTAMPTZ: lambda text: text if "infinity" in text or "BC" in text else _clock(text),
    DataType.TIME: _time,
}
