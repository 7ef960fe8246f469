"""Looking before saving: the first rows of a query, and the same rows after mapping.

Blocking. Uses the describe, the wire SELECT and the row mapper that runs use, so that what is seen is what runs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.column_mappings import ColumnMappingSpec
from shared.column_mappings.row_mapper import RowMapper, compile_row_mapper
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Dialect, Purpose, Session, SessionLimits
from shared.documents.base import Value
from shared.errors import InvalidQuery, SourceUnavailable
from shared.infer import proposed_field
from shared.query_gate import check_query
from shared.target_session import look_at_target
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits
from shared.wire import CLASSES, json_value

PREVIEW_LIMITS = SessionLimits(connect_seconds=5, statement_seconds=30, lock_seconds=5)
PREVIEW_BYTES = 8 * 1024 * 1024

Cells = Sequence[bytes | None]
DataRow = dict[str, Any]


class PreviewColumn(Value):
    name: str
    data_type: str
    database_type: str


class PreviewError(Value):
    row: int
    target_field: str
    source_columns: tuple[str, ...]
    code: str
    message: str


class MappedPreview(Value):
    columns: tuple[TargetField, ...]
    rows: tuple[DataRow, ...]
    errors: tuple[PreviewError, ...]


class Preview(Value):
    """The answer of POST /mappings/preview (API.md)."""

    columns: tuple[PreviewColumn, ...]
    rows: tuple[DataRow, ...]
    row_count: int
    truncated: bool
    duration_ms: float
    target: MappedPreview | None = None


@dataclass(frozen=True)
class Wanted:
    """What rows are mapped into. Without `keys`: the fields of the primary key; without `target`: the source's kind."""

    fields: tuple[TargetField, ...]
    specs: tuple[ColumnMappingSpec, ...] = ()
    keys: tuple[str, ...] | None = None
    target: ConnectionSettings | None = None


def preview_query(
    source: ConnectionSettings,
    query: str,
    limit: int,
    wanted: Wanted | None = None,
) -> Preview:
    """Read at most `limit` rows of a query, and map them into what is `wanted`.

    Rows are cut at 8 MiB in all. Raises InvalidQuery, InvalidMapping, TransientError.
    """
    started = time.monotonic()
    query = check_query(query, source.db_type)
    session = dialect_for(source.db_type).connect(source, Purpose.PREVIEW, PREVIEW_LIMITS)
    try:
        columns, rows, truncated = _read(session, query, limit)
        mapper = None if wanted is None else _row_mapper(columns, wanted, source, session.dialect)
    finally:
        session.close()
    return Preview(
        columns=tuple(_preview_column(column, index, rows) for index, column in enumerate(columns)),
        rows=tuple(
            _row([column.name for column in columns], [c.kind for c in columns], cells) for cells in rows
        ),
        row_count=len(rows),
        truncated=truncated,
        duration_ms=round((time.monotonic() - started) * 1000, 1),
        target=_mapped(mapper, rows) if mapper else None,
    )


def _read(session: Session, query: str, limit: int) -> tuple[Sequence[SourceColumn], list[Cells], bool]:
    try:
        columns = session.dialect.describe(session, query)
        return columns, *_first_rows(session, query, columns, limit)
    except SourceUnavailable as error:
        if error.code != "statement_cancelled":
            raise
        seconds = PREVIEW_LIMITS.statement_seconds
        raise InvalidQuery(
            f"the query takes longer than the {seconds:g} seconds that a preview has",
            code="query_too_slow",
            loc=("source_query",),
        ) from error


def _first_rows(
    session: Session, query: str, columns: Sequence[SourceColumn], limit: int
) -> tuple[list[Cells], bool]:
    wire = session.dialect.wire_select(query, columns)
    found = session.dialect.fetch_rows(session, wire, limit + 1, PREVIEW_BYTES)
    kept: list[Cells] = []
    size = 0
    for cells in found[:limit]:
        size += sum(len(cell) for cell in cells if cell is not None)
        if kept and size > PREVIEW_BYTES:
            break
        kept.append(cells)
    return kept, len(found) > len(kept)


def _row_mapper(
    columns: Sequence[SourceColumn], wanted: Wanted, source: ConnectionSettings, source_dialect: Dialect
) -> RowMapper:
    keys = wanted.keys
    if keys is None:
        keys = tuple(field.name for field in wanted.fields if field.primary_key)
    return compile_row_mapper(
        columns,
        wanted.fields,
        wanted.specs,
        limits=_limits(wanted.target, source_dialect),
        key_columns=keys,
        session_time_zone=source.session_time_zone,
        source_text_may_hold_nul=source_dialect.capabilities.limits.nul_in_text,
    )


def _limits(target: ConnectionSettings | None, source: Dialect) -> TypeLimits:
    """Return what the target can hold; it is asked, since MySQL and MariaDB differ."""
    if target is None:
        return source.capabilities.limits
    with look_at_target(target, PREVIEW_LIMITS) as session:
        return session.dialect.capabilities.limits


def _mapped(mapper: RowMapper, rows: Sequence[Cells]) -> MappedPreview:
    names = [field.name for field in mapper.fields]
    types = [field.data_type for field in mapper.fields]
    mapped: list[DataRow] = []
    errors: list[PreviewError] = []
    for number, cells in enumerate(rows, start=1):
        result = mapper.map_row(cells)
        mapped.append(_row(names, types, result.cells))
        errors.extend(
            PreviewError(
                row=number,
                target_field=error.target_field,
                source_columns=tuple(error.source_columns),
                code=error.code,
                message=error.message,
            )
            for error in result.errors
        )
    return MappedPreview(columns=tuple(mapper.fields), rows=tuple(mapped), errors=tuple(errors))


def _row(names: Sequence[str], kinds: Sequence[Kind | DataType], cells: Cells) -> DataRow:
    return {name: json_value(cell, kind) for name, kind, cell in zip(names, kinds, cells, strict=True)}


def _preview_column(column: SourceColumn, index: int, rows: Sequence[Cells]) -> PreviewColumn:
    seen = None
    if column.kind is Kind.DYNAMIC:
        kinds = {CLASSES[cell[:1]] for row in rows if (cell := row[index]) is not None}
        seen = DataType(kinds.pop().value) if len(kinds) == 1 else DataType.STRING
    data_type = proposed_field(column, seen).data_type
    return PreviewColumn(name=column.name, data_type=data_type, database_type=column.database_type)
