"""What the keeper of a lease says when the run is no longer its own."""

import asyncio
import contextlib
import time

import pytest
from structlog.testing import capture_logs

from executor.interrupts import Interrupts
from executor.lease import LeaseKeeper
from shared.documents.run import Run, RunStatus
from shared.errors import LeaseLost
from shared.store.runs import RunStore
from tests.integration.executor.conftest import RunFactory

LEASE_SECONDS = 30.0


async def finished_elsewhere(runs: RunStore, run: Run) -> Run:
    await runs.queue_run(run)
    claimed = await runs.claim_run("somebody", LEASE_SECONDS)
    assert claimed is not None
    await runs.finish_run(claimed, RunStatus.SUCCEEDED)
    return claimed


async def lines_of_keeper(runs: RunStore, run: Run, work: Interrupts) -> list[str]:
    keeper = LeaseKeeper(
        runs,
        run,
        work,
        lease_seconds=LEASE_SECONDS,
        claim_asked_at=time.monotonic(),
        give_in=lambda: pytest.fail("the lease has not ended"),
    )
    with capture_logs() as lines, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await keeper.keep()
    return [line["event"] for line in lines]


async def test_a_run_that_is_no_longer_ours_is_a_lost_lease(runs: RunStore, make_run: RunFactory) -> None:
    work = Interrupts()
    run = await finished_elsewhere(runs, make_run())
    assert await lines_of_keeper(runs, run, work) == ["lost lease"]
    assert isinstance(work.pending, LeaseLost)
    work.end()


async def test_the_end_of_our_own_run_is_not(runs: RunStore, make_run: RunFactory) -> None:
    work = Interrupts()
    work.end()
    run = await finished_elsewhere(runs, make_run())
    assert await lines_of_keeper(runs, run, work) == []
