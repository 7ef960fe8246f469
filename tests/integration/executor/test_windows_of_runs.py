"""What MongoDB remembers of windows: the last one that moved a watermark, and who may have read an older one."""

from bson import ObjectId

from shared.documents.base import DEFAULT_TENANT
from shared.documents.run import FixedWindow, RunStatus, Window
from shared.store.client import Session, StoreClient
from shared.store.counters import CounterStore
from shared.store.run_reader import UnfinishedRuns
from shared.store.runs import RunStore
from tests.integration.executor.conftest import RunFactory

RANGE = FixedWindow(low="0", high="10", includes_low=True)


async def _succeed(runs: RunStore, window: Window | None) -> None:
    run = await runs.claim_run("one", 30)
    assert run is not None
    await runs.finish_run(run, RunStatus.SUCCEEDED, window=window)


async def test_the_last_window_is_that_of_a_run_not_of_a_backfill(
    runs: RunStore, make_run: RunFactory
) -> None:
    mapping_id = ObjectId()
    assert await runs.last_window(DEFAULT_TENANT, mapping_id) is None
    window = Window(low=None, high="integer:5")
    await runs.queue_run(make_run(mapping_id=mapping_id))
    await _succeed(runs, window)
    await runs.queue_run(make_run(mapping_id=mapping_id, trigger="backfill", fixed_window=RANGE))
    await _succeed(runs, Window(low="integer:0", high="integer:10"))
    await runs.queue_run(make_run(mapping_id=mapping_id, trigger="replay", replay_of=ObjectId()))
    await _succeed(runs, None)
    assert await runs.last_window(DEFAULT_TENANT, mapping_id) == window
    assert await runs.last_window("another", mapping_id) is None


async def test_a_run_claimed_after_a_number_was_drawn_is_seen(
    runs: RunStore, store: StoreClient, make_run: RunFactory
) -> None:
    mapping_id = ObjectId()
    await runs.queue_run(make_run(mapping_id=mapping_id))
    await _succeed(runs, None)
    fence = await CounterStore(store).next_fence()
    assert not await runs.was_claimed_since(DEFAULT_TENANT, mapping_id, fence)
    await runs.queue_run(make_run(mapping_id=mapping_id))
    assert not await runs.was_claimed_since(DEFAULT_TENANT, mapping_id, fence)
    await _succeed(runs, None)
    assert await runs.was_claimed_since(DEFAULT_TENANT, mapping_id, fence)


async def test_waiting_chunks_of_a_backfill_are_no_overlap(
    runs: RunStore, store: StoreClient, make_run: RunFactory
) -> None:
    mapping_id = ObjectId()
    for _ in range(2):
        await runs.queue_run(make_run(mapping_id=mapping_id, trigger="backfill", fixed_window=RANGE))

    async def count(session: Session) -> list[UnfinishedRuns]:
        return list((await runs.count_unfinished([mapping_id], session)).values())

    assert await store.transaction(count) == []
    assert await runs.claim_run("one", 30) is not None
    assert await store.transaction(count) == [UnfinishedRuns(queued=0, live=1)]
