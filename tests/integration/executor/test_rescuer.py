"""Runs whose holder is gone: another attempt, or an end that the target's ledger agrees with."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from executor.ending import EndingWriter
from executor.load.ledger import Ledger, LedgerEntry
from executor.rescuer import Rescuer
from executor.run_inputs import RunInputStore
from executor.server_clock import ServerClock
from shared.connection_settings import default_target_settings
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, SessionLimits
from shared.documents.mapping import Mapping, Retry
from shared.documents.run import Progress, Run, RunStatus
from shared.store.client import StoreClient
from shared.store.executors import ExecutorBeat, ExecutorStore
from tests.integration.executor.world import LEASE_SECONDS, World

COUNTS = Progress(phase="commit", rows_read=5, rows_written=5)


@pytest.fixture
def world(store: StoreClient, mongodb_url: str, tmp_path: Path) -> World:
    return World(store, mongodb_url, tmp_path)


@pytest.fixture
async def of(world: World) -> Mapping:
    return await world.add_mapping()


@pytest.fixture
def rescued() -> list[Run]:
    return []


@pytest.fixture
def rescuer(world: World, rescued: list[Run]) -> Rescuer:
    return make_rescuer(world, rescued.append)


def make_rescuer(
    world: World, on_rescued: Callable[[Run], None], clock: Callable[[], datetime] | None = None
) -> Rescuer:
    return Rescuer(
        world.runs,
        EndingWriter(world.runs, clock=clock or (lambda: datetime.now(UTC))),
        RunInputStore(world.store, world.runs, world.settings),
        lease_seconds=LEASE_SECONDS,
        on_rescued=on_rescued,
    )


async def claim_and_lose(world: World, of: Mapping, **fields: object) -> Run:
    await world.queue(of, **fields)
    run = await world.claim()
    await world.store.collection("runs").update_one(
        {"_id": run.id}, [{"$set": {"lease_expires_at": {"$subtract": ["$$NOW", 1]}}}]
    )
    return await world.reread(run)


def write_ledger(world: World, run: Run, *, commit: bool) -> None:
    """Leave the ledger row of an attempt in the target, open or committed."""
    target = default_target_settings(world.settings)
    session = dialect_for("sqlite").connect(target, Purpose.TARGET, SessionLimits())
    ledger = Ledger(session, target)
    ledger.ensure_tables()
    ledger.open_attempt(run, LedgerEntry("t", "append", None))
    if commit:
        ledger.commit_row(run, COUNTS, None)
    session.close()


def ledger_state(world: World) -> str:
    target = sqlite3.connect(world.target_path)
    [(state,)] = target.execute("SELECT state FROM etl_engine_runs")
    target.close()
    return str(state)


async def test_an_expired_run_gets_another_attempt(
    world: World, of: Mapping, rescuer: Rescuer, rescued: list[Run]
) -> None:
    run = await claim_and_lose(world, of)
    assert await rescuer.rescue_expired() == 1
    assert [one.id for one in rescued] == [run.id]
    waiting = await world.reread(run)
    assert waiting.error is not None
    assert (waiting.status, waiting.error.code, waiting.unsettled) == (RunStatus.QUEUED, "worker_lost", True)
    assert (await world.claim()).attempt == 2
    assert await rescuer.rescue_expired() == 0


async def test_a_live_run_is_left_alone(world: World, of: Mapping, rescuer: Rescuer) -> None:
    await world.queue(of)
    run = await world.claim()
    assert await rescuer.rescue_expired() == 0
    assert await world.reread(run) == run


@pytest.mark.parametrize("ledger", ["absent", "open"])
async def test_without_attempts_left_it_fails_and_can_never_commit(
    world: World, of: Mapping, rescuer: Rescuer, ledger: str
) -> None:
    run = await claim_and_lose(world, of, retry=Retry(max_attempts=1))
    if ledger == "open":
        write_ledger(world, run, commit=False)
    await rescuer.rescue_expired()
    failed = await world.reread(run)
    assert failed.error is not None
    assert (failed.status, failed.error.code) == (RunStatus.FAILED, "worker_lost")
    if ledger == "open":
        assert ledger_state(world) == "aborted"


async def test_a_run_that_had_committed_has_succeeded(world: World, of: Mapping, rescuer: Rescuer) -> None:
    run = await claim_and_lose(world, of, retry=Retry(max_attempts=1))
    write_ledger(world, run, commit=True)
    await rescuer.rescue_expired()
    done = await world.reread(run)
    assert (done.status, done.error, done.progress) == (RunStatus.SUCCEEDED, None, COUNTS)


async def test_a_lost_run_that_was_to_be_cancelled_is(world: World, of: Mapping, rescuer: Rescuer) -> None:
    run = await claim_and_lose(world, of, retry=Retry(max_attempts=1))
    await world.runs.request_cancel(run.tenant_id, run.id)
    await rescuer.rescue_expired()
    assert (await world.reread(run)).status is RunStatus.CANCELLED


async def test_while_the_target_cannot_be_asked_the_run_waits_for_a_day(
    world: World, of: Mapping, rescuer: Rescuer, rescued: list[Run]
) -> None:
    run = await claim_and_lose(world, of, retry=Retry(max_attempts=1))
    world.target_path.mkdir()  # nothing can be opened there
    await rescuer.rescue_expired()
    waiting = await world.reread(run)
    assert (waiting.status, waiting.unsettled) == (RunStatus.QUEUED, True)
    later = datetime.now(UTC) + timedelta(days=1, minutes=1)
    again = await world.store.collection("runs").find_one_and_update(
        {"_id": run.id},
        [{"$set": {"status": "running", "lease_expires_at": {"$subtract": ["$$NOW", 1]}}}],
    )
    assert again is not None
    await make_rescuer(world, rescued.append, lambda: later).rescue_expired()
    failed = await world.reread(run)
    assert failed.error is not None
    assert (failed.status, failed.error.code) == (RunStatus.FAILED, "outcome_unknown")


async def test_two_rescuers_do_it_once(world: World, of: Mapping, rescued: list[Run]) -> None:
    run = await claim_and_lose(world, of)
    for _ in range(2):
        await make_rescuer(world, rescued.append).rescue(run)
    assert len(rescued) == 1


async def test_the_servers_clock_is_known_whatever_the_local_one_says(store: StoreClient) -> None:
    for off in (timedelta(hours=1), timedelta(minutes=-5), timedelta(0)):
        wrong = _clock_off_by(off)
        clock = ServerClock(ExecutorStore(store, wrong), wrong)
        await clock.measure()
        assert abs(clock.ahead - off) < timedelta(seconds=1)
        assert abs(clock() - datetime.now(UTC)) < timedelta(seconds=1)


def _clock_off_by(off: timedelta) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + off


async def test_executors_that_beat_are_alive_until_they_leave(store: StoreClient) -> None:
    executors = ExecutorStore(store)
    for name in ("one", "two"):
        await executors.beat(ExecutorBeat(name, "host", 1, "0", 2, (), 0))
    assert sorted(await executors.alive(60)) == ["one", "two"]
    await executors.leave("one")
    assert await executors.alive(60) == ["two"]
