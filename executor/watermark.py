"""Incremental windows: low - lookback < cursor <= high, with `low` from the ledger and `high` fixed once in
the snapshot that the run reads. A watermark is a typed text, e.g. "timestamp:2024-01-31 10:00:00.123456"."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from executor.load.ledger import Ledger
from shared.column_mappings.row_mapper import CellError
from shared.dialects.base import Session, TableName
from shared.documents.mapping import Incremental, MappingVersion
from shared.documents.run import Window
from shared.errors import InvalidMapping, WatermarkConflict
from shared.plan import SourcePlan
from shared.query_gate import clean_query
from shared.types import Kind, SourceColumn

CURSOR_KINDS = (Kind.INTEGER, Kind.DECIMAL, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
_FORMS = {
    Kind.INTEGER: re.compile(r"-?[0-9]{1,20}"),
    Kind.DECIMAL: re.compile(r"-?[0-9]{1,65}(\.[0-9]{1,38})?"),
    Kind.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    Kind.TIMESTAMP: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"),
    Kind.TIMESTAMPTZ: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?\+00"),
}


@dataclass(frozen=True)
class WindowPlan:
    """The source plan with its window; `null_cursors` reads the rows that no window can hold, and says why."""

    reading: SourcePlan
    window: Window | None = None
    null_cursors: tuple[str, CellError] | None = None


def plan_window(
    version: MappingVersion, reading: SourcePlan, source: Session, ledger: Ledger, table: TableName
) -> WindowPlan:
    """Fix this run's window. Raises InvalidMapping, WatermarkConflict."""
    incremental = version.mapping.incremental
    if incremental is None:
        return WindowPlan(reading)
    column = _cursor_column(incremental, reading)
    low = _low(incremental, column, ledger, str(version.mapping_id), table)
    query, dialect = clean_query(version.mapping.source_query), source.dialect
    cursor = dialect.quote(column.name)
    high = _high(source, query, column, low)
    window = Window(low=_typed(column, low), high=_typed(column, high or low))
    start = _reach_back(column, low, incremental)
    bounds = [f"{cursor} > {dialect.cursor_literal(column.kind, start)}"] if start is not None else []
    bounds.append(f"{cursor} <= {dialect.cursor_literal(column.kind, high)}" if high is not None else "1 = 0")
    sql = dialect.wire_select(query, reading.columns, where=" AND ".join(bounds))
    null_sql = dialect.wire_select(query, reading.described, where=f"{cursor} IS NULL")
    error = CellError(
        target_field=column.name,
        source_columns=(column.name,),
        code="null_cursor",
        message="the cursor column is NULL: the row belongs to no window",
    )
    return WindowPlan(replace(reading, sql=sql), window, (null_sql, error))


def _cursor_column(incremental: Incremental, reading: SourcePlan) -> SourceColumn:
    for column in reading.described:
        if column.name == incremental.cursor_column:
            break
    else:
        raise InvalidMapping(
            f"the query has no column {incremental.cursor_column!r}", loc=("incremental", "cursor_column")
        )
    if column.kind not in CURSOR_KINDS:
        legal = ", ".join(CURSOR_KINDS)
        raise InvalidMapping(
            f"cursor column {column.name!r} is {column.database_type}; legal kinds: {legal}",
            loc=("incremental", "cursor_column"),
        )
    return column


def _low(
    incremental: Incremental, column: SourceColumn, ledger: Ledger, mapping_id: str, table: TableName
) -> str | None:
    last = ledger.last_committed(mapping_id, table.name)
    if last is None or last.window is None:
        return _initial(incremental, column)
    if last.window.high is None:
        return _initial(incremental, column)
    kind, _, text = last.window.high.partition(":")
    if kind != column.kind:
        raise WatermarkConflict(
            f"the ledger holds a watermark of kind {kind}, cursor column {column.name!r} is {column.kind};"
            " decide with POST /mappings/{id}/cursor",
            column=column.name,
        )
    return text


def _initial(incremental: Incremental, column: SourceColumn) -> str | None:
    text = incremental.initial_value
    if text is None:
        return None
    if column.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        text = text.replace("T", " ").replace("Z", "+00")
    if not _FORMS[column.kind].fullmatch(text):
        raise InvalidMapping(
            f"initial_value is no {column.kind}; legal form: {_FORMS[column.kind].pattern}",
            loc=("incremental", "initial_value"),
        )
    return text


def _high(source: Session, query: str, column: SourceColumn, low: str | None) -> str | None:
    """Return the highest cursor above `low` in the snapshot as wire text, or None when there is none."""
    dialect = source.dialect
    cursor = dialect.quote(column.name)
    above = f"\nWHERE {cursor} > {dialect.cursor_literal(column.kind, low)}" if low is not None else ""
    highest = f"SELECT MAX({cursor}) AS {cursor} FROM (\n{query}\n) AS etl_window{above}"
    rows = dialect.fetch_rows(source, dialect.wire_select(highest, [column]), 1)
    cell = rows[0][0] if rows else None
    return None if cell is None else cell.decode()


def _typed(column: SourceColumn, text: str | None) -> str | None:
    return None if text is None else f"{column.kind}:{text}"


def _reach_back(column: SourceColumn, low: str | None, incremental: Incremental) -> str | None:
    """Return low - lookback: seconds for dates and instants, a number otherwise."""
    lookback = incremental.lookback
    if low is None or not lookback:
        return low
    if column.kind is Kind.INTEGER:
        return str(int(low) - int(lookback))
    if column.kind is Kind.DECIMAL:
        return format(Decimal(low) - Decimal(str(lookback)), "f")
    suffix = "+00" if column.kind is Kind.TIMESTAMPTZ else ""
    instant = datetime.fromisoformat(low.removesuffix("+00")).replace(tzinfo=UTC) - timedelta(
        seconds=lookback
    )
    if column.kind is Kind.DATE:
        return instant.strftime("%Y-%m-%d")
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f") + suffix
