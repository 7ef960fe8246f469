"""MongoDB does not answer for less and for longer than a lease."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local_servers import MongodbServer, temporary_mongodb
from local_servers.installation import Installation
from shared.documents.mapping import Retry
from shared.documents.run import FINAL_STATUSES, Run, RunStatus
from shared.store.client import StoreClient
from shared.store.indexes import make_indexes
from tests.integration.executor.world import LEASE_SECONDS, World, eventually

ROWS = 500


@pytest.fixture
def mongodb() -> Iterator[MongodbServer]:
    with temporary_mongodb() as server:
        yield server


@pytest.fixture
async def world(mongodb: MongodbServer, tmp_path: Path) -> AsyncIterator[World]:
    client = StoreClient(mongodb.url, "outage")
    await make_indexes(client)
    made = World(client, mongodb.url, tmp_path / "world")
    source = sqlite3.connect(made.settings.sqlite_root / "default" / "source.sqlite3")
    source.execute("CREATE TABLE numbers (a TEXT)")
    source.executemany("INSERT INTO numbers VALUES (?)", ((f"row {n}",) for n in range(ROWS)))
    source.commit()
    source.close()
    yield made
    await client.close()


@pytest.fixture
def installation(world: World, tmp_path: Path) -> Iterator[Installation]:
    (tmp_path / "faults").mkdir()
    settings = {
        **world.environment,
        "FAULT_POINTS": "mid_extract=pause",
        "FAULT_POINTS_DIR": str(tmp_path / "faults"),
    }
    with Installation(tmp_path / "installation", settings) as made:
        yield made


async def begin_run(world: World, installation: Installation, tmp_path: Path) -> Run:
    """Queue a run and return once a worker stands in the middle of it."""
    of = await world.add_mapping(source_query="SELECT a FROM numbers", write_mode="append")
    run = await world.queue(of, retry=Retry(max_attempts=3, backoff_seconds=0))
    await asyncio.to_thread(installation.start_executor)

    async def is_reached() -> bool:
        return (tmp_path / "faults" / "mid_extract.reached").exists()

    await eventually(is_reached)
    return run


async def ended(world: World, run: Run) -> Run:
    async def is_over() -> bool:
        return (await world.reread(run)).status in FINAL_STATUSES

    await eventually(is_over)
    return await world.reread(run)


def assert_exact(world: World) -> None:
    target = sqlite3.connect(world.target_path)
    rows = [row[0] for row in target.execute("SELECT a FROM t ORDER BY rowid")]
    target.close()
    assert rows == [f"row {n}" for n in range(ROWS)]


async def test_work_goes_on_while_mongodb_is_away_for_less_than_a_lease(
    world: World, installation: Installation, mongodb: MongodbServer, tmp_path: Path
) -> None:
    run = await begin_run(world, installation, tmp_path)
    mongodb.pause()
    try:
        (tmp_path / "faults" / "mid_extract.go").touch()
        await asyncio.sleep(LEASE_SECONDS / 3)  # the length of the outage
    finally:
        mongodb.resume()
    done = await ended(world, run)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 1)
    assert_exact(world)


async def test_work_stops_before_the_lease_ends_when_mongodb_stays_away(
    world: World, installation: Installation, mongodb: MongodbServer, tmp_path: Path
) -> None:
    run = await begin_run(world, installation, tmp_path)
    [service] = installation.services
    paused_at = time.monotonic()
    mongodb.pause()
    try:

        async def has_stopped() -> bool:
            return "lost lease" in service.logs()

        await eventually(has_stopped)
        assert time.monotonic() - paused_at < LEASE_SECONDS
        (tmp_path / "faults" / "mid_extract.go").touch()
    finally:
        mongodb.resume()
    done = await ended(world, run)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 2)
    assert_exact(world)


async def test_a_primary_that_steps_down_costs_no_run_and_doubles_none(
    world: World, installation: Installation, mongodb: MongodbServer, tmp_path: Path
) -> None:
    run = await begin_run(world, installation, tmp_path)
    await world.store.client.admin.command({"replSetStepDown": 1, "force": True})
    (tmp_path / "faults" / "mid_extract.go").touch()
    done = await ended(world, run)
    assert done.status is RunStatus.SUCCEEDED
    assert done.attempt <= 2  # the election may outlast the short lease of this test
    assert_exact(world)
    assert await world.store.collection("runs").count_documents({}) == 1
