"""Short ways to map one cell or one row in tests."""

from collections.abc import Sequence
from typing import Any

from shared.column_mappings import ColumnMappingSpec, Direct, DirectConfig
from shared.column_mappings.casts import Mode
from shared.column_mappings.line_mapper import compile_line_mapper
from shared.column_mappings.row_mapper import MappedRow, RowMapper, compile_row_mapper
from shared.dialects.mariadb import MariadbDialect
from shared.dialects.mysql import MysqlDialect
from shared.dialects.postgresql import PostgresqlDialect
from shared.dialects.sqlite import SqliteDialect
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits
from shared.wire import join_line

TARGETS: dict[str, TypeLimits] = {
    "postgresql": PostgresqlDialect.capabilities.limits,
    "mysql": MysqlDialect.capabilities.limits,
    "mariadb": MariadbDialect.capabilities.limits,
    "sqlite": SqliteDialect.capabilities.limits,
}
POSTGRESQL = TARGETS["postgresql"]


def column(name: str, kind: Kind = Kind.STRING, **more: Any) -> SourceColumn:
    return SourceColumn(name, kind, more.pop("database_type", kind.value), **more)


def field(name: str, data_type: DataType = DataType.STRING, **more: Any) -> TargetField:
    if data_type is DataType.DECIMAL:
        more = {"precision": 38, "scale": 10, **more}
    return TargetField(name=name, data_type=data_type, **more)


def mapper(
    columns: Sequence[SourceColumn],
    fields: Sequence[TargetField],
    specs: Sequence[ColumnMappingSpec] = (),
    *,
    limits: TypeLimits = POSTGRESQL,
    keys: Sequence[str] = (),
    zone: str = "UTC",
    text_may_hold_nul: bool = False,
) -> RowMapper:
    return compile_row_mapper(
        columns,
        fields,
        specs,
        limits=limits,
        key_columns=keys,
        session_time_zone=zone,
        source_text_may_hold_nul=text_may_hold_nul,
    )


def map_cell(
    source: SourceColumn,
    target: TargetField,
    cell: bytes | None,
    *,
    mode: Mode = "strict",
    **more: Any,
) -> bytes | str | None:
    """Return the cell that one direct mapping gives, or the code of its error."""
    spec = Direct(source_columns=(source.name,), target_fields=(target.name,), config=DirectConfig(cast=mode))
    return only_cell(map_both(mapper([source], [target], [spec], **more), [cell]))


def map_both(made: RowMapper, cells: Sequence[bytes | None]) -> MappedRow:
    """Map one row by itself and as a block of lines, which must agree."""
    row, line = made.map_row(cells), join_line(cells)
    mapped = compile_line_mapper(made).map_block(line + line)
    if row.errors:
        assert mapped.data == b""
        assert [(one.line_number, one.source_cells, one.errors) for one in mapped.rejected] == [
            (number, tuple(cells), row.errors) for number in (1, 2)
        ]
    else:
        assert mapped.data == 2 * join_line(row.cells)
        assert mapped.rejected == []
    return row


def only_cell(row: MappedRow) -> bytes | str | None:
    assert len(row.cells) == 1
    if row.errors:
        assert row.cells == (None,)
        return row.errors[0].code
    return row.cells[0]
