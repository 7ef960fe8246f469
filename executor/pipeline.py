"""One run from start to end: plan -> extract -> transform -> load -> commit."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from executor.context import RunContext, RunOutcome
from executor.extract import Feed, feed_kind, set_aside
from executor.held_sessions import hold_open
from executor.load import WRITE_MODES
from executor.load.job import LoadJob
from executor.load.ledger import Ledger, LedgerEntry, drop_leftovers, end_recorded_sessions
from executor.load.leftovers import drop_leftovers_of_mapping
from executor.parts import Part, PartedFeed, open_parts, plan_run_parts
from executor.ranking import RankedLineMapping
from executor.replay import replay_run
from executor.transform import RejectedRows, Transform, start_transform
from executor.warm_sessions import WarmSessions
from executor.watermark import RunWindows, WindowPlan, plan_run_window, start_windows
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits
from shared.documents.mapping import effective_write_mode
from shared.documents.run import Progress, Run
from shared.errors import (
    AccessDenied,
    CastFailed,
    DataError,
    EngineError,
    GuardFailed,
    InvalidQuery,
    RejectLimitExceeded,
    RowTooLarge,
    SchemaMismatch,
)
from shared.gears import choose_gear
from shared.late_commits import OpenTransactions, look_for_writers
from shared.ledger_tables import KIND_BACKFILL, KIND_REPLAY, KIND_RUN
from shared.snapshots import NOT_SNAPSHOTTED, warn_of_tables_without_snapshot
from shared.source_plan import SourcePlan, plan_source
from shared.target_plan import TargetPlan, plan_target, target_table_name
from shared.tracing import span
from shared.watermarks import query_to_describe

SOURCE_LIMITS = SessionLimits(connect_seconds=10, lock_seconds=60)
TARGET_LOCK_SECONDS = 30.0
TARGET_LIMITS = SessionLimits(connect_seconds=10, lock_seconds=TARGET_LOCK_SECONDS)


def execute_run(context: RunContext, warm: WarmSessions | None = None) -> RunOutcome:
    """Do one attempt of a run, blocking, to its commit; `warm` are the worker's idle target sessions.

    Raises EngineError classes for failures (nothing is published then) and ControlSignals.
    """
    context.log(
        "info", f"attempt {context.run.attempt} started, mapping version {context.run.mapping_version}"
    )
    with _open_target(context, warm or WarmSessions(most=0)) as target:
        ledger = Ledger(target, context.target)
        ledger.ensure_tables()
        end_recorded_sessions(target, context.target, context.run)
        committed = ledger.open_attempt(context.run, _entry(context, target))
        if committed is not None:
            drop_leftovers(target, str(context.run.id))
            context.log("info", "an earlier attempt had committed: nothing is loaded again")
            return RunOutcome(committed.progress, committed.window, already_committed=True)
        drop_leftovers(target, str(context.run.id))
        drop_leftovers_of_mapping(target, ledger, context.run, TARGET_LOCK_SECONDS)
        ledger.forget_rejected_rows(str(context.run.id))
        if context.run.replay_of is not None:
            with _open(context, context.target, Purpose.SOURCE, SOURCE_LIMITS) as reader:
                return replay_run(context, reader, target, ledger)
        try:
            return _read_and_load(context, target, ledger, checked=False)
        except RefusedByTarget as refused:
            target.rollback()
            drop_leftovers(target, str(context.run.id))
            context.log(
                "info",
                f"rows were refused ({refused.cause.code}): read again, each row checked in the worker",
            )
        return _read_and_load(context, target, ledger, checked=True)


def _open(
    context: RunContext, settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits
) -> AbstractContextManager[Session]:
    return hold_open(
        context, settings, lambda: dialect_for(settings.db_type).connect(settings, purpose, limits)
    )


@contextmanager
def _open_target(context: RunContext, warm: WarmSessions) -> Iterator[Session]:
    """Take a warm session or open one; after an error it is closed, for nobody knows what state it is in."""
    context.check()
    session = warm.take(context.target, TARGET_LIMITS)
    try:
        context.hold(context.target, session)
        yield session
    except BaseException:
        session.close()
        raise
    finally:
        context.release(session)
    warm.keep(context.target, session, TARGET_LIMITS)


def _entry(context: RunContext, target: Session) -> LedgerEntry:
    version = context.version
    incremental = version.mapping.incremental
    return LedgerEntry(
        target_table=target_table_name(version.mapping, version.target_schema.name, target.dialect).name,
        write_mode=effective_write_mode(version.mapping, version.target_schema).value,
        cursor_column=incremental.cursor_column if incremental else None,
        kind=_kind(context.run),
    )


def _kind(run: Run) -> str:
    if run.replay_of is not None:
        return KIND_REPLAY
    return KIND_RUN if run.fixed_window is None else KIND_BACKFILL


class RefusedByTarget(Exception):
    """The target refused rows that were passed through unchecked, or the source those that it is to give whole.

    Nothing was published.
    """

    def __init__(self, cause: EngineError) -> None:
        super().__init__(cause.message)
        self.cause = cause


def _read_and_load(context: RunContext, target: Session, ledger: Ledger, *, checked: bool) -> RunOutcome:
    windows = start_windows(context, ledger, lambda: _look_for_writers(context))
    with _open(context, context.source, Purpose.SOURCE, SOURCE_LIMITS) as source:
        return _plan_and_load(context, source, target, windows, checked=checked)


def _look_for_writers(context: RunContext) -> OpenTransactions | None:
    with _open(context, context.source, Purpose.PREVIEW, SOURCE_LIMITS) as source:
        return look_for_writers(source)


def _plan_and_load(
    context: RunContext, source: Session, target: Session, windows: RunWindows, *, checked: bool
) -> RunOutcome:
    with span("plan") as traced:
        reading = plan_source(context.version, source, context.source, target.dialect)
        writing = plan_target(context.version, reading.row_mapper.fields, target)
        reading = choose_gear(reading, writing, source.dialect, target.dialect, checked=checked)
        _warn_of_the_snapshot(context, reading, source)
        windowed = plan_run_window(windows, reading, writing, source)
        selects = plan_run_parts(context, windowed, source)
        context.planned(reading.gear, windowed.window)
        for statement in writing.ddl:
            target.execute(statement)
        traced.set_attribute("etl.gear", reading.gear)
    with open_parts(context, source, selects, SOURCE_LIMITS) as parts:
        progress = _load(context, windowed, writing, source, target, windows.ledger, parts)
    context.log("info", _summary(progress))
    return RunOutcome(progress, windowed.window)


def _warn_of_the_snapshot(context: RunContext, reading: SourcePlan, source: Session) -> None:
    message = warn_of_tables_without_snapshot(source, query_to_describe(reading.query))
    if message is not None:
        context.log("warning", f"{NOT_SNAPSHOTTED}: {message}")


def _load(
    context: RunContext,
    windowed: WindowPlan,
    writing: TargetPlan,
    source: Session,
    target: Session,
    ledger: Ledger,
    parts: Sequence[Part],
) -> Progress:
    reading: SourcePlan = windowed.reading
    rejected = RejectedRows(context.run, context.version.mapping.on_error, reading.described)

    def start_feed() -> Feed:
        before = set_aside(source, *windowed.null_cursors, rejected) if windowed.null_cursors else 0
        transform = _start_transform(windowed, rejected, before)
        if parts:
            return PartedFeed(parts, reading, transform, rejected, context, rows_before=before)
        kind = feed_kind(source, transform)
        return kind(source, reading, transform, rejected, context, rows_before=before)

    job = LoadJob(
        context, writing, target, ledger, start_feed, rejected, windowed.window,
        ranked=windowed.rank is not None,
    )  # fmt: skip
    try:
        return WRITE_MODES[writing.write_mode](job)
    except (CastFailed, RejectLimitExceeded):
        _keep_rejected_rows_of_a_failed_run(job, target)
        raise
    except (DataError, SchemaMismatch) as error:
        target.rollback()
        unchecked = reading.checked_by_target and not isinstance(error, GuardFailed)
        if unchecked or isinstance(error, RowTooLarge):
            raise RefusedByTarget(error) from error
        raise
    except (InvalidQuery, AccessDenied) as error:
        target.rollback()
        if reading.pushed is not None:  # the mapping in it may be refused where the query alone is not
            raise RefusedByTarget(error) from error
        raise
    except EngineError:
        target.rollback()
        raise
    finally:
        rejected.close()


def _start_transform(windowed: WindowPlan, rejected: RejectedRows, rows_before: int) -> Transform:
    if windowed.rank is not None:
        return RankedLineMapping(windowed.reading, windowed.rank, rejected, rows_before)
    return start_transform(windowed.reading, rejected, rows_before=rows_before)


def _keep_rejected_rows_of_a_failed_run(job: LoadJob, target: Session) -> None:
    """After the data has rolled back, keep what was rejected in a transaction of its own."""
    target.rollback()
    target.begin()
    job.keep_rejected_rows()
    target.commit()


def _summary(progress: Progress) -> str:
    return (
        f"committed: {progress.rows_read} read, {progress.rows_written} written, {progress.rows_unchanged} unchanged,"
        f" {progress.rows_collapsed} collapsed, {progress.rows_rejected} rejected"
    )
