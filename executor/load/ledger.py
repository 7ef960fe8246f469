"""The ledger: the engine's own record in the target, whose commit is a run's success (docs/adr).

An attempt opens its row with its fence; the data transaction ends by taking that row from `open` to
`committed`, exactly one row, last. Whoever gives a run up takes an open row to `aborted` first.
Databases that commit DDL implicitly publish a replaced table by one RENAME that also renames a marker
table: where the marker stands tells whether it happened, and without its marker a rename cannot happen.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum

from executor.load.names import attempt_tables_of_run, engine_tables
from shared.clock import Clock, utc_now
from shared.dialects import dialect_for
from shared.dialects.base import PARAM, ConnectionSettings, Purpose, Session, SessionLimits
from shared.documents.run import Progress, Run, Window
from shared.errors import LeaseLost, LockTimeout, TargetRefused
from shared.ledger_tables import (
    DONE_PREFIX,
    KIND_RUN,
    LEDGER_FORMAT,
    MARKER_PREFIX,
    OLD_PREFIX,
    STAGING_PREFIX,
    LedgerTables,
    ensure_ledger_tables,
    ledger_tables,
)
from shared.watermarks import Watermark, last_watermark

SETTLE_LIMITS = SessionLimits(connect_seconds=10, statement_seconds=60, lock_seconds=3)


class LedgerState(StrEnum):
    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True)
class LedgerRow:
    state: LedgerState
    fence: int
    progress: Progress
    window: Window | None


@dataclass(frozen=True)
class LedgerEntry:
    """What an attempt writes when it opens its row."""

    target_table: str
    write_mode: str
    cursor_column: str | None
    kind: str = KIND_RUN


class Ledger:
    """The ledger of one target, spoken to through one open session of it."""

    def __init__(self, session: Session, settings: ConnectionSettings, clock: Clock = utc_now) -> None:
        self._session = session
        self._clock = clock
        self.tables: LedgerTables = ledger_tables(settings, session.dialect)

    # -- set-up ------------------------------------------------------------------------------

    def ensure_tables(self) -> None:
        """Create the engine's tables where they are missing (outside of any transaction)."""
        ensure_ledger_tables(self._session, self.tables)

    def exists(self) -> bool:
        return self._session.dialect.find_table(self._session, self.tables.runs) is not None

    # -- one run's row -----------------------------------------------------------------------

    def find(self, run_id: str) -> LedgerRow | None:
        """Return a run's row, or None. Raises TargetRefused for a format this code does not know."""
        names = (
            "state", "fence", "format", "rows_read", "rows_written", "rows_unchanged", "rows_collapsed",
            "rows_rejected", "watermark_low", "watermark_high", "cursor_column",
        )  # fmt: skip
        rows = self._session.fetch(
            f"SELECT {self._columns(names)} FROM {self._runs()} WHERE {self._quote('run_id')} = {PARAM}",
            (run_id,),
        )
        if not rows:
            return None
        state, fence, number, read, written, unchanged, collapsed, rejected, low, high, cursor = rows[0]
        if int(number) > LEDGER_FORMAT:
            raise TargetRefused(
                f"the ledger in the target has format {number}, this executor knows formats up to {LEDGER_FORMAT}",
                code="newer_format",
            )
        progress = Progress(
            phase="commit",
            rows_read=int(read or 0),
            rows_written=int(written or 0),
            rows_unchanged=int(unchanged or 0),
            rows_collapsed=int(collapsed or 0),
            rows_rejected=int(rejected or 0),
        )
        window = Window(low=low, high=high) if cursor else None
        return LedgerRow(LedgerState(state), int(fence), progress, window)

    def open_attempt(self, run: Run, entry: LedgerEntry) -> LedgerRow | None:
        """Open or take over the run's row with this attempt's fence; return the row if it is committed already.

        Raises LeaseLost when a later attempt holds the row or the run was given up.
        """
        fence = _fence(run)
        row = self.find(str(run.id))
        if row is None:
            self._insert(run, fence, entry)
            return None
        if row.state is LedgerState.OPEN and row.fence < fence:
            self._take_over(str(run.id), row.fence, fence)
            row = self._settle_marker(str(run.id))
        if row.state is LedgerState.COMMITTED:
            return row
        if row.state is LedgerState.ABORTED or row.fence != fence:
            raise LeaseLost(
                f"run {run.id}: the ledger row is {row.state} with fence {row.fence}, ours is {fence}"
            )
        return None

    def _insert(self, run: Run, fence: int, entry: LedgerEntry) -> None:
        names = (
            "run_id", "fence", "state", "format", "mapping_id", "mapping_version", "target_table", "write_mode",
            "cursor_column", "kind", "opened_at",
        )  # fmt: skip
        values = (
            str(run.id), fence, LedgerState.OPEN.value, LEDGER_FORMAT, str(run.mapping_id), run.mapping_version,
            entry.target_table, entry.write_mode, entry.cursor_column, entry.kind, self._now(),
        )  # fmt: skip
        marks = ", ".join([PARAM] * len(values))
        self._session.execute(f"INSERT INTO {self._runs()} ({self._columns(names)}) VALUES ({marks})", values)

    def _take_over(self, run_id: str, old_fence: int, fence: int) -> None:
        changed = self._session.execute(
            f"UPDATE {self._runs()} SET {self._quote('fence')} = {PARAM} WHERE {self._quote('run_id')} = {PARAM}"
            f" AND {self._quote('fence')} = {PARAM} AND {self._quote('state')} = {PARAM}",
            (fence, run_id, old_fence, LedgerState.OPEN.value),
        )
        if changed != 1:
            row = self.find(run_id)
            if row is None or row.state is not LedgerState.COMMITTED:
                raise LeaseLost(f"run {run_id}: another attempt took the ledger row over")

    def _settle_marker(self, run_id: str) -> LedgerRow:
        """Read the outcome of an earlier attempt's rename: done markers mean committed; others are dropped."""
        session, dialect = self._session, self._session.dialect
        if not dialect.capabilities.transactional_ddl:
            for table in attempt_tables_of_run(session, MARKER_PREFIX, run_id):
                session.execute(dialect.drop_table_sql(table))
            if attempt_tables_of_run(session, DONE_PREFIX, run_id):
                self._set_state(run_id, LedgerState.COMMITTED)
        row = self.find(run_id)
        if row is None:
            raise LeaseLost(f"run {run_id}: its ledger row is gone")
        return row

    def prepare_publication(self, run: Run, progress: Progress, window: Window | None) -> None:
        """Write the counts and the window into the open row before a rename publishes the table."""
        self._close(run, LedgerState.OPEN, progress, window)

    def commit_row(self, run: Run, progress: Progress, window: Window | None) -> None:
        """Take the row from open to committed inside the data transaction: exactly one row, or LeaseLost."""
        self._close(run, LedgerState.COMMITTED, progress, window)

    def _close(self, run: Run, state: LedgerState, progress: Progress, window: Window | None) -> None:
        values = {
            "state": state.value,
            "rows_read": progress.rows_read,
            "rows_written": progress.rows_written,
            "rows_unchanged": progress.rows_unchanged,
            "rows_collapsed": progress.rows_collapsed,
            "rows_rejected": progress.rows_rejected,
            "watermark_low": window.low if window else None,
            "watermark_high": window.high if window else None,
            "closed_at": self._now(),
        }
        assignments = ", ".join(f"{self._quote(name)} = {PARAM}" for name in values)
        changed = self._session.execute(
            f"UPDATE {self._runs()} SET {assignments} WHERE {self._quote('run_id')} = {PARAM}"
            f" AND {self._quote('fence')} = {PARAM} AND {self._quote('state')} = {PARAM}",
            (*values.values(), str(run.id), _fence(run), LedgerState.OPEN.value),
        )
        if changed != 1:
            raise LeaseLost(f"run {run.id}: its ledger row is not open with fence {run.fence} any more")

    def abort(self, run_id: str) -> LedgerState:
        """Give the run up: an open row becomes aborted. Return the row's final state (aborted without a row)."""
        row = self.find(run_id)
        if row is None:
            return LedgerState.ABORTED
        if row.state is LedgerState.OPEN:
            row = self._settle_marker(run_id)
        if row.state is LedgerState.OPEN:
            self._set_state(run_id, LedgerState.ABORTED)
            row = self.find(run_id) or row
        return row.state

    def _set_state(self, run_id: str, state: LedgerState) -> None:
        self._session.execute(
            f"UPDATE {self._runs()} SET {self._quote('state')} = {PARAM}, {self._quote('closed_at')} = {PARAM}"
            f" WHERE {self._quote('run_id')} = {PARAM} AND {self._quote('state')} = {PARAM}",
            (state.value, self._now(), run_id, LedgerState.OPEN.value),
        )

    # -- what the mapping did before ---------------------------------------------------------

    def last_committed(self, mapping_id: str, target_table: str) -> LedgerRow | None:
        """Return the newest committed run of a mapping for this table, or None: no backfill, no replay."""
        rows = self._session.fetch(
            f"SELECT {self._quote('run_id')} FROM {self._runs()} WHERE {self._quote('mapping_id')} = {PARAM}"
            f" AND {self._quote('target_table')} = {PARAM} AND {self._quote('state')} = {PARAM}"
            f" AND {self._quote('kind')} = {PARAM} ORDER BY {self._quote('fence')} DESC LIMIT 1",
            (mapping_id, target_table, LedgerState.COMMITTED.value, KIND_RUN),
        )
        return self.find(rows[0][0]) if rows else None

    def last_watermark(self, mapping_id: str, target_table: str) -> Watermark | None:
        """Return the mapping's newest watermark for this table, run or moved cursor, or None."""
        return last_watermark(self._session, self.tables.runs, mapping_id, target_table)

    def owner(self, target_table: str) -> str | None:
        """Return the mapping that owns a table, or None."""
        rows = self._session.fetch(
            f"SELECT {self._quote('mapping_id')} FROM {self._tables()} WHERE {self._quote('table_name')} = {PARAM}",
            (target_table,),
        )
        return rows[0][0] if rows else None

    def take_ownership(self, target_table: str, mapping_id: str, *, previous: str | None) -> None:
        """Record the owning mapping of a table that had none, or `previous`. Raises TargetRefused when it changed."""
        if previous is None:
            names = ("table_name", "mapping_id", "format", "created_at")
            sql = f"INSERT INTO {self._tables()} ({self._columns(names)}) VALUES ({PARAM}, {PARAM}, {PARAM}, {PARAM})"
            self._session.execute(sql, (target_table, mapping_id, LEDGER_FORMAT, self._now()))
            return
        changed = self._session.execute(
            f"UPDATE {self._tables()} SET {self._quote('mapping_id')} = {PARAM}"
            f" WHERE {self._quote('table_name')} = {PARAM} AND {self._quote('mapping_id')} = {PARAM}",
            (mapping_id, target_table, previous),
        )
        if changed != 1:
            raise TargetRefused(f"table {target_table!r} changed its owner meanwhile", code="table_owned")

    def forget_rejected_rows(self, run_id: str) -> None:
        """Remove what an earlier attempt of this run may have kept."""
        self._session.execute(
            f"DELETE FROM {self._session.dialect.qualified(self.tables.rejected_rows)}"
            f" WHERE {self._quote('run_id')} = {PARAM}",
            (run_id,),
        )

    # -- small -------------------------------------------------------------------------------

    def _runs(self) -> str:
        return self._session.dialect.qualified(self.tables.runs)

    def _tables(self) -> str:
        return self._session.dialect.qualified(self.tables.tables)

    def _quote(self, name: str) -> str:
        return self._session.dialect.quote(name)

    def _columns(self, names: tuple[str, ...]) -> str:
        return ", ".join(self._quote(name) for name in names)

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fence(run: Run) -> int:
    if run.fence is None:
        raise LeaseLost(f"run {run.id} was never claimed")
    return run.fence


