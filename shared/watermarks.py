"""Incremental windows (DESIGN.md §7): low - lookback < cursor <= high.

`low` is the watermark of the ledger, `high` is fixed once in the snapshot that the run reads. The plan shows the
same window that a run would take. Where the query has the markers {{low}} and {{high}} they take the bounds as
literals of the cursor's kind; a bound without a marker is put around the query.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.column_mappings.row_mapper import CellError
from shared.cursors import CURSOR_KINDS, TIME_KINDS, Cursor, has_form, reach_back, top_text, wire_text
from shared.dialects.base import PARAM, Dialect, Session, TableName
from shared.documents.mapping import Incremental
from shared.documents.run import FixedWindow, Window
from shared.errors import DataError, InvalidMapping, UnsupportedCapability, WatermarkConflict
from shared.late_commits import HeldBack
from shared.ledger_tables import KIND_CURSOR, KIND_RUN
from shared.types import Kind, SourceColumn

LOW_MARKER = re.compile(r"\{\{\s*low\s*\}\}")
HIGH_MARKER = re.compile(r"\{\{\s*high\s*\}\}")
DECIDE = "decide with POST /mappings/{id}/cursor"


@dataclass(frozen=True)
class Watermark:
    """The newest decision about a mapping's cursor in a target's ledger. `moved`: a person decided it."""

    high: str | None
    cursor_column: str
    moved: bool


@dataclass(frozen=True)
class WindowInputs:
    """What a window is made from: the mapping's rule, the clean query, the ledger's word, a backfill's range."""

    incremental: Incremental
    query: str
    described: Sequence[SourceColumn]
    last: Watermark | None = None
    fixed: FixedWindow | None = None
    held_back: HeldBack | None = None


@dataclass(frozen=True)
class ReadWindow:
    """`query` with its markers bound; `where` and `null_where` are over its output columns."""

    cursor: Cursor
    window: Window
    query: str
    where: str
    null_where: str

    @property
    def null_error(self) -> CellError:
        name = self.cursor.column.name
        return CellError(
            target_field=name,
            source_columns=(name,),
            code="null_cursor",
            message="the cursor column is NULL: the row belongs to no window",
        )


def bind_markers(query: str, low: str, high: str) -> str:
    """Put SQL in the place of the markers."""
    return HIGH_MARKER.sub(lambda _: high, LOW_MARKER.sub(lambda _: low, query))


def query_to_describe(query: str) -> str:
    """Return the query with NULL for its markers: it has the same columns."""
    return bind_markers(query, "NULL", "NULL")


def plan_window(inputs: WindowInputs, source: Session) -> ReadWindow:
    """Fix the window that the source's snapshot gives. Raises InvalidMapping, WatermarkConflict, DataError."""
    return _Planner(inputs, source, find_cursor(inputs, source)).plan()


def find_cursor(inputs: WindowInputs, source: Session) -> Cursor:
    """Return the cursor column among the query's columns, and its kind. Raises InvalidMapping."""
    column = _cursor_column(inputs)
    if column.kind is Kind.DYNAMIC:
        return Cursor(column, _stored_kind(inputs, column, source))
    if column.kind not in CURSOR_KINDS:
        raise InvalidMapping(
            f"cursor column {column.name!r} is {column.database_type}; legal kinds: {', '.join(CURSOR_KINDS)}",
            loc=("incremental", "cursor_column"),
        )
    return Cursor(column, column.kind)


def _cursor_column(inputs: WindowInputs) -> SourceColumn:
    name = inputs.incremental.cursor_column
    for column in inputs.described:
        if column.name == name:
            return column
    raise InvalidMapping(f"the query has no column {name!r}", loc=("incremental", "cursor_column"))


def _stored_kind(inputs: WindowInputs, column: SourceColumn, source: Session) -> Kind:
    """SQLite's columns hold what they were given: the kind is that of the bounds, else of the values."""
    for text in _known_bounds(inputs):
        return Kind.INTEGER if re.fullmatch("-?[0-9]+", text) else Kind.STRING
    if _has_markers(inputs.query):
        return Kind.STRING  # refused below: a query with markers needs its first bound
    name = source.dialect.quote(column.name)
    rows = source.fetch(
        f"SELECT 1 FROM (\n{inputs.query}\n) AS q WHERE typeof({name}) = {PARAM} LIMIT 1", ("text",)
    )
    return Kind.STRING if rows else Kind.INTEGER


