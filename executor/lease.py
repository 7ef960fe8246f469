"""Keeps one run's lease while it works, and stops the work when the lease, the user or the clock ends it."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from pymongo.errors import PyMongoError

from shared.documents.run import Run
from shared.errors import ControlSignal, LeaseLost, RunCancelled, RunTimedOut
from shared.store.runs import RunStore

CANCEL_POLL_SECONDS = 0.5
RETRY_SECONDS = 0.5
ANSWER_SECONDS = 5.0
STOP_SHARE = 1 / 6  # of the lease: the time that stopping the work may take

log = structlog.get_logger(__name__)


class Interruptible(Protocol):
    """What a lease may stop."""

    @property
    def has_ended(self) -> bool: ...

    def interrupt(self, signal: ControlSignal) -> None: ...


class LeaseKeeper:
    """Renews a lease every third of its length; trusts it no longer than its last renewal allows.

    `trusted_until` counts on the monotonic clock from before the last successful renewal was asked for, so
    it is never later than the server's own end. Shortly before it the work is told to stop; at it `give_in`
    is called, which ends the process when the work has not ended.
    """

    def __init__(
        self,
        runs: RunStore,
        run: Run,
        work: Interruptible,
        *,
        lease_seconds: float,
        claim_asked_at: float,
        give_in: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runs = runs
        self._run = run
        self._work = work
        self._lease_seconds = lease_seconds
        self._give_in = give_in
        self._monotonic = monotonic
        self.trusted_until = claim_asked_at + lease_seconds

    @property
    def is_trusted(self) -> bool:
        """Whether the run is certainly still ours."""
        return self._monotonic() < self.trusted_until

    async def keep(self) -> None:
        """Do all this until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew())
            tasks.create_task(self._watch_cancel())
            tasks.create_task(self._watch_timeout())
            tasks.create_task(self._watch_deadline())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds_to_renewal())
            asked_at = self._monotonic()
            try:
                async with asyncio.timeout(min(ANSWER_SECONDS, self._lease_seconds / 3)):
                    await self._runs.renew_lease(self._run, self._lease_seconds)
            except LeaseLost as signal:
                self._lose(signal)
                return
            except (PyMongoError, TimeoutError) as error:
                log.warning("lease_not_renewed", run_id=str(self._run.id), error=type(error).__name__)
                await asyncio.sleep(min(RETRY_SECONDS, self._lease_seconds / 10))
            else:
                self.trusted_until = asked_at + self._lease_seconds

    def _seconds_to_renewal(self) -> float:
        """A third of the lease after the last renewal; at once when that has passed."""
        renew_at = self.trusted_until - self._lease_seconds * 2 / 3
        return max(renew_at - self._monotonic(), 0)

    async def _watch_cancel(self) -> None:
        while True:
            await asyncio.sleep(CANCEL_POLL_SECONDS)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    requested = await self._runs.is_cancel_requested(self._run)
            except LeaseLost as signal:
                self._lose(signal)
                return
            except (PyMongoError, TimeoutError):
                continue  # the renewal notices, and the deadline decides
            if requested:
                self._work.interrupt(RunCancelled())
                return

    async def _watch_timeout(self) -> None:
        await asyncio.sleep(self._run.timeout_seconds)
        self._work.interrupt(RunTimedOut())

    async def _watch_deadline(self) -> None:
        await self._sleep_to_deadline(early_seconds=self._lease_seconds * STOP_SHARE)
        self._lose(LeaseLost())
        await self._sleep_to_deadline(early_seconds=0)
        self._give_in()

    async def _sleep_to_deadline(self, early_seconds: float) -> None:
        while (wait := self.trusted_until - early_seconds - self._monotonic()) > 0:  # noqa: ASYNC110 - it moves
            await asyncio.sleep(wait)

    def _lose(self, signal: LeaseLost) -> None:
        if not self._work.has_ended:  # the end of a run that was just written looks like a lost lease
            log.warning("lost lease", run_id=str(self._run.id), fence=self._run.fence)
        self._work.interrupt(signal)
