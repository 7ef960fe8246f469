"""Runs one claimed run and records its end: the only place that catches the errors of runs."""

import os
import traceback
from collections.abc import Callable
from concurrent.futures import Future

import structlog
from pymongo.errors import PyMongoError

from executor.background import BackgroundLoop
from executor.context import RunContext, RunOutcome
from executor.ending import (
    INTERNAL_ERROR,
    WORKER_LOST,
    Ending,
    EndingWriter,
    ending_of_error,
    ending_of_signal,
    succeeded,
)
from executor.exit_codes import ExitCode
from executor.fault_points import reach
from executor.interrupts import Interrupts
from executor.lease import LeaseKeeper
from executor.reporter import RunReporter
from executor.run_context import WorkerContext
from executor.run_inputs import RunInputs, RunInputStore
from executor.stubborn import until_written
from shared.dialects.base import ConnectionSettings
from shared.documents.run import Progress, Run, RunStatus
from shared.error_reports import report_error
from shared.errors import ControlSignal, EngineError, LeaseLost, ShutdownRequested
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.errors import classify_store_error
from shared.store.run_logs import RunLogStore
from shared.store.runs import RunStore
from shared.tracing import span

Execute = Callable[[RunContext], RunOutcome]

log = structlog.get_logger(__name__)


class Worker:
    """Works on one run at a time in the calling thread; a second thread keeps lease and reports."""

    def __init__(self, settings: Settings, mongodb_url: str, execute: Execute) -> None:
        self._lease_seconds = settings.lease_seconds
        self._commit_seconds = settings.commit_seconds
        self._execute = execute
        self._background = BackgroundLoop()
        self._client = self._background.call(_open_store(mongodb_url, settings.mongodb_db_name))
        self._runs = RunStore(self._client)
        self._logs = RunLogStore(self._client)
        self._inputs = RunInputStore(self._client, self._runs, settings)
        self._endings = EndingWriter(self._runs)
        self._stopping = False
        self._interrupts: Interrupts | None = None
        self.progress: Progress | None = None  # what the last attempt did, once its end was recorded

    def stop(self) -> None:
        """Hand the present run back, from another thread; a run that is committing ends first."""
        self._stopping = True
        if (interrupts := self._interrupts) is not None:
            interrupts.interrupt(ShutdownRequested())

    def close(self) -> None:
        self._background.call(self._client.close())
        self._background.close()

    def work(self, run: Run, claim_asked_at: float) -> RunStatus | None:
        """Do one attempt and record its end; return the run's state, None when the lease was lost.

        Units: `claim_asked_at` is the monotonic time just before the claim was asked for.
        """
        ids = {"run_id": str(run.id), "mapping_id": str(run.mapping_id), "tenant_id": run.tenant_id}
        with (
            structlog.contextvars.bound_contextvars(**ids, attempt=run.attempt),
            span("run", follows=run.traceparent, **ids, attempt=run.attempt, trigger=run.trigger) as traced,
        ):
            status = self._work(run, claim_asked_at)
            traced.set_attribute("etl.status", status or "lease_lost")
            return status

    def _work(self, run: Run, claim_asked_at: float) -> RunStatus | None:
        self.progress = None
        interrupts = Interrupts()
        keeper = LeaseKeeper(
            self._runs,
            run,
            interrupts,
            lease_seconds=self._lease_seconds,
            claim_asked_at=claim_asked_at,
            give_in=lambda: _give_in(interrupts),
        )
        reporter = RunReporter(self._runs, self._logs, run)
        keeping = self._background.start(keeper.keep())
        keeping.add_done_callback(_end_without_keeper)
        reporting = self._background.start(reporter.keep_writing())
        self._interrupts = interrupts
        if self._stopping:
            interrupts.interrupt(ShutdownRequested())
        attempt = Attempt(
            run,
            self._runs,
            self._inputs,
            self._background,
            interrupts,
            reporter,
            keeper,
            self._commit_seconds,
        )
        try:
            ending = attempt.execute(self._execute)
            interrupts.end()
            reporting.cancel()
            return self._finish(attempt, ending)
        finally:
            self._interrupts = None
            interrupts.end()
            reporting.cancel()
            keeping.cancel()

    def _finish(self, attempt: "Attempt", ending: Ending | None) -> RunStatus | None:
        if ending is None:
            return None
        attempt.log_ending(ending)
        self._background.call(attempt.reporter.write())
        try:
            run = self._background.call(
                self._endings.write(
                    attempt.as_it_stands(),
                    ending,
                    attempt.target,
                    lambda write: until_written(write, attempt.keeper),
                )
            )
        except LeaseLost:
            log.warning("lost lease", fence=attempt.run.fence)
            return None
        log.info("run_ended", status=run.status, code=run.error and run.error.code)
        self.progress = run.progress
        return run.status