def _known_bounds(inputs: WindowInputs) -> list[str]:
    if inputs.fixed is not None:
        return [inputs.fixed.low]
    if inputs.last is not None and inputs.last.high is not None:
        return [inputs.last.high.partition(":")[2]]
    return [inputs.incremental.initial_value] if inputs.incremental.initial_value is not None else []


def _has_markers(query: str) -> bool:
    return bool(LOW_MARKER.search(query) or HIGH_MARKER.search(query))


class _Planner:
    """One window being fixed."""

    def __init__(self, inputs: WindowInputs, source: Session, cursor: Cursor) -> None:
        self._inputs = inputs
        self._source = source
        self._dialect: Dialect = source.dialect
        self._cursor = cursor
        self._name = self._dialect.quote(cursor.column.name)

    def plan(self) -> ReadWindow:
        fixed = self._inputs.fixed
        if fixed is not None:
            low = wire_text(self._cursor.kind, fixed.low, ("from",))
            high = wire_text(self._cursor.kind, fixed.high, ("to",))
            self._check_stored_form(low)
            return self._window(low, low, high, above=">=" if fixed.includes_low else ">")
        low_or_none = self._low()
        self._require_low_for_markers(low_or_none)
        start = self._start(low_or_none)
        self._check_stored_form(start)
        high_or_none = self._highest(low_or_none, start) or low_or_none
        return self._window(low_or_none, start, high_or_none, above=">")

    def _low(self) -> str | None:
        last, incremental = self._inputs.last, self._inputs.incremental
        if last is not None and last.cursor_column != incremental.cursor_column:
            raise WatermarkConflict(
                f"the recorded watermark is of column {last.cursor_column!r}, the mapping's cursor is"
                f" {incremental.cursor_column!r}; {DECIDE}",
                column=incremental.cursor_column,
            )
        if last is not None and last.high is not None:
            return self._cursor.untyped(last.high)
        if incremental.initial_value is None:
            return None
        return wire_text(self._cursor.kind, incremental.initial_value, loc=("incremental", "initial_value"))

    def _require_low_for_markers(self, low: str | None) -> None:
        if low is None and _has_markers(self._inputs.query):
            raise InvalidMapping(
                "the query takes its window by {{low}} or {{high}}, so the first window needs an initial_value",
                code="initial_value_needed",
                loc=("incremental", "initial_value"),
            )

    def _start(self, low: str | None) -> str | None:
        lookback = self._inputs.incremental.lookback
        return reach_back(self._cursor.kind, low, lookback) if low is not None and lookback else low

    def _highest(self, low: str | None, start: str | None) -> str | None:
        """Return the highest cursor above `low` in the snapshot that is not held back, or None."""
        held, query = self._inputs.held_back, self._inputs.query
        if held is not None and held.stopped and self._cursor.kind in TIME_KINDS:
            return None
        if low is not None:
            query = bind_markers(
                query, self._literal(start or low), self._literal(top_text(self._cursor, low))
            )
        bound = f"{self._name} > {self._literal(low)}" if low is not None else f"{self._name} IS NOT NULL"
        before = held.text(self._cursor.kind) if held is not None else None
        if before is not None:
            bound += f" AND {self._name} < {self._literal(before)}"
        highest = f"SELECT MAX({self._name}) AS {self._name} FROM (\n{query}\n) AS etl_window\nWHERE {bound}"
        rows = self._dialect.fetch_rows(
            self._source, self._dialect.wire_select(highest, [self._cursor.column]), 1
        )
        cell = rows[0][0] if rows else None
        if cell is None:
            return None
        text = self._cursor.text_of(cell)
        if not has_form(self._cursor.kind, text):
            raise DataError(
                f"the highest value of cursor column {self._name} is none that a window can end at"
                " (infinity, NaN, before year 1 or after 9999)",
                code="cursor_out_of_range",
                column=self._cursor.column.name,
            )
        return text

    def _check_stored_form(self, start: str | None) -> None:
        """Values of several classes or forms do not compare as numbers or instants: refuse them by name."""
        if self._cursor.column.kind is not Kind.DYNAMIC:
            return
        query = self._inputs.query
        if start is not None:
            query = bind_markers(query, self._literal(start), self._literal(top_text(self._cursor, start)))
        legal = f"typeof({self._name}) = 'integer'"
        if self._cursor.kind is Kind.STRING:
            pattern = re.sub("[0-9]", "[0-9]", start) if start is not None else self._pattern(query)
            legal = f"typeof({self._name}) = 'text' AND {self._name} GLOB '{pattern}'"
        rows = self._source.fetch(
            f"SELECT 1 FROM (\n{query}\n) AS q WHERE {self._name} IS NOT NULL AND NOT ({legal}) LIMIT 1"
        )
        if rows:
            raise UnsupportedCapability(
                f"cursor column {self._cursor.column.name!r} holds values of several forms; a cursor of SQLite"
                " holds integers only, or ISO dates or instants in texts of one form and length",
                code="mixed_cursor_values",
                loc=("incremental", "cursor_column"),
                column=self._cursor.column.name,
            )

    def _pattern(self, query: str) -> str:
        """Return the GLOB pattern of one of the values; all others are held to it."""
        rows = self._dialect.fetch_rows(
            self._source,
            self._dialect.wire_select(query, [self._cursor.column], where=f"typeof({self._name}) = 'text'"),
            1,
        )
        text = self._cursor.text_of(rows[0][0] or b"t") if rows else ""
        return re.sub("[0-9]", "[0-9]", text) if has_form(Kind.STRING, text) else ""

    def _window(self, low: str | None, start: str | None, high: str | None, *, above: str) -> ReadWindow:
        query, bounds = self._inputs.query, []
        if LOW_MARKER.search(query) is None and start is not None:
            bounds.append(f"{self._name} {above} {self._literal(start)}")
        if HIGH_MARKER.search(query) is None:
            bounds.append("1 = 0" if high is None else f"{self._name} <= {self._literal(high)}")
        if start is not None and high is not None:
            query = bind_markers(query, self._literal(start), self._literal(high))
        return ReadWindow(
            cursor=self._cursor,
            window=Window(low=self._cursor.typed(low), high=self._cursor.typed(high)),
            query=query,
            where=" AND ".join([*bounds, f"{self._name} IS NOT NULL"]),
            null_where=f"{self._name} IS NULL",
        )

    def _literal(self, text: str) -> str:
        return self._cursor.literal(self._dialect, text)


def last_watermark(session: Session, runs: TableName, mapping_id: str, target_table: str) -> Watermark | None:
    """Return the newest watermark of a mapping and table in the ledger: a run's or a moved cursor's."""
    quote = session.dialect.quote
    rows = session.fetch(
        f"SELECT {quote('watermark_high')}, {quote('cursor_column')}, {quote('kind')}"
        f" FROM {session.dialect.qualified(runs)}"
        f" WHERE {quote('mapping_id')} = {PARAM} AND {quote('target_table')} = {PARAM}"
        f" AND {quote('state')} = {PARAM} AND {quote('kind')} IN ({PARAM}, {PARAM})"
        f" AND {quote('cursor_column')} IS NOT NULL"
        f" ORDER BY {quote('fence')} DESC LIMIT 1",
        (mapping_id, target_table, "committed", KIND_RUN, KIND_CURSOR),
    )
    if not rows:
        return None
    high, cursor_column, kind = [_plain(value) for value in rows[0]]
    return Watermark(high, cursor_column or "", kind == KIND_CURSOR)


def _plain(value: str | bytes | bytearray | None) -> str | None:
    """A plan reads the ledger of SQLite through a session that gives texts as bytes."""
    return value.decode() if isinstance(value, bytes | bytearray) else value
