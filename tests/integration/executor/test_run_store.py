"""Transitions of runs against a real MongoDB: races, fences, leases."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from shared.documents import base
from shared.documents.run import FINAL_STATUSES, Progress, Run, RunError, RunStatus, TargetSession
from shared.errors import Conflict, LeaseLost, NotFound, RunCancelled
from shared.store.client import StoreClient
from shared.store.counters import CounterStore
from shared.store.run_reader import RunFilter
from shared.store.runs import RunStore
from tests.integration.executor.conftest import RunFactory

LOST = RunError(code="worker_lost", message="The worker is gone")


async def claim(runs: RunStore, executor_id: str = "one", lease_seconds: float = 30) -> Run:
    claimed = await runs.claim_run(executor_id, lease_seconds)
    assert claimed is not None
    return claimed


async def expire_lease(store: StoreClient, run: Run) -> None:
    await store.collection("runs").update_one(
        {"_id": run.id}, [{"$set": {"lease_expires_at": {"$subtract": ["$$NOW", 1]}}}]
    )


async def test_five_claimers_get_each_run_once(runs: RunStore, make_run: RunFactory) -> None:
    queued = [await runs.queue_run(make_run()) for _ in range(12)]

    async def claim_all(executor_id: str) -> list[Run]:
        claimed: list[Run] = []
        while (run := await runs.claim_run(executor_id, 30)) is not None:
            claimed.append(run)
        return claimed

    shares = await asyncio.gather(*(claim_all(f"executor-{number}") for number in range(5)))
    claimed = [run for share in shares for run in share]
    assert sorted(run.id for run in claimed) == sorted(run.id for run in queued)
    assert len({run.fence for run in claimed}) == len(claimed)
    assert all(run.attempt == 1 and run.status is RunStatus.RUNNING for run in claimed)


async def test_two_runs_of_one_mapping_are_never_live_together(runs: RunStore, make_run: RunFactory) -> None:
    mapping_id = ObjectId()
    for day in range(4):
        scheduled_for = datetime(2026, 1, 1 + day, tzinfo=UTC)
        await runs.queue_run(
            make_run(
                mapping_id=mapping_id, trigger="schedule", schedule_id=ObjectId(), scheduled_for=scheduled_for
            )
        )
    claims = await asyncio.gather(*(runs.claim_run(f"executor-{number}", 30) for number in range(5)))
    live = [run for run in claims if run is not None]
    assert len(live) == 1
    await runs.finish_run(live[0], RunStatus.SUCCEEDED)
    assert (await claim(runs)).id != live[0].id


async def test_fences_grow_with_every_claim(runs: RunStore, make_run: RunFactory) -> None:
    await runs.queue_run(make_run())
    fences: list[int] = []
    for _ in range(4):
        run = await claim(runs)
        fences.append(run.fence or 0)
        await runs.release_run(run)
    assert fences == sorted(set(fences))


class LateCounters(CounterStore):
    """Those of a claimer that drew its first number and was then stopped for a while."""

    def __init__(self, store: StoreClient, drawn: int) -> None:
        super().__init__(store)
        self._drawn: int | None = drawn

    async def next_fence(self) -> int:
        drawn, self._drawn = self._drawn, None
        return await super().next_fence() if drawn is None else drawn


async def late_claimer(store: StoreClient) -> RunStore:
    """One that has drawn its number by now, and claims when it is told to."""
    made = RunStore(store)
    made._counters = LateCounters(store, await CounterStore(store).next_fence())
    return made


async def test_a_late_claimer_of_the_same_run_does_not_take_it_with_an_older_fence(
    store: StoreClient, runs: RunStore, make_run: RunFactory
) -> None:
    late = await late_claimer(store)
    queued = await runs.queue_run(make_run())
    overtaking = await claim(runs)
    await runs.release_run(overtaking)
    assert await late.claim_run("late", 30) is None
    assert (await runs.get(queued.tenant_id, queued.id)).fence == overtaking.fence
    assert ((await claim(late, "late")).fence or 0) > (overtaking.fence or 0)


async def test_a_late_claimer_of_the_mappings_next_run_has_the_greater_fence(
    store: StoreClient, runs: RunStore, make_run: RunFactory
) -> None:
    mapping_id = ObjectId()
    late = await late_claimer(store)
    await runs.queue_run(make_run(mapping_id=mapping_id))
    overtaking = await claim(runs)
    await runs.finish_run(overtaking, RunStatus.SUCCEEDED)
    await runs.queue_run(make_run(mapping_id=mapping_id))
    claimed = await claim(late, "late")
    assert (claimed.fence or 0) > (overtaking.fence or 0)
    assert (await runs.get(claimed.tenant_id, claimed.id)).fence == claimed.fence
    await runs.renew_lease(claimed, 30)


async def test_fences_are_unique_under_concurrency(store: StoreClient) -> None:
    fences = await asyncio.gather(*(CounterStore(store).next_fence() for _ in range(50)))
    assert len(set(fences)) == 50


async def test_a_run_that_is_not_due_is_not_claimed(runs: RunStore, make_run: RunFactory) -> None:
    await runs.queue_run(make_run(not_before=datetime.now(UTC) + timedelta(hours=1)))
    assert await runs.claim_run("one", 30) is None


@pytest.mark.parametrize("newer", [{"format": 99}, {"needs": 99}])
async def test_a_run_of_an_unknown_format_is_left_to_newer_executors(
    runs: RunStore, make_run: RunFactory, newer: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "FORMAT", 99)
    await runs.queue_run(make_run(**newer))
    monkeypatch.undo()
    assert await runs.claim_run("old", 30) is None
    monkeypatch.setattr(base, "FORMAT", 99)
    assert await runs.claim_run("new", 30) is not None


async def test_a_zombie_is_refused_everywhere(
    runs: RunStore, store: StoreClient, make_run: RunFactory
) -> None:
    await runs.queue_run(make_run())
    zombie = await claim(runs, "zombie")
    await runs.requeue_run(zombie, 0, LOST)
    owner = await claim(runs, "owner")
    for write in (
        runs.renew_lease(zombie, 30),
        runs.enter_committing(zombie, Progress()),
        runs.record_report(zombie, Progress(rows_read=1)),
        runs.record_report(zombie, plan=("pushed_down", None)),
        runs.record_report(zombie, sessions=[]),
        runs.release_run(zombie),
        runs.requeue_run(zombie, 0, LOST),
        runs.finish_run(zombie, RunStatus.SUCCEEDED),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await runs.get(owner.tenant_id, owner.id) == owner


async def test_a_lease_that_ended_is_not_renewed(
    runs: RunStore, store: StoreClient, make_run: RunFactory
) -> None:
    await runs.queue_run(make_run())
    run = await claim(runs)
    renewed = await runs.renew_lease(run, 60)
    assert renewed.lease_expires_at is not None
    assert run.lease_expires_at is not None
    assert renewed.lease_expires_at > run.lease_expires_at
    await expire_lease(store, run)
    with pytest.raises(LeaseLost):
        await runs.renew_lease(run, 60)
    with pytest.raises(LeaseLost):
        await runs.enter_committing(run, Progress())
    assert [expired.id for expired in await runs.expired_runs()] == [run.id]


async def test_a_released_run_costs_no_attempt_and_is_due_at_once(
    runs: RunStore, make_run: RunFactory
) -> None:
    await runs.queue_run(make_run())
    released = await runs.release_run(await claim(runs))
    assert (released.status, released.attempt, released.executor_id) == (RunStatus.QUEUED, 0, None)
    again = await claim(runs)
    assert again.attempt == 1


async def test_a_lost_run_keeps_its_sessions_for_the_next_owner(runs: RunStore, make_run: RunFactory) -> None:
    await runs.queue_run(make_run())
    run = await claim(runs)
    session = TargetSession(connection_id="c", dialect="postgresql", session_id="42")
    await runs.record_report(run, sessions=[session])
    requeued = await runs.requeue_lost_run(run, 0, LOST)
    assert (requeued.sessions, requeued.error, requeued.unsettled) == ((session,), LOST, True)
    assert (await claim(runs)).sessions == (session,)


async def test_a_requeued_run_waits_and_keeps_its_sessions_for_the_next_owner(
    runs: RunStore, make_run: RunFactory
) -> None:
    await runs.queue_run(make_run())
    run = await claim(runs)
    session = TargetSession(connection_id="c", dialect="mysql", session_id="4")
    await runs.record_report(run, sessions=[session])
    requeued = await runs.requeue_run(run, 3600, LOST)
    assert (requeued.sessions, requeued.unsettled) == ((session,), False)
    assert await runs.claim_run("one", 30) is None
    wait = await runs.seconds_to_next_due()
    assert wait is not None
    assert 3590 < wait <= 3600


async def test_a_requeued_manual_run_does_not_collide_with_a_new_one(
    runs: RunStore, make_run: RunFactory
) -> None:
    mapping_id = ObjectId()
    await runs.queue_run(make_run(mapping_id=mapping_id))
    run = await claim(runs)
    await runs.queue_run(make_run(mapping_id=mapping_id))
    assert (await runs.requeue_run(run, 0, LOST)).status is RunStatus.QUEUED
    with pytest.raises(Conflict, match="by hand") as caught:
        await runs.queue_run(make_run(mapping_id=mapping_id))
    assert caught.value.code == "run_already_queued"


async def test_one_tick_is_recorded_once(runs: RunStore, make_run: RunFactory) -> None:
    tick = {
        "trigger": "schedule",
        "schedule_id": ObjectId(),
        "scheduled_for": datetime(2026, 3, 1, tzinfo=UTC),
    }
    answers = await asyncio.gather(
        *(runs.queue_run(make_run(**tick)) for _ in range(5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [error.code for error in refused] == ["tick_already_fired"] * 4


async def test_the_end_of_a_run_is_final_and_may_be_reported_twice(
    runs: RunStore, make_run: RunFactory
) -> None:
    await runs.queue_run(make_run())
    run = await claim(runs)
    committing = await runs.enter_committing(run, Progress(rows_read=3))
    assert committing.status is RunStatus.COMMITTING
    assert (await runs.enter_committing(run, Progress(rows_read=3))).status is RunStatus.COMMITTING
    done = await runs.finish_run(run, RunStatus.SUCCEEDED, progress=Progress(rows_written=3))
    assert done.finished_at is not None
    assert done.progress.rows_written == 3
    assert await runs.finish_run(run, RunStatus.SUCCEEDED) == done
    with pytest.raises(LeaseLost):
        await runs.finish_run(run, RunStatus.FAILED)
    with pytest.raises(LeaseLost):
        await runs.release_run(run)


async def test_cancel_of_a_run_that_never_started_is_immediate(runs: RunStore, make_run: RunFactory) -> None:
    run = await runs.queue_run(make_run())
    cancelled = await runs.request_cancel(run.tenant_id, run.id)
    assert cancelled.status is RunStatus.CANCELLED
    assert cancelled.finished_at is not None
    with pytest.raises(Conflict, match="already ended"):
        await runs.request_cancel(run.tenant_id, run.id)
    with pytest.raises(NotFound):
        await runs.request_cancel("another tenant", run.id)


async def test_cancel_of_a_running_run_is_seen_at_the_next_renewal_and_bars_the_commit(
    runs: RunStore, make_run: RunFactory
) -> None:
    await runs.queue_run(make_run())
    run = await claim(runs)
    assert (await runs.request_cancel(run.tenant_id, run.id)).status is RunStatus.RUNNING
    assert (await runs.renew_lease(run, 30)).cancel_requested
    with pytest.raises(RunCancelled):
        await runs.enter_committing(run, Progress())


async def test_cancel_after_the_point_of_no_return_is_refused(runs: RunStore, make_run: RunFactory) -> None:
    await runs.queue_run(make_run())
    run = await runs.enter_committing(await claim(runs), Progress())
    with pytest.raises(Conflict, match="no longer") as caught:
        await runs.request_cancel(run.tenant_id, run.id)
    assert caught.value.code == "run_committing"


async def test_cancel_of_a_run_that_waits_for_another_attempt_makes_it_due(
    runs: RunStore, make_run: RunFactory
) -> None:
    await runs.queue_run(make_run())
    waiting = await runs.requeue_run(await claim(runs), 3600, LOST)
    flagged = await runs.request_cancel(waiting.tenant_id, waiting.id)
    assert (flagged.status, flagged.cancel_requested) == (RunStatus.QUEUED, True)
    assert (await claim(runs)).cancel_requested


async def test_lists_by_tenant_and_filter_with_the_total(runs: RunStore, make_run: RunFactory) -> None:
    mapping_id = ObjectId()
    old = await runs.queue_run(make_run(mapping_id=mapping_id, trigger="retry"))
    new = await runs.queue_run(make_run(mapping_id=mapping_id, queued_at=datetime(2026, 1, 1, tzinfo=UTC)))
    await runs.queue_run(make_run(tenant_id="other"))
    page, total = await runs.list_runs("default", RunFilter(mapping_id=mapping_id), limit=1)
    assert ([run.id for run in page], total) == ([new.id], 2)
    page, _ = await runs.list_runs("default", RunFilter(until=datetime(2025, 1, 1, tzinfo=UTC)))
    assert [run.id for run in page] == [old.id]
    page, _ = await runs.list_runs("default", RunFilter(trigger="retry", status=RunStatus.QUEUED))
    assert [run.id for run in page] == [old.id]
    assert await runs.has_unfinished("default", mapping_id)
    assert not await runs.has_unfinished("other", mapping_id)


async def test_how_long_the_oldest_due_run_waits(runs: RunStore, make_run: RunFactory) -> None:
    assert await runs.oldest_due_seconds() is None
    await runs.queue_run(make_run(not_before=datetime.now(UTC) - timedelta(minutes=5)))
    waited = await runs.oldest_due_seconds()
    assert waited is not None
    assert 290 < waited < 310


async def test_finished_at_is_set_exactly_in_final_states(
    runs: RunStore, store: StoreClient, make_run: RunFactory
) -> None:
    for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT):
        await runs.queue_run(make_run())
        await runs.finish_run(await claim(runs), status, error=LOST)
    await runs.queue_run(make_run())
    page, _ = await runs.list_runs("default", RunFilter())
    assert all((run.finished_at is not None) == (run.status in FINAL_STATUSES) for run in page)
