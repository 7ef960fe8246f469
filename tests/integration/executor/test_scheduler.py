"""Due ticks against a real MongoDB: once each, overlap, misfires, edits."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from bson import ObjectId

from executor.misfire import decide
from executor.peers import Peers
from executor.scheduler import Scheduler
from shared.documents.mapping import Mapping, Retry
from shared.documents.run import Run, RunStatus
from shared.documents.schedule import Schedule
from shared.due_ticks import find_due_ticks
from shared.store.client import StoreClient
from shared.store.pauses import PauseStore
from shared.store.run_reader import RunFilter
from shared.store.runs import RunStore
from shared.store.tick_records import Fired, Firing
from shared.store.ticks import TickStore
from tests.factories import mapping
from tests.integration.executor.conftest import RunFactory

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ScheduleFactory: TypeAlias = Callable[..., Any]


class Desk:
    """A scheduler whose clock the test sets, and what it fired."""

    def __init__(self, store: StoreClient, runs: RunStore) -> None:
        self.now = NOON
        self.fired: list[Fired] = []
        self.store = store
        self.runs = runs
        self.ticks = TickStore(store, runs)
        self.pauses = PauseStore(store)
        self.scheduler = self.make_scheduler(Peers("desk"))

    def make_scheduler(self, peers: Peers) -> Scheduler:
        return Scheduler(
            self.ticks, self.pauses, lambda: self.now, peers, lambda fired, _: self.fired.append(fired)
        )

    async def at(self, now: datetime) -> list[Run]:
        """Fire what is due at an instant and return the records that this made, oldest tick first."""
        before = {run.id for run in await self.records()}
        self.now = now
        while await self.scheduler.fire_due():
            pass
        return [run for run in await self.records() if run.id not in before]

    async def records(self) -> list[Run]:
        page, _ = await self.runs.list_runs("default", RunFilter(), sort=[("scheduled_for", 1)], limit=1000)
        return page

    async def add_mapping(self, **fields: Any) -> Mapping:
        made = mapping(name=str(ObjectId()), **fields)
        await self.store.collection("mappings").insert_one(made.to_mongo())
        return made

    async def add_schedule(self, of: Mapping | None = None, **fields: Any) -> Schedule:
        of = of or await self.add_mapping()
        values = {
            "name": str(ObjectId()),
            "mapping_id": of.id,
            "cron_expression": "* * * * *",
            "next_due_at": NOON,
            "created_at": NOON,
            "updated_at": NOON,
            **fields,
        }
        made = Schedule.model_validate(values)
        await self.store.collection("schedules").insert_one(made.to_mongo())
        return made

    async def reread(self, schedule: Schedule) -> Schedule:
        stored = await self.store.collection("schedules").find_one({"_id": schedule.id})
        assert stored is not None
        return Schedule.from_mongo(stored)

    async def finish_all(self, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        while (run := await self.runs.claim_run("desk", 30)) is not None:
            await self.runs.finish_run(run, status)


@pytest.fixture
def desk(store: StoreClient, runs: RunStore) -> Desk:
    return Desk(store, runs)


def told(records: list[Run]) -> list[tuple[str, str | None, int | None]]:
    return [(str(record.status), record.reason, record.count) for record in records]


async def test_a_due_tick_becomes_a_run_with_what_the_schedule_says(desk: Desk) -> None:
    of = await desk.add_mapping(version=7, timeout_seconds=100)
    retry = Retry(max_attempts=9, backoff_seconds=1)
    schedule = await desk.add_schedule(of, retry=retry)
    [run] = await desk.at(NOON + timedelta(milliseconds=300))
    assert (run.schedule_id, run.scheduled_for, run.trigger) == (schedule.id, NOON, "schedule")
    assert (run.mapping_version, run.retry, run.timeout_seconds) == (7, retry, 100)
    assert run.queued_at == NOON + timedelta(milliseconds=300)
    assert run.not_before == NOON
    assert (await desk.reread(schedule)).next_due_at == NOON + MINUTE


async def test_five_schedulers_fire_each_tick_once(desk: Desk, store: StoreClient, runs: RunStore) -> None:
    schedules = [await desk.add_schedule() for _ in range(20)]
    desks = [Desk(store, runs) for _ in range(5)]
    await asyncio.gather(*(one.at(NOON) for one in desks))
    records = await desk.records()
    assert sorted(str(run.schedule_id) for run in records) == sorted(str(s.id) for s in schedules)
    assert sum(len(fired.queued) for one in desks for fired in one.fired) == 20


async def test_two_schedules_of_one_mapping_do_not_both_run(
    desk: Desk, store: StoreClient, runs: RunStore
) -> None:
    of = await desk.add_mapping()
    for _ in range(4):
        await desk.add_schedule(of)
    await asyncio.gather(*(Desk(store, runs).at(NOON) for _ in range(4)))
    reasons = sorted(str(record.reason) for record in await desk.records())
    assert reasons == ["None", "overlap", "overlap", "overlap"]


async def test_skip_records_an_overlap_for_every_tick_of_a_long_run(desk: Desk) -> None:
    await desk.add_schedule()
    [first] = await desk.at(NOON)
    assert await desk.runs.claim_run("desk", 300) is not None
    assert told(await desk.at(NOON + MINUTE)) == [("skipped", "overlap", None)]
    [skipped] = await desk.at(NOON + 2 * MINUTE)
    assert skipped.finished_at is not None
    claimed = await desk.runs.get("default", first.id)
    await desk.runs.finish_run(claimed, RunStatus.SUCCEEDED)
    assert told(await desk.at(NOON + 3 * MINUTE)) == [("queued", None, None)]


async def test_queue_keeps_one_waiting(desk: Desk) -> None:
    await desk.add_schedule(overlap_policy="queue")
    await desk.at(NOON)
    assert await desk.runs.claim_run("desk", 300) is not None
    assert told(await desk.at(NOON + MINUTE)) == [("queued", None, None)]
    assert told(await desk.at(NOON + 2 * MINUTE)) == [("skipped", "overlap", None)]


async def test_a_manual_run_counts_as_overlap(desk: Desk, make_run: RunFactory) -> None:
    of = await desk.add_mapping()
    await desk.add_schedule(of)
    await desk.runs.queue_run(make_run(mapping_id=of.id))
    assert told(await desk.at(NOON)) == [("skipped", "overlap", None)]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("latest", [("skipped", "missed", 5), ("queued", None, None)]),
        ("none", [("skipped", "missed", 6)]),
        ("all", [("queued", None, None)] * 6),
    ],
)
async def test_downtime_follows_catch_up(
    desk: Desk, catch_up: str, expected: list[tuple[str, str | None, int | None]]
) -> None:
    schedule = await desk.add_schedule(cron_expression="0 * * * *", catch_up=catch_up)
    records = await desk.at(NOON + timedelta(hours=5, minutes=30))
    assert told(records) == expected
    assert (await desk.reread(schedule)).next_due_at == NOON + timedelta(hours=6)
    if expected[0][0] == "skipped":
        assert records[0].scheduled_for == NOON
        assert records[0].until == NOON + timedelta(hours=(expected[0][2] or 0) - 1)


async def test_ticks_skipped_together_are_one_record(desk: Desk) -> None:
    await desk.add_schedule(cron_expression="*/5 * * * * *")
    await desk.at(NOON)
    assert await desk.runs.claim_run("desk", 300) is not None
    [stretch] = await desk.at(NOON + timedelta(seconds=30))
    assert (stretch.reason, stretch.count) == ("overlap", 6)
    assert (stretch.scheduled_for, stretch.until) == (
        NOON + timedelta(seconds=5),
        NOON + timedelta(seconds=30),
    )


async def test_a_long_absence_with_a_schedule_of_seconds_counts_every_tick(desk: Desk) -> None:
    await desk.add_schedule(cron_expression="* * * * * *")
    records = await desk.at(NOON + timedelta(hours=2))
    counted = sum(record.count or 1 for record in records)
    assert counted == 2 * 3600 + 1
    assert [record.status for record in records].count(RunStatus.QUEUED) == 1


async def test_a_schedule_that_cannot_be_read_does_not_keep_others_from_firing(desk: Desk) -> None:
    broken = await desk.add_schedule(timezone="Mars/Olympus")
    sound = await desk.add_schedule()
    await desk.scheduler.fire_due()
    assert [run.schedule_id for run in await desk.records()] == [sound.id]
    assert (await desk.reread(broken)).next_due_at == NOON


async def test_a_peer_is_left_its_share_for_two_seconds(desk: Desk) -> None:
    of = [await desk.add_mapping() for _ in range(8)]
    schedules = [await desk.add_schedule(one) for one in of]
    peers = Peers("desk")
    peers.update(["desk", "another"])
    mine = [schedule.id for schedule in schedules if peers.is_mine(schedule.mapping_id)]
    desk.scheduler = desk.make_scheduler(peers)
    assert await desk.scheduler.fire_due() == len(mine)
    assert sorted(run.schedule_id for run in await desk.records() if run.schedule_id) == sorted(mine)
    desk.now = NOON + timedelta(seconds=3)
    await desk.scheduler.fire_due()
    assert len(await desk.records()) == len(schedules)


async def test_a_tick_of_a_mapping_that_is_gone_is_blocked(desk: Desk) -> None:
    await desk.add_schedule(mapping_id=ObjectId())
    assert told(await desk.at(NOON)) == [("skipped", "blocked", None)]


async def test_an_edit_between_reading_and_firing_wins(desk: Desk, store: StoreClient) -> None:
    schedule = await desk.add_schedule()
    seen = find_due_ticks(schedule, NOON)
    decision = decide(schedule, seen, NOON)
    firing = Firing(schedule, seen.following, fired=decision.fired)
    later = NOON + timedelta(hours=3)
    await store.collection("schedules").update_one(
        {"_id": schedule.id}, {"$set": {"next_due_at": later}, "$inc": {"version": 1}}
    )
    assert await desk.ticks.fire([firing], NOON) == Fired()
    assert await desk.records() == []
    assert (await desk.reread(schedule)).next_due_at == later


async def test_disabled_schedules_never_fire(desk: Desk) -> None:
    await desk.add_schedule(enabled=False)
    assert await desk.at(NOON + timedelta(days=1)) == []


async def test_an_edit_by_a_clock_that_lags_does_not_fire_a_tick_again_or_get_stuck(
    desk: Desk, store: StoreClient
) -> None:
    schedule = await desk.add_schedule()
    await desk.at(NOON)
    await desk.finish_all()
    await store.collection("schedules").update_one(
        {"_id": schedule.id}, {"$set": {"next_due_at": NOON}, "$inc": {"version": 1}}
    )
    assert await desk.at(NOON + timedelta(seconds=1)) == []
    assert (await desk.reread(schedule)).next_due_at == NOON + MINUTE


async def test_jitter_delays_the_run_and_not_the_tick(desk: Desk) -> None:
    await desk.add_schedule(jitter_seconds=30)
    [run] = await desk.at(NOON)
    assert run.scheduled_for == NOON
    assert run.not_before is not None
    assert NOON <= run.not_before <= NOON + timedelta(seconds=30)


async def test_the_last_tick_ends_the_schedule(desk: Desk) -> None:
    schedule = await desk.add_schedule(end_at=NOON)
    assert told(await desk.at(NOON)) == [("queued", None, None)]
    assert (await desk.reread(schedule)).next_due_at is None


async def test_the_schedule_shows_its_last_run(desk: Desk) -> None:
    schedule = await desk.add_schedule()
    await desk.at(NOON)
    await desk.finish_all(RunStatus.FAILED)
    shown = await desk.reread(schedule)
    assert shown.last_run_status == "failed"
    assert shown.last_run_at is not None


async def test_the_scheduler_sleeps_until_the_next_tick_and_a_second_at_most(desk: Desk) -> None:
    assert desk.scheduler.seconds_to_next_tick() == 1
    await desk.add_schedule(next_due_at=NOON + timedelta(milliseconds=400))
    assert await desk.scheduler.fire_due() == 0
    assert desk.scheduler.seconds_to_next_tick() == pytest.approx(0.4)
