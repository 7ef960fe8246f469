"""Who purges the targets, and when."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from executor.run_inputs import RunInputStore
from executor.target_purger import TargetPurger
from shared.documents.pause import INSTALLATION, Pause
from shared.documents.run import RunStatus
from shared.store.client import StoreClient
from shared.store.counters import CounterStore
from shared.store.pauses import PauseStore
from tests.factories import NOW
from tests.integration.executor.world import World

LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(store: StoreClient, mongodb_url: str, tmp_path: Path) -> World:
    return World(store, mongodb_url, tmp_path / "world")


@pytest.fixture
def purger(world: World) -> TargetPurger:
    inputs = RunInputStore(world.store, world.runs, world.settings)
    return TargetPurger(world.store, world.runs, inputs, world.settings, lambda: LONG_AFTER)


async def fill(world: World) -> tuple[str, str]:
    """A target with the closed rows of a run that is over and of one that is not."""
    of = await world.add_mapping()
    await world.queue(of)
    over = await world.runs.finish_run(await world.claim(), RunStatus.FAILED)
    waiting = await world.queue(of)
    with sqlite3.connect(world.target_path) as target:
        target.execute(
            "CREATE TABLE etl_engine_runs (run_id, fence, state, format, mapping_id, target_table, kind,"
            " cursor_column, closed_at)"
        )
        for run in (over, waiting):
            target.execute(
                "INSERT INTO etl_engine_runs VALUES (?, 1, 'aborted', 1, 'm', 't', 'run', NULL, '2026-01-01')",
                (str(run.id),),
            )
    target.close()
    return str(over.id), str(waiting.id)


def rows(world: World) -> list[str]:
    target = sqlite3.connect(world.target_path)
    try:
        return [row[0] for row in target.execute("SELECT run_id FROM etl_engine_runs")]
    finally:
        target.close()


async def test_what_is_over_goes_from_the_targets_of_mappings(world: World, purger: TargetPurger) -> None:
    _, waiting = await fill(world)
    await purger.purge()
    assert rows(world) == [waiting]


async def test_one_executor_purges_in_six_hours(
    world: World, purger: TargetPurger, store: StoreClient
) -> None:
    over, waiting = await fill(world)
    turns = await asyncio.gather(*(CounterStore(store).take_turn("target_purge", 3600) for _ in range(5)))
    assert sorted(turns) == [False] * 4 + [True]
    await purger.purge_if_due()
    assert rows(world) == [over, waiting]
    await store.collection("counters").update_one({"_id": "target_purge"}, {"$set": {"done_at": NOW}})
    await purger.purge_if_due()
    assert rows(world) == [waiting]


async def test_a_target_under_a_pause_is_left_alone(
    world: World, purger: TargetPurger, store: StoreClient
) -> None:
    before = await fill(world)
    pause = Pause(tenant_id=INSTALLATION, paused=True, created_at=NOW, updated_at=NOW)
    await PauseStore(store).store(pause, expected_version=None)
    await purger.purge()
    assert rows(world) == list(before)


async def test_a_target_that_cannot_be_reached_keeps_no_other_from_it(
    world: World, purger: TargetPurger, store: StoreClient
) -> None:
    _, waiting = await fill(world)
    version = await store.collection("mapping_versions").find_one({})
    assert version is not None
    gone = {**version, "_id": "another", "mapping_version": 2}
    gone["mapping"] = {**version["mapping"], "target_connection_id": version["mapping"]["target_schema_id"]}
    await store.collection("mapping_versions").insert_one(gone)
    await purger.purge()
    assert rows(world) == [waiting]


async def test_a_target_that_was_never_written_to_is_not_made(world: World, purger: TargetPurger) -> None:
    await world.add_mapping()
    await purger.purge()
    assert not world.target_path.exists()
