"""Pauses against a real MongoDB: what becomes of ticks, of queued runs, and of schedules that are disabled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from shared.documents.pause import INSTALLATION, Interval, Pause
from shared.documents.run import Run, RunStatus
from shared.store.client import StoreClient
from shared.store.errors import VersionMismatch
from shared.store.pauses import KEPT_INTERVALS, PauseStore
from shared.store.runs import RunStore
from tests.integration.executor.conftest import RunFactory
from tests.integration.executor.test_scheduler import MINUTE, NOON, Desk, told

OTHER = "another tenant"


@pytest.fixture
def desk(store: StoreClient, runs: RunStore) -> Desk:
    return Desk(store, runs)


async def put_pause(
    desk: Desk, since: datetime, until: datetime | None = None, *, tenant_id: str = INSTALLATION
) -> None:
    """A switch that is or was on, at times that the test sets."""
    pause = Pause(
        tenant_id=tenant_id,
        paused=until is None,
        intervals=(Interval(since=since, until=until),),
        created_at=NOON,
        updated_at=NOON,
    )
    pauses = desk.store.collection("pauses")
    await pauses.delete_many({"tenant_id": tenant_id})
    await pauses.insert_one(pause.to_mongo())


async def the_record(desk: Desk) -> Run:
    [record] = await desk.records()
    return record


@pytest.mark.parametrize("tenant_id", [INSTALLATION, "default"])
async def test_paused_ticks_are_one_record_that_grows(desk: Desk, tenant_id: str) -> None:
    await desk.add_schedule()
    await put_pause(desk, NOON - MINUTE, tenant_id=tenant_id)
    assert told(await desk.at(NOON)) == [("skipped", "paused", None)]
    first = await the_record(desk)
    assert (first.scheduled_for, first.until) == (NOON, None)
    for minute in range(1, 5):
        assert await desk.at(NOON + minute * MINUTE) == []
    grown = await the_record(desk)
    assert (grown.id, grown.scheduled_for) == (first.id, NOON)
    assert (grown.until, grown.count) == (NOON + 4 * MINUTE, 5)
    assert sum(extension.count for fired in desk.fired for extension in fired.extended) == 4


async def test_after_the_pause_the_next_tick_runs_and_a_later_pause_is_another_record(desk: Desk) -> None:
    await desk.add_schedule()
    await put_pause(desk, NOON)
    await desk.at(NOON)
    await put_pause(desk, NOON, until=NOON + MINUTE)
    [run] = await desk.at(NOON + MINUTE)
    assert (run.status, run.scheduled_for) == (RunStatus.QUEUED, NOON + MINUTE)
    await put_pause(desk, NOON + 2 * MINUTE)
    [skipped] = await desk.at(NOON + 2 * MINUTE)
    assert (skipped.reason, skipped.scheduled_for) == ("paused", NOON + 2 * MINUTE)


async def test_a_tick_belongs_to_a_pause_by_its_own_instant(desk: Desk) -> None:
    """Nobody looked while the pause lasted: what was due in it is paused, what was due before and after is not."""
    await desk.add_schedule(catch_up="all")
    await put_pause(desk, NOON + 2 * MINUTE, until=NOON + 5 * MINUTE)
    records = await desk.at(NOON + 6 * MINUTE)
    assert [(record.reason, record.count) for record in records] == [
        *[(None, None)] * 2,
        ("paused", 3),
        *[(None, None)] * 2,
    ]


async def test_another_tenant_is_not_paused(desk: Desk) -> None:
    await desk.add_schedule()
    await put_pause(desk, NOON - MINUTE, tenant_id=OTHER)
    assert told(await desk.at(NOON)) == [("queued", None, None)]


async def test_a_record_that_was_purged_is_begun_again(desk: Desk) -> None:
    await desk.add_schedule()
    await put_pause(desk, NOON)
    await desk.at(NOON)
    await desk.store.collection("runs").delete_many({})
    assert told(await desk.at(NOON + MINUTE)) == [("skipped", "paused", None)]
    await desk.at(NOON + 2 * MINUTE)
    assert (await the_record(desk)).count == 2


async def test_five_schedulers_count_each_paused_tick_once(
    desk: Desk, store: StoreClient, runs: RunStore
) -> None:
    await desk.add_schedule()
    await put_pause(desk, NOON)
    desks = [Desk(store, runs) for _ in range(5)]
    for minute in range(3):
        await asyncio.gather(*(one.at(NOON + minute * MINUTE) for one in desks))
    assert (await the_record(desk)).count == 3


async def test_ticks_of_a_disabled_schedule_are_paused(desk: Desk) -> None:
    schedule = await desk.add_schedule(enabled=False)
    desk.now = NOON + 3 * MINUTE
    assert await desk.scheduler.record_disabled() == 1
    desk.now = NOON + 5 * MINUTE
    assert await desk.scheduler.record_disabled() == 1
    assert await desk.scheduler.record_disabled() == 0
    record = await the_record(desk)
    assert (record.reason, record.scheduled_for, record.until) == ("paused", NOON, NOON + 5 * MINUTE)
    assert record.count == 6
    assert (await desk.reread(schedule)).next_due_at == NOON + 6 * MINUTE


async def test_no_run_starts_while_a_pause_holds_and_those_that_run_go_on(
    desk: Desk, make_run: RunFactory
) -> None:
    pauses = PauseStore(desk.store)
    await desk.runs.queue_run(make_run(trigger="retry"))
    running = await desk.runs.claim_run("one", 30)
    assert running is not None
    waiting = await desk.runs.queue_run(make_run(trigger="retry"))
    elsewhere = await desk.runs.queue_run(make_run(tenant_id=OTHER))
    off = Pause(tenant_id="default", version=0, created_at=NOON, updated_at=NOON)
    on = await pauses.store(off.model_copy(update={"paused": True}), expected_version=None)
    assert on.version == 1
    taken = await desk.runs.claim_run("one", 30)
    assert taken is not None
    assert taken.id == elsewhere.id
    assert await desk.runs.claim_run("one", 30) is None
    await desk.runs.renew_lease(running, 30)
    assert (await desk.runs.finish_run(running, RunStatus.SUCCEEDED)).status is RunStatus.SUCCEEDED
    await pauses.store(on.model_copy(update={"paused": False}), expected_version=1)
    claimed = await desk.runs.claim_run("one", 30)
    assert claimed is not None
    assert claimed.id == waiting.id


async def test_a_run_that_is_to_be_cancelled_is_settled_in_spite_of_a_pause(
    desk: Desk, make_run: RunFactory
) -> None:
    await desk.runs.queue_run(make_run())
    held = await desk.runs.claim_run("one", 30)
    assert held is not None
    await desk.runs.release_run(held)
    await put_pause(desk, NOON)
    assert await desk.runs.claim_run("one", 30) is None
    await desk.runs.request_cancel("default", held.id)
    assert await desk.runs.claim_run("one", 30) is not None


async def test_a_switch_is_turned_by_who_has_read_it_last(store: StoreClient) -> None:
    pauses = PauseStore(store)
    off = Pause(version=0, created_at=NOON, updated_at=NOON)
    wanted = [off.model_copy(update={"paused": True, "note": str(number)}) for number in range(4)]
    answers = await asyncio.gather(
        *(pauses.store(one, expected_version=None) for one in wanted), return_exceptions=True
    )
    assert sum(isinstance(answer, Pause) for answer in answers) == 1
    assert sum(isinstance(answer, VersionMismatch) for answer in answers) == 3


async def test_the_server_says_since_when_and_the_last_intervals_are_kept(
    store: StoreClient, mongodb_url: str
) -> None:
    pauses = PauseStore(store)
    current = Pause(version=0, created_at=NOON, updated_at=NOON)
    for _ in range(KEPT_INTERVALS + 5):
        for paused in (True, False):
            changed = current.model_copy(update={"paused": paused})
            current = await pauses.store(changed, expected_version=current.version or None)
    assert KEPT_INTERVALS <= len(current.intervals) <= KEPT_INTERVALS + 1
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongodb_url, tz_aware=True) as client:
        server_time = client.admin.command("hello")["localTime"].astimezone(UTC)
    assert server_time - current.intervals[-1].since < timedelta(minutes=1)
    assert all(interval.until is not None for interval in current.intervals)
