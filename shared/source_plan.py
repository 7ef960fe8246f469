"""How a run reads its source: the query's columns, the compiled column mappings, the SELECT."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from shared.column_mappings.row_mapper import RowMapper, compile_row_mapper
from shared.dialects.base import ConnectionSettings, Dialect, Session
from shared.documents.mapping import MappingVersion, effective_key_columns
from shared.pushdown import PushedDown, Speech
from shared.pushdown.speeches import speech_of
from shared.query_gate import check_query
from shared.types import Form, SourceColumn
from shared.watermarks import ReadWindow, query_to_describe

Gear = Literal["pass_through", "pushed_down", "line_mapper"]


@dataclass(frozen=True)
class SourcePlan:
    """How the source is read. `columns` are those that travel, in their order in the wire SELECT;
    `described` are all that the query has. `checked_by_target`: see `choose_gear`.

    `speak` says how the source's SQL is written and raises CannotSay where no mapping is pushed down to it;
    `pushed` is the mapping in that SQL, in its gear. `ranked`: rows come in the order of the cursor, by which the
    highest of a key wins.
    """

    columns: tuple[SourceColumn, ...]
    described: tuple[SourceColumn, ...]
    query: str
    sql: str
    gear: Gear
    gear_reason: str
    row_mapper: RowMapper
    incremental: bool = False
    checked_by_target: bool = False
    form: Form = "lines"
    speak: Callable[[], Speech] | None = None
    pushed: PushedDown | None = None
    ranked: bool = False

    @property
    def binary(self) -> bool:
        return self.form == "binary"

    def select_within(self, dialect: Dialect, window: ReadWindow) -> str:
        """Return the SELECT of the gear for the rows of a window."""
        if self.pushed is not None:
            return self.pushed.select(window.query, window.where)
        order = f"q.{dialect.quote(window.cursor.column.name)}" if self.ranked else None
        return dialect.wire_select(window.query, self.columns, where=window.where, cursor_order=order)

    def select_part(self, dialect: Dialect, where: str, window: ReadWindow | None) -> str:
        """Return the SELECT of the gear for those rows, of a window's or of all, that are in a part of the source."""
        if self.form == "binary":  # never within a window
            return f"{self.sql} WHERE {where}"
        query = query_to_describe(self.query) if window is None else window.query
        if window is not None:
            where = f"{window.where} AND {where}"
        if self.pushed is not None:
            return self.pushed.select(query, where)
        return dialect.wire_select(query, self.columns, where=where)


def plan_source(
    version: MappingVersion, session: Session, settings: ConnectionSettings, target: Dialect
) -> SourcePlan:
    """Describe the query and compile the column mappings for this target; `choose_gear` comes after.

    Raises InvalidQuery, InvalidMapping.
    """
    query = check_query(version.mapping.source_query, settings.db_type)
    bare = query_to_describe(query)
    described = session.dialect.describe(session, bare)
    row_mapper = compile_row_mapper(
        described,
        version.target_schema.columns,
        version.column_mappings,
        limits=target.capabilities.limits,
        key_columns=effective_key_columns(version.mapping, version.target_schema),
        session_time_zone=settings.session_time_zone,
        source_text_may_hold_nul=session.dialect.capabilities.limits.nul_in_text,
    )
    columns = tuple(described)
    sql = session.dialect.wire_select(bare, columns)
    return SourcePlan(
        columns,
        columns,
        query,
        sql,
        "line_mapper",
        row_mapper.reason_not_identity,
        row_mapper,
        incremental=version.mapping.incremental is not None,
        speak=partial(speech_of, session),
    )
