"""A worker around small real pieces of work: what it records of every way to end."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pymongo import MongoClient

from executor.context import RunContext, RunOutcome
from executor.ending import WORKER_LOST
from executor.worker import Execute, Worker
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.documents.run import Progress, Run, RunStatus, Window
from shared.errors import (
    ControlSignal,
    GuardFailed,
    SchemaMismatch,
    TargetUnavailable,
)
from shared.store.client import StoreClient
from tests.integration.executor.world import WAIT_SECONDS, World, eventually

COUNTS = Progress(phase="commit", rows_read=3, rows_written=3, bytes_read=9)
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def world(store: StoreClient, mongodb_url: str, tmp_path: Path) -> World:
    return World(store, mongodb_url, tmp_path)


@pytest.fixture
async def run(world: World) -> Run:
    await world.queue(await world.add_mapping())
    return await world.claim()


@pytest.fixture
async def work(world: World, run: Run) -> AsyncIterator[Callable[[Execute], asyncio.Task[RunStatus | None]]]:
    """Start a worker on the claimed run with the given piece of work."""
    workers: list[Worker] = []

    def start(execute: Execute) -> asyncio.Task[RunStatus | None]:
        worker = Worker(world.settings, world.mongodb_url, execute)
        workers.append(worker)
        return asyncio.create_task(asyncio.to_thread(worker.work, run, time.monotonic()))

    yield start
    for worker in workers:
        worker.close()


Work = Callable[[Execute], "asyncio.Task[RunStatus | None]"]


def open_source(context: RunContext) -> Session:
    sqlite3.connect(context.source.database).close()
    session = dialect_for("sqlite").connect(context.source, Purpose.SOURCE, SessionLimits())
    context.hold(context.source, session)
    return session


def run_endless_statement(context: RunContext) -> RunOutcome:
    """A statement that only a cancel ends."""
    session = open_source(context)
    try:
        session.fetch(ENDLESS)
    finally:
        session.close()
        context.release(session)
    raise AssertionError("the statement ended by itself")


async def test_a_success_is_recorded_with_its_counts(world: World, run: Run, work: Work) -> None:
    def execute(context: RunContext) -> RunOutcome:
        context.log("info", "hello")
        context.planned("line_mapper", Window(low=None, high="integer:7"))
        context.progress(lambda: Progress(phase="load", rows_read=3))
        context.enter_committing(COUNTS)
        return RunOutcome(COUNTS, Window(low=None, high="integer:7"))

    assert await work(execute) is RunStatus.SUCCEEDED
    done = await world.reread(run)
    assert (done.status, done.progress, done.gear) == (RunStatus.SUCCEEDED, COUNTS, "line_mapper")
    assert done.window == Window(low=None, high="integer:7")
    assert done.finished_at is not None
    assert await world.lines(run) == ["hello"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SchemaMismatch("column 'a' is missing", column="a"), "schema_mismatch"),
        (GuardFailed("the result is empty"), "guard_failed"),
        (ValueError("a row value"), "internal_error"),
    ],
)
async def test_failures_that_a_retry_cannot_mend_end_the_run(
    world: World, run: Run, work: Work, error: Exception, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def execute(context: RunContext) -> RunOutcome:
        raise error

    assert await work(execute) is RunStatus.FAILED
    failed = await world.reread(run)
    assert failed.error is not None
    assert (failed.status, failed.error.code, failed.attempt) == (RunStatus.FAILED, code, 1)
    logged = capsys.readouterr()
    assert code in logged.out + logged.err or not isinstance(error, ValueError)
    assert "a row value" not in logged.out + logged.err + " ".join(await world.lines(run))


async def test_a_transient_failure_is_tried_again_until_attempts_are_used(
    world: World, run: Run, work: Work
) -> None:
    def execute(context: RunContext) -> RunOutcome:
        raise TargetUnavailable("the target does not answer")

    assert await work(execute) is RunStatus.QUEUED
    waiting = await world.reread(run)
    assert waiting.error is not None
    assert (waiting.error.code, waiting.sessions) == ("target_unavailable", ())
    second = await world.claim()
    worker = Worker(world.settings, world.mongodb_url, execute)
    try:
        assert await asyncio.to_thread(worker.work, second, time.monotonic()) is RunStatus.FAILED
    finally:
        worker.close()
    assert (await world.reread(run)).attempt == 2


async def test_a_cancel_ends_the_running_statement_within_two_seconds(
    world: World, run: Run, work: Work
) -> None:
    working = work(run_endless_statement)
    await until_session_is_recorded(world, run)
    asked_at = time.monotonic()
    await world.runs.request_cancel(run.tenant_id, run.id)
    assert await asyncio.wait_for(working, WAIT_SECONDS) is RunStatus.CANCELLED
    assert time.monotonic() - asked_at < 2.5
    cancelled = await world.reread(run)
    assert (cancelled.error, cancelled.sessions) == (None, ())


async def until_session_is_recorded(world: World, run: Run) -> None:
    async def is_recorded() -> bool:
        return bool((await world.reread(run)).sessions)

    await eventually(is_recorded)


async def test_a_target_session_is_recorded_before_anything_is_done_with_it(
    world: World, run: Run, work: Work, mongodb_url: str
) -> None:
    """However soon its executor is frozen or lost, the next owner of the run can end it."""
    found: list[tuple[object, object]] = []

    def execute(context: RunContext) -> RunOutcome:
        session = dialect_for("sqlite").connect(context.target, Purpose.TARGET, SessionLimits())
        with MongoClient[dict[str, object]](mongodb_url) as client:
            runs = client[world.store.database.name]["runs"]
            runs.find_one({"_id": run.id})  # connected, so that the next look is quicker than a write
            context.hold(context.target, session)
            stored = runs.find_one({"_id": run.id})
        found.append((session.session_id, stored and stored["sessions"]))
        context.release(session)
        session.close()
        return RunOutcome(COUNTS, None)

    assert await asyncio.wait_for(work(execute), WAIT_SECONDS) is RunStatus.SUCCEEDED
    [(session_id, recorded)] = found
    assert isinstance(recorded, list)
    assert [one["session_id"] for one in recorded] == [session_id]


async def test_the_timeout_ends_the_running_statement(world: World, run: Run, work: Work) -> None:
    short = run.model_copy(update={"timeout_seconds": 1})
    worker = Worker(world.settings, world.mongodb_url, run_endless_statement)
    try:
        ended = await asyncio.wait_for(asyncio.to_thread(worker.work, short, time.monotonic()), WAIT_SECONDS)
    finally:
        worker.close()
    assert ended is RunStatus.TIMED_OUT
    timed_out = await world.reread(run)
    assert timed_out.error is not None
    assert timed_out.error.code == "timed_out"


async def test_a_stop_hands_the_run_back_without_an_attempt(world: World, run: Run) -> None:
    worker = Worker(world.settings, world.mongodb_url, run_endless_statement)
    try:
        working = asyncio.create_task(asyncio.to_thread(worker.work, run, time.monotonic()))
        await until_session_is_recorded(world, run)
        worker.stop()
        assert await asyncio.wait_for(working, WAIT_SECONDS) is RunStatus.QUEUED
    finally:
        worker.close()
    released = await world.reread(run)
    assert (released.attempt, released.executor_id, released.sessions) == (0, None, ())
    assert (await world.claim("another")).id == run.id


async def test_the_lease_is_renewed_while_the_work_lasts(world: World, run: Run, work: Work) -> None:
    released = threading.Event()

    def execute(context: RunContext) -> RunOutcome:
        assert released.wait(WAIT_SECONDS)
        return RunOutcome(COUNTS, None)

    working = work(execute)
    assert run.lease_expires_at is not None
    until = run.lease_expires_at + timedelta(seconds=world.settings.lease_seconds)

    async def is_renewed() -> bool:
        renewed = (await world.reread(run)).lease_expires_at
        return renewed is not None and renewed > until

    await eventually(is_renewed)
    assert await world.runs.expired_runs() == []
    released.set()
    assert await working is RunStatus.SUCCEEDED


async def test_a_run_taken_over_stops_and_writes_nothing_more(world: World, run: Run, work: Work) -> None:
    seen: list[ControlSignal] = []

    def execute(context: RunContext) -> RunOutcome:
        try:
            while True:
                context.check()
                time.sleep(0.01)
        except ControlSignal as signal:
            seen.append(signal)
            raise

    working = work(execute)
    stolen = await world.runs.requeue_lost_run(run, 0, WORKER_LOST)
    assert await asyncio.wait_for(working, WAIT_SECONDS) is None
    assert [type(signal).__name__ for signal in seen] == ["LeaseLost"]
    assert await world.reread(run) == stolen


async def test_a_cancel_that_comes_while_committing_is_too_late(world: World, run: Run, work: Work) -> None:
    committing, go = threading.Event(), threading.Event()

    def execute(context: RunContext) -> RunOutcome:
        context.enter_committing(COUNTS)
        committing.set()
        assert go.wait(WAIT_SECONDS)
        context.check()
        return RunOutcome(COUNTS, None)

    working = work(execute)
    assert await asyncio.to_thread(committing.wait, WAIT_SECONDS)
    current = await world.reread(run)
    assert (current.status, current.unsettled) == (RunStatus.COMMITTING, True)
    go.set()
    assert await working is RunStatus.SUCCEEDED


async def test_a_cancel_before_the_commit_bars_it(world: World, run: Run, work: Work) -> None:
    await world.runs.request_cancel(run.tenant_id, run.id)
    committed: list[bool] = []

    def execute(context: RunContext) -> RunOutcome:
        context.enter_committing(COUNTS)
        committed.append(True)
        return RunOutcome(COUNTS, None)

    assert await work(execute) is RunStatus.CANCELLED
    assert committed == []


async def test_a_run_without_attempts_left_is_settled_and_not_tried(
    world: World, run: Run, work: Work
) -> None:
    exhausted = run.model_copy(update={"attempt": 3})

    def execute(context: RunContext) -> RunOutcome:
        raise AssertionError("it was tried again")

    worker = Worker(world.settings, world.mongodb_url, execute)
    try:
        ended = await asyncio.to_thread(worker.work, exhausted, time.monotonic())
    finally:
        worker.close()
    assert ended is RunStatus.FAILED
    failed = await world.reread(run)
    assert failed.error is not None
    assert failed.error.code == "worker_lost"


async def test_a_first_attempt_takes_the_newest_version_of_the_mapping(
    world: World, run: Run, work: Work
) -> None:
    versions = world.store.collection("mapping_versions")
    newest = await versions.find_one({"mapping_id": run.mapping_id})
    assert newest is not None
    newest.pop("_id")
    await versions.insert_one({**newest, "mapping_version": 2})
    await world.store.collection("mappings").update_one({"_id": run.mapping_id}, {"$set": {"version": 2}})
    seen: list[int] = []

    def execute(context: RunContext) -> RunOutcome:
        seen.append(context.version.mapping_version)
        return RunOutcome(COUNTS, None)

    assert await work(execute) is RunStatus.SUCCEEDED
    assert seen == [2]
    assert (await world.reread(run)).mapping_version == 2


async def test_a_mapping_that_is_gone_fails_by_name(world: World, run: Run, work: Work) -> None:
    await world.store.collection("mappings").delete_many({})

    def execute(context: RunContext) -> RunOutcome:
        raise AssertionError("nothing can be done without a mapping")

    assert await work(execute) is RunStatus.FAILED
    failed = await world.reread(run)
    assert failed.error is not None
    assert failed.error.code == "not_found"
