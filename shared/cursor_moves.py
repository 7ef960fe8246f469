"""A person's decision about a mapping's cursor, recorded in the target's ledger. Blocking."""

from dataclasses import dataclass
from datetime import UTC

from bson import ObjectId

from shared.clock import utc_now
from shared.cursors import wire_text
from shared.dialects import dialect_for
from shared.dialects.base import PARAM, ConnectionSettings, Purpose, SessionLimits
from shared.documents.mapping import Incremental, MappingVersion, effective_write_mode
from shared.errors import InvalidMapping
from shared.ledger_tables import KIND_CURSOR, LEDGER_FORMAT, ensure_ledger_tables, ledger_tables
from shared.plan import PLAN_LIMITS
from shared.query_gate import check_query
from shared.target_plan import target_table_name
from shared.watermarks import WindowInputs, find_cursor, query_to_describe

MOVE_LIMITS = SessionLimits(connect_seconds=5, statement_seconds=20, lock_seconds=5)


@dataclass(frozen=True)
class CursorMove:
    """`watermark` is the typed text that the next window starts from, None for the initial value."""

    move_id: str
    cursor_column: str
    watermark: str | None


def move_cursor(
    version: MappingVersion,
    source: ConnectionSettings,
    target: ConnectionSettings,
    value: str | None,
    fence: int,
) -> CursorMove:
    """Record where the next window of a mapping starts, exclusive; None is its initial value.

    `fence` is new, so that the move is newer than every run claimed before. Raises InvalidMapping.
    """
    incremental = version.mapping.incremental
    if incremental is None:
        raise InvalidMapping(
            "the mapping has no cursor: it is not incremental", code="not_incremental", loc=("incremental",)
        )
    watermark = None if value is None else _typed(version, incremental, source, value)
    move = CursorMove(str(ObjectId()), incremental.cursor_column, watermark)
    _write(version, target, move, fence)
    return move


def _typed(
    version: MappingVersion, incremental: Incremental, source: ConnectionSettings, value: str
) -> str | None:
    """Return the value as a watermark of the cursor column's kind, which the source is asked for."""
    query = check_query(version.mapping.source_query, source.db_type)
    session = dialect_for(source.db_type).connect(source, Purpose.PREVIEW, PLAN_LIMITS)
    try:
        described = session.dialect.describe(session, query_to_describe(query))
        written = incremental.model_copy(update={"initial_value": value})
        cursor = find_cursor(WindowInputs(written, query, described), session)
    finally:
        session.close()
    return cursor.typed(wire_text(cursor.kind, value, ("value",)))


def _write(version: MappingVersion, target: ConnectionSettings, move: CursorMove, fence: int) -> None:
    session = dialect_for(target.db_type).connect(target, Purpose.TARGET, MOVE_LIMITS)
    try:
        dialect = session.dialect
        tables = ledger_tables(target, dialect)
        ensure_ledger_tables(session, tables)
        at = utc_now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        row: dict[str, str | int | None] = {
            "run_id": move.move_id,
            "fence": fence,
            "state": "committed",
            "format": LEDGER_FORMAT,
            "mapping_id": str(version.mapping_id),
            "mapping_version": version.mapping_version,
            "target_table": target_table_name(version.mapping, version.target_schema.name, dialect).name,
            "write_mode": effective_write_mode(version.mapping, version.target_schema).value,
            "kind": KIND_CURSOR,
            "cursor_column": move.cursor_column,
            "watermark_high": move.watermark,
            "opened_at": at,
            "closed_at": at,
        }
        names = ", ".join(dialect.quote(name) for name in row)
        marks = ", ".join([PARAM] * len(row))
        session.execute(
            f"INSERT INTO {dialect.qualified(tables.runs)} ({names}) VALUES ({marks})", tuple(row.values())
        )
    finally:
        session.close()


def undo_move(target: ConnectionSettings, move_id: str) -> None:
    """Take a move back that met a run which had started from the former watermark."""
    session = dialect_for(target.db_type).connect(target, Purpose.TARGET, MOVE_LIMITS)
    try:
        dialect = session.dialect
        runs = dialect.qualified(ledger_tables(target, dialect).runs)
        session.execute(
            f"DELETE FROM {runs} WHERE {dialect.quote('run_id')} = {PARAM} AND {dialect.quote('kind')} = {PARAM}",
            (move_id, KIND_CURSOR),
        )
    finally:
        session.close()