class Attempt:
    """One try of a run: its inputs, its context, and what its exceptions mean."""

    def __init__(
        self,
        run: Run,
        runs: RunStore,
        inputs: RunInputStore,
        background: BackgroundLoop,
        interrupts: Interrupts,
        reporter: RunReporter,
        keeper: LeaseKeeper,
        commit_seconds: float,
    ) -> None:
        self.run = run
        self.reporter = reporter
        self.keeper = keeper
        self.target: ConnectionSettings | None = None
        self._runs = runs
        self._input_store = inputs
        self._background = background
        self._interrupts = interrupts
        self._commit_seconds = commit_seconds
        self._worker_context: WorkerContext | None = None

    def execute(self, execute: Execute) -> Ending | None:
        """Return how the attempt ended, None when its lease was lost."""
        try:
            reach("after_claim")
            inputs = self._load_inputs()
            if self.run.cancel_requested:
                return Ending(RunStatus.CANCELLED)
            if self.run.attempt > self.run.retry.max_attempts:
                return Ending(RunStatus.FAILED, self.run.error or WORKER_LOST)
            return succeeded(execute(self._context(inputs)))
        except Exception as error:
            return self._ending_of(error)

    def as_it_stands(self) -> Run:
        """The run, with what only this attempt knows: its sessions, and whether its commit was begun."""
        known: dict[str, object] = {}
        if self._worker_context is not None:
            known["sessions"] = self._worker_context.sessions
        if self._interrupts.committing:
            known |= {"unsettled": True, "status": RunStatus.COMMITTING}
        return self.run.model_copy(update=known)

    def log_ending(self, ending: Ending) -> None:
        """Say in the run's own log what ended it."""
        if ending.error is not None:
            self.reporter.add_line("error", f"{ending.error.code}: {ending.error.message}")
        elif ending.hand_back is not None:
            self.reporter.add_line("info", f"the run is handed back: {ending.hand_back.reason}")
        elif ending.status is RunStatus.CANCELLED:
            self.reporter.add_line("info", "the run was cancelled")

    def _load_inputs(self) -> RunInputs:
        self.run, inputs = self._background.call(
            until_written(lambda: self._input_store.load(self.run), self.keeper)
        )
        self.target = inputs.target
        return inputs

    def _context(self, inputs: RunInputs) -> WorkerContext:
        self._worker_context = WorkerContext(
            self.run,
            inputs,
            runs=self._runs,
            background=self._background,
            interrupts=self._interrupts,
            reporter=self.reporter,
            keeper=self.keeper,
            commit_seconds=self._commit_seconds,
        )
        return self._worker_context

    def _ending_of(self, error: Exception) -> Ending | None:
        # A driver's exception after our own cancel is that cancel.
        signal = self._interrupts.pending or (error if isinstance(error, ControlSignal) else None)
        if signal is not None:
            return ending_of_signal(signal, self.run)
        known = error if isinstance(error, EngineError) else None
        if isinstance(error, PyMongoError):
            known = classify_store_error(error)
        if known is not None:
            log.warning("attempt_failed", code=known.code, error=type(known).__name__)
            return ending_of_error(known)
        log.error("attempt_crashed", error=type(error).__name__, frames=_stack_without_values(error))
        report_error(error)
        return Ending(RunStatus.FAILED, INTERNAL_ERROR)


async def _open_store(mongodb_url: str, database_name: str) -> StoreClient:
    return StoreClient(mongodb_url, database_name)  # made on the loop that uses it


def _stack_without_values(error: BaseException) -> list[str]:
    """Where an exception came from; its message may quote a row, so it is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _give_in(interrupts: Interrupts) -> None:
    """The lease has ended and the work has not: another owner may begin, so this process must not go on."""
    if not interrupts.has_ended:
        log.error("lost lease", action="exit")
        os._exit(ExitCode.LEASE_ENDED)


def _end_without_keeper(keeping: Future[None]) -> None:
    if not keeping.cancelled() and keeping.exception() is not None:
        log.error("lease_keeper_failed", frames=_stack_without_values(keeping.exception() or OSError()))
        os._exit(ExitCode.KEEPER_FAILED)
