"""What every write mode works with: one attempt's plan, sessions, ledger and feed, and how it publishes."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from executor.context import RunContext
from executor.extract import Feed, load_all
from executor.fault_points import reach
from executor.load.ledger import Ledger, committed_row
from executor.load.names import attempt_table
from executor.transform import RejectedRows
from shared.dialects.base import LoadResult, Session, TableName
from shared.dialects.binary_copy import load_binary
from shared.documents.mapping import Guards
from shared.documents.run import Progress, Window
from shared.errors import CountMismatch, DataError, GuardFailed, LockTimeout, TransientError
from shared.ledger_tables import REJECTED_FIELDS, STAGING_PREFIX
from shared.target_plan import TargetPlan
from shared.tracing import span
from shared.types import Form, TargetField

LOCK_TRY_SECONDS = 5.0
LOCK_TRIES = 120
READERS_TURN_SECONDS = 1.0


@dataclass(frozen=True)
class Counts:
    """What happened to the rows that were sent; together with the rejected ones they are all that were read."""

    written: int
    unchanged: int = 0
    collapsed: int = 0


class LoadJob:
    """One attempt's load. `session` is the target session that holds the data transaction."""

    def __init__(
        self,
        context: RunContext,
        plan: TargetPlan,
        session: Session,
        ledger: Ledger,
        start_feed: Callable[[], Feed],
        rejected: RejectedRows,
        window: Window | None,
        *,
        ranked: bool = False,
    ) -> None:
        self.context = context
        self.plan = plan
        self.session = session
        self.dialect = session.dialect
        self.ledger = ledger
        self.window = window
        self.ranked = ranked  # staged rows carry RANK_FIELDS: the highest cursor of a key wins
        self._start_feed = start_feed
        self._rejected = rejected
        self._read: Progress = Progress()

    @property
    def rows_read(self) -> int:
        return self._read.rows_read

    # -- tables --------------------------------------------------------------------------------

    def attempt_table(self, prefix: str) -> TableName:
        """Return the name of a table of this attempt."""
        return attempt_table(prefix, self.context.run, self.dialect.capabilities.default_namespace)

    def staging(self) -> TableName:
        return self.attempt_table(STAGING_PREFIX)

    def execute_all(self, statements: list[str]) -> None:
        for statement in statements:
            self.session.execute(statement)

    def drop(self, table: TableName) -> None:
        """Drop a table of this attempt once the commit is done, or before it."""
        with self.bounded():
            self.session.execute(self.dialect.drop_table_sql(table))

    # -- load ----------------------------------------------------------------------------------

    def load_into(self, table: TableName, fields: Sequence[TargetField] | None = None) -> int:
        """Bulk load the whole feed into a table within the open transaction; return the number of rows.

        `fields` are those of the feed where they are more than the plan's.

        Raises CountMismatch unless the database took exactly the rows that were sent, without a warning.
        """
        feed = self._start_feed()
        loaded = self.plan.fields if fields is None else fields
        with span("load") as traced:
            result: LoadResult = load_all(feed, lambda source: self._load(feed.form, table, loaded, source))
            traced.set_attribute("etl.rows", result.rows)
        reach("mid_load")
        if result.remark:
            self.context.log("warning", result.remark)
        self._rejected.check_at_end(feed.rows_read)
        check_taken(result, feed.transform.rows_sent, table)
        self._read = feed.counts()
        return result.rows

    def _load(
        self, form: Form, table: TableName, fields: Sequence[TargetField], source: BinaryIO
    ) -> LoadResult:
        if form == "binary":
            return load_binary(self.session, table, fields, source)
        if form == "lines":
            source = self.dialect.encode_stream(source, fields)
        return self.dialect.load_blocks(self.session, table, fields, source)

    # -- publish -------------------------------------------------------------------------------

    def lock_publication(self) -> None:
        """Wait for other publishers of this table, a few seconds at a time."""
        self.wait_for_lock(
            lambda: self.dialect.lock_publication(self.session, self.plan.table, LOCK_TRY_SECONDS)
        )

    def wait_for_lock(self, take: Callable[[], None], pause_seconds: float = 0) -> None:
        """Try to take a lock again and again, looking out for control signals. Raises LockTimeout at last.

        `pause_seconds`: what lies between two tries, for those that have queued up behind the first.
        """
        for last_try in [False] * (LOCK_TRIES - 1) + [True]:
            self.context.check()
            try:
                take()
            except LockTimeout:
                if last_try:
                    raise
                self.context.pause(pause_seconds)
            else:
                return

    def keep_rejected_rows(self) -> None:
        """Bulk load the rejected rows into the engine's table, in the open transaction."""
        if self._rejected.count == 0:
            return
        source = self._rejected.open()
        encoded = self.dialect.encode_stream(source, REJECTED_FIELDS)
        result = self.dialect.load_blocks(
            self.session, self.ledger.tables.rejected_rows, REJECTED_FIELDS, encoded
        )
        check_taken(result, self._rejected.count, self.ledger.tables.rejected_rows)

    def final_progress(self, counts: Counts) -> Progress:
        """Return the run's counts. Raises CountMismatch unless they add up."""
        progress = self._read.model_copy(
            update={
                "phase": "commit",
                "rows_written": counts.written,
                "rows_unchanged": counts.unchanged,
                "rows_collapsed": counts.collapsed,
            }
        )
        accounted = counts.written + counts.unchanged + counts.collapsed + progress.rows_rejected
        if accounted != progress.rows_read:
            raise CountMismatch(
                f"{progress.rows_read} rows were read, {accounted} are accounted for: not published"
            )
        return progress

    def check_guards(self, progress: Progress, *, empties_table: bool) -> None:
        """Refuse to publish what the mapping's guards forbid. Raises GuardFailed."""
        guards = self.context.version.mapping.guards
        result_rows = progress.rows_written + progress.rows_unchanged
        if empties_table and result_rows == 0 and not guards.allow_empty:
            raise GuardFailed(
                "the result is empty and would empty the table; guards.allow_empty permits that"
            )
        if guards.min_rows is not None and result_rows < guards.min_rows:
            raise GuardFailed(f"the result has {result_rows} rows, guards.min_rows is {guards.min_rows}")
        self._check_change(guards, result_rows)

    def _check_change(self, guards: Guards, rows: int) -> None:
        if guards.max_change_percent is None:
            return
        last = self.ledger.last_committed(str(self.context.run.mapping_id), self.plan.table.name)
        if last is None:
            return
        before = last.progress.rows_written + last.progress.rows_unchanged
        if abs(rows - before) * 100 > guards.max_change_percent * before:
            raise GuardFailed(
                f"the result has {rows} rows, the last good run had {before};"
                f" guards.max_change_percent is {guards.max_change_percent:g}"
            )

    def commit(self, progress: Progress) -> None:
        """Close the ledger row, last, and commit the data transaction. A lost answer is settled by the ledger."""
        with span("commit"):
            reach("before_commit")
            self.context.enter_committing(progress)
            reach("committing")
            with self.bounded():
                self.ledger.commit_row(self.context.run, progress, self.window)
            reach("ledger_closed")
            try:
                with self.bounded():
                    self.session.commit()
            except TransientError:
                if committed_row(self.context.target, str(self.context.run.id)) is None:
                    raise
            reach("after_commit_before_report")

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Hang up when a step of the commit is not answered: past the point of no return a run has no timeout.

        The run is then tried again as after every lost connection: its next attempt ends the session that may still
        be at it, and reads from the ledger what became of the commit.
        """
        timer = threading.Timer(self.context.commit_seconds, self._give_up_waiting)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up_waiting(self) -> None:
        seconds = self.context.commit_seconds
        self.context.log("warning", f"the target has not answered the commit for {seconds:g} s: hung up")
        self.session.hang_up()


def check_taken(result: LoadResult, sent: int, table: TableName) -> None:
    """Raise CountMismatch or DataError unless a load took exactly the rows sent, skipping and changing none."""
    if result.skipped or result.warnings:
        reason = f": {result.first_warning}" if result.first_warning else ""
        raise DataError(
            f"the database would have changed or skipped rows of {table.name!r}"
            f" ({result.warnings} warnings, {result.skipped} skipped{reason}): nothing is published",
            code="target_changed_values",
        )
    if result.rows != sent:
        raise CountMismatch(
            f"{sent} rows were sent to {table.name!r}, {result.rows} arrived: nothing is published"
        )
