"""What a run will do, decided once: the plan endpoint shows it, the executor follows it. Nothing is written."""

from typing import Literal

from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits
from shared.documents.base import Value
from shared.documents.mapping import MappingVersion, WriteMode, effective_write_mode
from shared.documents.run import Window
from shared.errors import ConfigError, DataError
from shared.estimates import estimate_rows
from shared.gears import choose_gear
from shared.late_commits import late_commits_reason
from shared.ledger_tables import ledger_tables
from shared.parts import why_one_part
from shared.snapshots import NOT_SNAPSHOTTED, warn_of_tables_without_snapshot
from shared.source_plan import Gear, SourcePlan, plan_source
from shared.target_plan import TargetPlan, Warned, plan_target
from shared.target_session import look_at_target
from shared.watermarks import ReadWindow, WindowInputs, last_watermark, plan_window, query_to_describe

PLAN_LIMITS = SessionLimits(connect_seconds=5, statement_seconds=20, lock_seconds=5)


class PlanProblem(Value):
    """Something that stops the run."""

    loc: tuple[str | int, ...]
    code: str
    message: str


class PlanStatement(Value):
    where: Literal["source", "target"]
    sql: str


class PlanParts(Value):
    """In how many parts the source is read, by which column: `parts` is the most, `reason` says why it is one.

    A run takes fewer where the column has too few values.
    """

    column: str
    parts: int
    reason: str | None = None


class Plan(Value):
    """The answer of POST /mappings/{id}/plan (API.md)."""

    gear: Gear | None
    gear_reason: str
    statements: tuple[PlanStatement, ...]
    ddl: tuple[str, ...]
    write_mode: WriteMode
    window: Window | None
    exactness: str
    estimated_rows: int | None
    read_in_parts: PlanParts | None = None
    warnings: tuple[Warned, ...] = ()
    problems: tuple[PlanProblem, ...] = ()


EXACTNESS = {
    WriteMode.APPEND: "the result of the query at one instant is added once, whatever fails and is tried again",
    WriteMode.REPLACE: "after the run the table equals the result of the query at one instant",
    WriteMode.UPSERT: "after the run every key of the result has its values; no row is deleted",
}


def make_plan(version: MappingVersion, source: ConnectionSettings, target: ConnectionSettings) -> Plan:
    """Plan a run of a mapping against both databases, which are read but never written. Blocking.

    Faults of the mapping are `problems` of the plan; a database that cannot be reached raises.
    """
    source_session = dialect_for(source.db_type).connect(source, Purpose.PREVIEW, PLAN_LIMITS)
    try:
        with look_at_target(target, PLAN_LIMITS) as target_session:
            return _plan(version, source_session, source, target_session, target)
    finally:
        source_session.close()


def _plan(
    version: MappingVersion,
    source_session: Session,
    source: ConnectionSettings,
    target_session: Session,
    target: ConnectionSettings,
) -> Plan:
    mode = effective_write_mode(version.mapping, version.target_schema)
    try:
        reading = plan_source(version, source_session, source, target_session.dialect)
        writing = plan_target(version, reading.row_mapper.fields, target_session)
        reading = choose_gear(reading, writing, source_session.dialect, target_session.dialect)
        window = _plan_window(version, reading, writing, source_session, target_session, target)
        parts = _plan_parts(version, reading, source_session, window)
    except (ConfigError, DataError) as error:
        problem = PlanProblem(loc=error.loc, code=error.code, message=error.message)
        return Plan(
            gear=None, gear_reason="the mapping cannot run yet: see problems", statements=(), ddl=(), write_mode=mode,
            window=None, exactness=EXACTNESS[mode], estimated_rows=None, problems=(problem,),
        )  # fmt: skip
    sql = reading.sql
    if window is not None:
        sql = reading.select_within(source_session.dialect, window)
    return Plan(
        gear=reading.gear,
        gear_reason=reading.gear_reason,
        statements=(PlanStatement(where="source", sql=sql),),
        ddl=writing.ddl,
        write_mode=mode,
        window=None if window is None else window.window,
        exactness=EXACTNESS[mode],
        warnings=(
            *writing.warnings,
            *_window_warnings(version, window, source_session),
            *_snapshot_warnings(reading, source_session),
        ),
        estimated_rows=estimate_rows(source_session, sql),
        read_in_parts=parts,
    )


def _plan_window(
    version: MappingVersion,
    reading: SourcePlan,
    writing: TargetPlan,
    source_session: Session,
    target_session: Session,
    target: ConnectionSettings,
) -> ReadWindow | None:
    """Return the window that a run would take now, None without a cursor."""
    incremental = version.mapping.incremental
    if incremental is None:
        return None
    runs = ledger_tables(target, target_session.dialect).runs
    last = None
    if target_session.dialect.find_table(target_session, runs) is not None:
        last = last_watermark(target_session, runs, str(version.mapping_id), writing.table.name)
    return plan_window(WindowInputs(incremental, reading.query, reading.described, last), source_session)


def _plan_parts(
    version: MappingVersion, reading: SourcePlan, source: Session, window: ReadWindow | None
) -> PlanParts | None:
    """Say in how many parts a run would read; its values are not looked at."""
    asked = version.mapping.read_in_parts
    if asked is None:
        return None
    reason = why_one_part(asked, reading, source, window)
    return PlanParts(column=asked.column, parts=1 if reason else asked.parts, reason=reason)


def _snapshot_warnings(reading: SourcePlan, source: Session) -> tuple[Warned, ...]:
    message = warn_of_tables_without_snapshot(source, query_to_describe(reading.query))
    return () if message is None else (Warned(code=NOT_SNAPSHOTTED, message=message),)


def _window_warnings(
    version: MappingVersion, window: ReadWindow | None, source: Session
) -> tuple[Warned, ...]:
    incremental = version.mapping.incremental
    if window is None or incremental is None or incremental.lookback:
        return ()
    reason = late_commits_reason(source, window.cursor)
    if reason is None:
        return ()
    message = f"rows committed late can be missed: {reason}; a lookback reads the last stretch again"
    return (Warned(code="late_commits", message=message),)