def settle_lost_attempt(target: ConnectionSettings, run: Run) -> LedgerState:
    """Settle a run that is being given up: end its sessions, then close its ledger row for good. Blocking.

    Returns COMMITTED when an attempt had published its rows (the run has succeeded), else ABORTED: no
    attempt of this run can commit any more. Raises TransientError when the target cannot be asked.
    """
    session = dialect_for(target.db_type).connect(target, Purpose.TARGET, SETTLE_LIMITS)
    try:
        end_recorded_sessions(session, target, run)
        ledger = Ledger(session, target)
        state = ledger.abort(str(run.id)) if ledger.exists() else LedgerState.ABORTED
        drop_leftovers(session, str(run.id))
        return state
    finally:
        session.close()


def committed_row(target: ConnectionSettings, run_id: str) -> LedgerRow | None:
    """Read back whether a run is committed, through a session of its own. Blocking."""
    session = dialect_for(target.db_type).connect(target, Purpose.TARGET, SETTLE_LIMITS)
    try:
        row = Ledger(session, target).find(run_id)
        return row if row and row.state is LedgerState.COMMITTED else None
    finally:
        session.close()


def end_recorded_sessions(session: Session, target: ConnectionSettings, run: Run) -> None:
    """End the database sessions that earlier attempts of this run left behind on the target."""
    for held in run.sessions:
        if held.connection_id == target.connection_id:
            session.dialect.end_session(target, held.session_id)


def drop_leftovers(session: Session, run_id: str) -> None:
    """Drop the tables that attempts of a run left behind; only the run's own, by name.

    One that a session still holds stays for the purge: what is left open can no longer commit.
    """
    prefixes = tuple(
        f"{prefix}{run_id}_" for prefix in (MARKER_PREFIX, STAGING_PREFIX, OLD_PREFIX, DONE_PREFIX)
    )
    tables = [table for table in engine_tables(session) if table.name.startswith(prefixes)]
    # Markers first: without one its rename cannot happen any more.
    for table in sorted(tables, key=lambda table: not table.name.startswith(MARKER_PREFIX)):
        with suppress(LockTimeout):
            session.execute(session.dialect.drop_table_sql(table))
