"""The window of one run: the ledger's watermark, the source's snapshot, and what MongoDB remembers of both."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from executor.context import RunContext
from executor.load.ledger import Ledger
from executor.ranking import CursorRank, rank_of
from shared.column_mappings.row_mapper import CellError
from shared.cursors import TIME_KINDS, Cursor
from shared.dialects.base import Session
from shared.documents.run import Window
from shared.errors import WatermarkConflict
from shared.late_commits import HeldBack, OpenTransactions, hold_back, snapshot_of
from shared.source_plan import SourcePlan
from shared.target_plan import TargetPlan
from shared.watermarks import DECIDE, ReadWindow, Watermark, WindowInputs, plan_window


@dataclass(frozen=True)
class WindowPlan:
    """The source plan with its window; `null_cursors` reads the rows that no window can hold, and says why.

    `within` is the window that the rows are read in, None for all rows.
    `rank`: rows are read in the order of the cursor and ranked by it, so that the highest of a key wins.
    """

    reading: SourcePlan
    window: Window | None = None
    null_cursors: tuple[str, CellError] | None = None
    within: ReadWindow | None = None
    rank: CursorRank | None = None


@dataclass(frozen=True)
class RunWindows:
    """What planning a window needs of the run around it. `look` asks the source for its open transactions."""

    context: RunContext
    ledger: Ledger
    look: Callable[[], OpenTransactions | None]
    before_snapshot: OpenTransactions | None


def start_windows(
    context: RunContext, ledger: Ledger, look: Callable[[], OpenTransactions | None]
) -> RunWindows:
    """Look at the source's open transactions before its snapshot is taken."""
    moves = context.version.mapping.incremental is not None and context.run.fixed_window is None
    return RunWindows(context, ledger, look, look() if moves else None)


def plan_run_window(
    windows: RunWindows, reading: SourcePlan, writing: TargetPlan, source: Session
) -> WindowPlan:
    """Fix this run's window. Raises InvalidMapping, WatermarkConflict, DataError."""
    context = windows.context
    incremental = context.version.mapping.incremental
    if incremental is None:
        return WindowPlan(reading)
    fixed = context.run.fixed_window
    last = None if fixed else _checked_watermark(context, writing, windows.ledger)
    held_back = _held_back(windows, source)
    window = plan_window(
        WindowInputs(incremental, reading.query, reading.described, last, fixed, held_back), source
    )
    _log_held_back(context, held_back, window.cursor)
    rank = rank_of(window.cursor, reading.described) if reading.ranked else None
    return _read_within(reading, window, rank, source)


def _held_back(windows: RunWindows, source: Session) -> HeldBack | None:
    before = windows.before_snapshot
    if before is None:
        return None
    snapshot, after = snapshot_of(source), windows.look()
    if after is None:
        return None
    return hold_back(before, snapshot, after, windows.context.source.session_time_zone)


def _log_held_back(context: RunContext, held: HeldBack | None, cursor: Cursor) -> None:
    if held is None or cursor.kind not in TIME_KINDS:
        return
    if held.stopped:
        context.log("warning", "a prepared transaction is open in the source: the window waits for its end")
    elif held.before is not None:
        since = held.before.isoformat(timespec="seconds")
        context.log("info", f"a transaction is open in the source since {since}: the window ends before it")


def _read_within(
    reading: SourcePlan, window: ReadWindow, rank: CursorRank | None, source: Session
) -> WindowPlan:
    dialect = source.dialect
    sql = reading.select_within(dialect, window)
    null_sql = dialect.wire_select(window.query, reading.described, where=window.null_where)
    nulls = (null_sql, window.null_error)
    return WindowPlan(replace(reading, sql=sql), window.window, nulls, window, rank)


def _checked_watermark(context: RunContext, writing: TargetPlan, ledger: Ledger) -> Watermark | None:
    """Return the ledger's watermark. Raises WatermarkConflict where it cannot be the whole truth."""
    table = writing.table.name
    last = ledger.last_watermark(str(context.run.mapping_id), table)
    if last is None and context.shown_window is not None:
        raise WatermarkConflict(
            f"earlier runs of this mapping loaded windows, but the ledger beside table {table!r} knows of none:"
            f" the target was changed or its ledger is gone; {DECIDE}"
        )
    if last is not None and not last.moved and writing.existing is None:
        raise WatermarkConflict(
            f"the ledger has a watermark, but table {table!r} is gone; {DECIDE}",
        )
    return last
