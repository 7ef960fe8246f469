"""Runs whose holder is gone: queued again while attempts are left, settled and closed otherwise."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from executor.backoff import backoff_seconds
from executor.ending import WORKER_LOST, Ending, EndingWriter
from executor.run_inputs import RunInputStore
from shared.dialects.base import ConnectionSettings
from shared.documents.run import Run, RunError, RunStatus
from shared.errors import EngineError, LeaseLost
from shared.store.runs import RunStore

RESCUES_AT_ONCE = 8

log = structlog.get_logger(__name__)


class Rescuer:
    """`on_rescued` is told of each run that may be claimed again or was closed."""

    def __init__(
        self,
        runs: RunStore,
        endings: EndingWriter,
        inputs: RunInputStore,
        *,
        lease_seconds: float,
        on_rescued: Callable[[Run], None],
    ) -> None:
        self._runs = runs
        self._endings = endings
        self._inputs = inputs
        self._lease_seconds = lease_seconds
        self._on_rescued = on_rescued

    async def rescue_expired(self) -> int:
        """Rescue every run whose lease has ended and return how many there were."""
        expired = await self._runs.expired_runs()
        slots = asyncio.Semaphore(RESCUES_AT_ONCE)

        async def rescue(run: Run) -> None:
            async with slots:
                # The lease was part of the waiting: nobody has worked since its last renewal.
                await self.rescue(run, waited_seconds=self._lease_seconds)

        async with asyncio.TaskGroup() as tasks:
            for run in expired:
                tasks.create_task(rescue(run))
        return len(expired)

    async def rescue(self, run: Run, *, waited_seconds: float = 0, exit_code: int | None = None) -> None:
        """Take a run away from a holder that is certainly gone; harmless when somebody else did."""
        error = _lost(exit_code)
        try:
            if run.attempt < run.retry.max_attempts:
                delay = max(backoff_seconds(run.retry, run.attempt) - waited_seconds, 0)
                rescued = await self._runs.requeue_lost_run(run, delay, error)
            else:
                rescued = await self._close(run, error)
        except LeaseLost:
            return
        log.warning("run_rescued", run_id=str(run.id), attempt=run.attempt, status=rescued.status)
        self._on_rescued(rescued)

    async def _close(self, run: Run, error: RunError) -> Run:
        lost = run.model_copy(update={"unsettled": True})
        status = RunStatus.CANCELLED if run.cancel_requested else RunStatus.FAILED
        return await self._endings.give_up(lost, Ending(status, error), await self._target(run), _once)

    async def _target(self, run: Run) -> ConnectionSettings | None:
        try:
            return await self._inputs.load_target(run)
        except EngineError as error:
            log.warning("run_not_settled", run_id=str(run.id), code=error.code)
            return None


async def _once(write: Callable[[], Awaitable[Run]]) -> Run:
    """A write that fails is repeated by the next search for expired leases."""
    return await write()


def _lost(exit_code: int | None) -> RunError:
    if exit_code is None:
        return WORKER_LOST
    cause = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return RunError(code=WORKER_LOST.code, message=f"{WORKER_LOST.message} ({cause})")
