"""How an attempt ended, and the writing of it: the outcome table of the errors."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from executor.backoff import backoff_seconds
from executor.context import RunOutcome
from executor.load.ledger import LedgerRow, LedgerState, committed_row, settle_lost_attempt
from shared.clock import Clock, utc_now
from shared.dialects.base import ConnectionSettings
from shared.documents.run import Run, RunError, RunStatus
from shared.errors import (
    ControlSignal,
    EngineError,
    HandBack,
    NewerFormat,
    RunCancelled,
    RunTimedOut,
    TransientError,
)
from shared.store.runs import RunStore

SETTLE_FOR = timedelta(days=1)
UNSETTLED_RETRY_SECONDS = 60.0

INTERNAL_ERROR = RunError(code="internal_error", message="An internal error ended the run; the log has more")
WORKER_LOST = RunError(code="worker_lost", message="The worker that had the run is gone")

Persist = Callable[[Callable[[], Awaitable[Run]]], Awaitable[Run]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ending:
    """What becomes of the run. `retry` asks for another attempt while there is one left."""

    status: RunStatus
    error: RunError | None = None
    outcome: RunOutcome | None = None
    retry: bool = False
    hand_back: HandBack | None = None


def succeeded(outcome: RunOutcome) -> Ending:
    return Ending(RunStatus.SUCCEEDED, outcome=outcome)


def ending_of_error(error: EngineError) -> Ending:
    """Transient failures are tried again; what somebody must act on is not.

    What a newer version has written is left to an executor of that version.
    """
    if isinstance(error, NewerFormat):
        return Ending(RunStatus.QUEUED, hand_back=HandBack(error.message, needs=error.found))
    stored = RunError(code=error.code, message=error.message, row=error.row, column=error.column)
    return Ending(RunStatus.FAILED, stored, retry=isinstance(error, TransientError))


def ending_of_signal(signal: ControlSignal, run: Run) -> Ending | None:
    """None for a lost lease: nothing more is written."""
    match signal:
        case RunCancelled():
            return Ending(RunStatus.CANCELLED)
        case RunTimedOut():
            message = f"The run used up its timeout of {run.timeout_seconds} s"
            return Ending(RunStatus.TIMED_OUT, RunError(code="timed_out", message=message))
        case HandBack():
            return Ending(RunStatus.QUEUED, hand_back=signal)
        case _:
            return None


class EndingWriter:
    """Writes the end of attempts. Before a run is given up its ledger row is closed in the target."""

    def __init__(
        self,
        runs: RunStore,
        *,
        settle: Callable[[ConnectionSettings, Run], LedgerState] = settle_lost_attempt,
        read_back: Callable[[ConnectionSettings, str], LedgerRow | None] = committed_row,
        clock: Clock = utc_now,
    ) -> None:
        self._runs = runs
        self._settle = settle
        self._read_back = read_back
        self._clock = clock

    async def write(
        self, run: Run, ending: Ending, target: ConnectionSettings | None, persist: Persist
    ) -> Run:
        """Write an ending, idempotently; `target` None when the attempt never got to know it.

        `persist` carries out each write to MongoDB. Raises: LeaseLost, and what `persist` raises.
        """
        if ending.status is RunStatus.QUEUED:
            return await persist(lambda: self._runs.release_run(run, ending.hand_back))
        if (outcome := ending.outcome) is not None:
            return await persist(
                lambda: self._runs.finish_run(
                    run, RunStatus.SUCCEEDED, progress=outcome.progress, window=outcome.window
                )
            )
        if ending.retry and (error := ending.error) and run.attempt < run.retry.max_attempts:
            delay = backoff_seconds(run.retry, run.attempt)
            return await persist(lambda: self._runs.requeue_run(run, delay, error))
        return await self.give_up(run, ending, target, persist)

    async def give_up(
        self, run: Run, ending: Ending, target: ConnectionSettings | None, persist: Persist
    ) -> Run:
        """Close a run that failed, was cancelled or timed out; succeeded when the ledger says it committed.

        When the target cannot be asked and an attempt may have committed, the run is queued to be settled
        later, for a day at most.
        """
        state = await self._settled(run, target)
        if state is LedgerState.COMMITTED and target is not None:
            return await self._finish_committed(run, target, persist)
        if state is None and run.unsettled:
            return await self._settle_later(run, ending, persist)
        status = _allowed(run, ending.status)
        return await persist(lambda: self._runs.finish_run(run, status, error=ending.error))

    async def _settle_later(self, run: Run, ending: Ending, persist: Persist) -> Run:
        if self._clock() - (run.started_at or run.queued_at) >= SETTLE_FOR:
            unknown = _unknown_outcome(ending.error)
            return await persist(lambda: self._runs.finish_run(run, RunStatus.FAILED, error=unknown))
        error = ending.error or RunError(code="cancelled", message="The run was cancelled")
        return await persist(lambda: self._runs.requeue_lost_run(run, UNSETTLED_RETRY_SECONDS, error))

    async def _settled(self, run: Run, target: ConnectionSettings | None) -> LedgerState | None:
        if target is None:
            return None
        try:
            return await asyncio.to_thread(self._settle, target, run)
        except EngineError as error:
            log.warning("run_not_settled", run_id=str(run.id), code=error.code)
            return None

    async def _finish_committed(self, run: Run, target: ConnectionSettings, persist: Persist) -> Run:
        row = await asyncio.to_thread(self._read_back, target, str(run.id))
        progress, window = (None, None) if row is None else (row.progress, row.window)
        return await persist(
            lambda: self._runs.finish_run(run, RunStatus.SUCCEEDED, progress=progress, window=window)
        )


def _allowed(run: Run, status: RunStatus) -> RunStatus:
    """A run that was committing can no longer end as cancelled or timed out."""
    return RunStatus.FAILED if run.status is RunStatus.COMMITTING else status


def _unknown_outcome(error: RunError | None) -> RunError:
    cause = f"; before that: {error.message}" if error else ""
    return RunError(
        code="outcome_unknown",
        message=f"The target could not be asked for a day whether the run had committed{cause}",
    )
