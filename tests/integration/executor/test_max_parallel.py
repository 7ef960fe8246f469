"""No more runs use a connection at a time than its max_parallel, whoever claims and whoever dies."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from shared.documents.connection import DEFAULT_TARGET_ID, Connection, DatabaseType, StoredOptions
from shared.documents.run import Run, RunError, RunStatus
from shared.errors import LeaseLost
from shared.store.client import StoreClient
from shared.store.runs import OVERTAKEN_SECONDS, RunStore
from tests.factories import NOW, mapping
from tests.integration.executor.conftest import RunFactory

LOST = RunError(code="worker_lost", message="The worker is gone")
LONG_WAITED = datetime.now(UTC) - timedelta(seconds=OVERTAKEN_SECONDS + 60)


class Hall:
    """Connections with their limits, and runs that use them."""

    def __init__(self, store: StoreClient, runs: RunStore, make_run: RunFactory) -> None:
        self.store = store
        self.runs = runs
        self._make_run = make_run
        self._queued = 0

    async def connection(self, max_parallel: int) -> str:
        made = Connection(
            name=str(ObjectId()),
            db_type=DatabaseType.SQLITE,
            database="x",
            options=StoredOptions(max_parallel=max_parallel),
            created_at=NOW,
            updated_at=NOW,
        )
        await self.store.collection("connections").insert_one(made.to_mongo())
        return str(made.id)

    async def queue(self, *uses: str, **fields: Any) -> Run:
        self._queued += 1
        due = datetime.now(UTC) - timedelta(seconds=100) + timedelta(seconds=self._queued)
        return await self.runs.queue_run(
            self._make_run(trigger="retry", uses=uses, **{"not_before": due, **fields})
        )

    async def claim_all(self, executors: int = 5) -> list[Run]:
        """Executors that claim at once until none of them gets a run any more."""

        async def claim(executor_id: str) -> list[Run]:
            mine: list[Run] = []
            while (run := await self.runs.claim_run(executor_id, 30)) is not None:
                mine.append(run)
            return mine

        shares = await asyncio.gather(*(claim(f"executor-{number}") for number in range(executors)))
        return [run for share in shares for run in share]

    async def set_limit(self, connection: str, max_parallel: int) -> None:
        await self.store.collection("connections").update_one(
            {"_id": ObjectId(connection)}, {"$set": {"options.max_parallel": max_parallel}}
        )


@pytest.fixture
def hall(store: StoreClient, runs: RunStore, make_run: RunFactory) -> Hall:
    return Hall(store, runs, make_run)


@pytest.mark.parametrize("limit", [1, 3])
async def test_claimers_at_once_take_as_many_as_the_connection_allows(hall: Hall, limit: int) -> None:
    shared = await hall.connection(limit)
    for _ in range(3 * limit + 1):
        await hall.queue(await hall.connection(4), shared)
    for _ in range(3):
        live = await hall.claim_all()
        assert len(live) == limit
        for run in live[: limit - 1]:
            await hall.runs.finish_run(run, RunStatus.FAILED, error=LOST)
        await hall.runs.requeue_run(live[-1], 3600, LOST)


async def test_the_default_target_has_a_limit_too(store: StoreClient, hall: Hall) -> None:
    hall.runs = RunStore(store, default_target_limit=2)
    for _ in range(4):
        await hall.queue(await hall.connection(4), DEFAULT_TARGET_ID)
    assert len(await hall.claim_all()) == 2


async def test_a_run_of_one_connection_on_both_sides_takes_one_slot() -> None:
    one = ObjectId()
    assert mapping(source_connection_id=one, target_connection_id=one).uses == (str(one),)


async def test_runs_of_other_connections_are_not_held_up(hall: Hall) -> None:
    busy, other = await hall.connection(1), await hall.connection(4)
    for _ in range(30):
        await hall.queue(busy)
    late = [await hall.queue(other) for _ in range(2)]
    live = await hall.claim_all(1)
    assert {run.id for run in late} <= {run.id for run in live}
    assert len(live) == 3


async def test_the_slots_of_a_dead_executor_come_back_with_its_runs(hall: Hall) -> None:
    busy = await hall.connection(2)
    for _ in range(4):
        await hall.queue(busy)
    lost, _ = await hall.claim_all()
    assert await hall.claim_all() == []
    await hall.runs.requeue_lost_run(lost, 3600, LOST)
    [taken] = await hall.claim_all()
    assert taken.id != lost.id
    with pytest.raises(LeaseLost):  # and what the dead one still says changes nothing
        await hall.runs.finish_run(lost, RunStatus.SUCCEEDED)
    assert await hall.claim_all() == []


async def test_a_lowered_limit_holds_as_runs_end(hall: Hall) -> None:
    busy = await hall.connection(4)
    for _ in range(8):
        await hall.queue(busy)
    live = await hall.claim_all()
    await hall.set_limit(busy, 2)
    for run, expected in zip(live, (0, 0, 1, 1), strict=True):
        await hall.runs.finish_run(run, RunStatus.SUCCEEDED)
        assert len(await hall.claim_all()) == expected


async def test_a_run_that_needs_two_busy_connections_is_not_overtaken_for_ever(hall: Hall) -> None:
    one, two = await hall.connection(1), await hall.connection(1)
    await hall.queue(one)
    [first] = await hall.claim_all()
    both = await hall.queue(one, two)
    await hall.queue(two)
    [second] = await hall.claim_all()
    assert second.uses == (two,)  # nothing is kept free at first
    await hall.store.collection("runs").update_one({"_id": both.id}, {"$set": {"not_before": LONG_WAITED}})
    for connection in (one, two):
        await hall.queue(connection)
    await hall.runs.finish_run(second, RunStatus.SUCCEEDED)
    assert await hall.claim_all() == []  # `two` is free, and kept for the run that waits for `one`
    await hall.runs.finish_run(first, RunStatus.SUCCEEDED)
    assert [run.id for run in await hall.claim_all()] == [both.id]


async def test_a_run_whose_mapping_is_live_keeps_nothing_free(hall: Hall) -> None:
    one = await hall.connection(2)
    mapping_id = ObjectId()
    await hall.queue(one, mapping_id=mapping_id)
    await hall.queue(one, mapping_id=mapping_id, not_before=LONG_WAITED)
    await hall.claim_all()
    await hall.queue(one)
    assert len(await hall.claim_all()) == 1
