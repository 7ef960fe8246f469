"""What the engine's tables in a target keep for no longer than their retention. Blocking.

Rows of the ledger go when they are closed and old, but the newest committed one of a mapping, table, kind and cursor
column stays: the next window starts there, and guards compare with it. Rejected rows go when the run that rejected
them has been over for long. Every row is deleted by its key alone, so that no run waits for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId

from executor.load.ledger import SETTLE_LIMITS, Ledger, LedgerState, drop_leftovers
from executor.load.leftovers import runs_with_tables
from shared.dialects import dialect_for
from shared.dialects.base import PARAM, ConnectionSettings, Purpose, Session, TableName
from shared.documents.run import FINAL_STATUSES, RunStatus
from shared.ledger_tables import LEDGER_FORMAT

RUNS_AT_ONCE = 10_000

AskStatuses = Callable[[Sequence[str]], Mapping[str, RunStatus]]


@dataclass(frozen=True)
class Cutoffs:
    """What ended before these instants goes."""

    runs: datetime
    rejected_rows: datetime


@dataclass(frozen=True)
class Purged:
    """How many runs lost their ledger row, their rejected rows, and tables that they had left."""

    runs: int = 0
    rejected: int = 0
    leftovers: int = 0


def purge_target(target: ConnectionSettings, cutoffs: Cutoffs, ask: AskStatuses) -> Purged:
    """Delete what is too old in one target. `ask` gives the states of those runs that MongoDB knows.

    Raises EngineError classes.
    """
    session = dialect_for(target.db_type).connect(target, Purpose.TARGET, SETTLE_LIMITS)
    try:
        ledger = Ledger(session, target)
        return _Purge(session, ledger, cutoffs, ask).purge() if ledger.exists() else Purged()
    finally:
        session.close()


class _Purge:
    def __init__(self, session: Session, ledger: Ledger, cutoffs: Cutoffs, ask: AskStatuses) -> None:
        self._session = session
        self._ledger = ledger
        self._cutoffs = cutoffs
        self._ask = ask

    def purge(self) -> Purged:
        """Look first and ask MongoDB afterwards: a run that begins in between is not among what was seen."""
        with_tables = runs_with_tables(self._session)
        rejected = self._old_rejected_runs()
        rows = self._old_rows()
        states = self._ask(sorted({*with_tables, *rejected, *rows}))
        unfinished = {run_id for run_id, status in states.items() if status not in FINAL_STATUSES}
        over = with_tables & set(states) - unfinished
        for run_id in over:
            self._ledger.abort(run_id)
            drop_leftovers(self._session, run_id)
        for run_id in (gone := rejected - unfinished):
            self._ledger.forget_rejected_rows(run_id)
        deleted = sum(self._delete_row(run_id) for run_id in rows - unfinished - with_tables)
        return Purged(deleted, len(gone), len(over))

    def _old_rows(self) -> set[str]:
        """Return the runs whose closed ledger row is too old and needed by nobody."""
        quote = self._session.dialect.quote
        found = self._session.fetch(
            f"SELECT {quote('run_id')} FROM {self._table(self._ledger.tables.runs)}"
            f" WHERE {quote('state')} <> {PARAM} AND {quote('closed_at')} < {PARAM} AND {quote('format')} <= {PARAM}"
            f" ORDER BY {quote('closed_at')} LIMIT {RUNS_AT_ONCE}",
            (LedgerState.OPEN.value, _text(self._cutoffs.runs), LEDGER_FORMAT),
        )
        return {row[0] for row in found} - self._newest_rows()

    def _newest_rows(self) -> set[str]:
        """Return the runs whose row is the newest committed one of its mapping, table, kind and cursor column."""
        quote = self._session.dialect.quote
        what = ", ".join(quote(name) for name in ("mapping_id", "target_table", "kind", "cursor_column"))
        found = self._session.fetch(
            f"SELECT {quote('run_id')} FROM (SELECT {quote('run_id')}, ROW_NUMBER() OVER (PARTITION BY {what}"
            f" ORDER BY {quote('fence')} DESC) AS etl_engine_place FROM {self._table(self._ledger.tables.runs)}"
            f" WHERE {quote('state')} = {PARAM}) AS ranked WHERE etl_engine_place = 1",
            (LedgerState.COMMITTED.value,),
        )
        return {row[0] for row in found}

    def _old_rejected_runs(self) -> set[str]:
        """Return the runs whose rejected rows are too old, by the end of the run or, without a row, its beginning."""
        dialect, quote = self._session.dialect, self._session.dialect.quote
        if dialect.find_table(self._session, self._ledger.tables.rejected_rows) is None:
            return set()
        cutoff = self._cutoffs.rejected_rows
        found = self._session.fetch(
            f"SELECT r.{quote('run_id')}, l.{quote('run_id')} FROM (SELECT DISTINCT {quote('run_id')}"
            f" FROM {self._table(self._ledger.tables.rejected_rows)}) AS r"
            f" LEFT JOIN {self._table(self._ledger.tables.runs)} AS l ON l.{quote('run_id')} = r.{quote('run_id')}"
            f" WHERE l.{quote('run_id')} IS NULL"
            f" OR (l.{quote('state')} <> {PARAM} AND l.{quote('closed_at')} < {PARAM})",
            (LedgerState.OPEN.value, _text(cutoff)),
        )
        return {run_id for run_id, row in found if row is not None or _begun_before(run_id, cutoff)}

    def _delete_row(self, run_id: str) -> int:
        quote = self._session.dialect.quote
        return self._session.execute(
            f"DELETE FROM {self._table(self._ledger.tables.runs)} WHERE {quote('run_id')} = {PARAM}"
            f" AND {quote('state')} <> {PARAM}",
            (run_id, LedgerState.OPEN.value),
        )

    def _table(self, table: TableName) -> str:
        return self._session.dialect.qualified(table)


def _begun_before(run_id: str, cutoff: datetime) -> bool:
    return ObjectId.is_valid(run_id) and ObjectId(run_id).generation_time < cutoff


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
