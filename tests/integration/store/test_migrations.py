"""Documents of an older version are brought to the formats of this one, by whoever starts, once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from shared.documents import base
from shared.documents.run import Run, RunStatus
from shared.documents.schedule import Schedule
from shared.errors import NewerFormat
from shared.store.migrations import MIGRATIONS, migrate
from shared.store.run_reader import RunFilter
from shared.store.stores import Stores
from tests.factories import NOW, mapping


async def put_old_run(stores: Stores, mapping_id: ObjectId, status: RunStatus) -> ObjectId:
    """Store a run as version 1 wrote it: without the fields that came later."""
    run = Run(
        mapping_id=mapping_id,
        mapping_version=1,
        trigger="retry",
        status=status,
        queued_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    stored = {**run.to_mongo(), "format": 1, "not_before": NOW}
    for name in ("uses", "slots", "needs"):
        del stored[name]
    await stores.client.collection("runs").insert_one(stored)
    return run.id


async def put_old_schedule(stores: Stores, **fields: Any) -> ObjectId:
    values = {"name": str(ObjectId()), "mapping_id": ObjectId(), "cron_expression": "0 2 * * *", **fields}
    schedule = Schedule(created_at=NOW, updated_at=NOW, **values)
    stored = {**schedule.to_mongo(), "format": 1}
    del stored["stretch"]
    await stores.client.collection("schedules").insert_one(stored)
    return schedule.id


async def test_waiting_runs_get_the_connections_of_their_mapping(stores: Stores) -> None:
    of = await stores.mappings.insert(mapping())
    waiting = await put_old_run(stores, of.id, RunStatus.QUEUED)
    orphan = await put_old_run(stores, ObjectId(), RunStatus.QUEUED)
    ended = await put_old_run(stores, of.id, RunStatus.SUCCEEDED)
    await asyncio.gather(*(migrate(stores.client) for _ in range(4)))
    brought, left = await stores.runs.get("default", waiting), await stores.runs.get("default", ended)
    assert (brought.uses, brought.format) == (of.uses, 2)
    assert (await stores.runs.get("default", orphan)).format == 2
    assert (left.uses, left.format, left.needs) == ((), 1, 1)  # read all the same
    claimed = await stores.runs.claim_run("new", 30)
    assert claimed is not None
    assert sorted(claimed.slots) == sorted(f"{connection}:0" for connection in claimed.uses)


async def test_disabled_schedules_get_their_next_tick(stores: Stores) -> None:
    disabled = await put_old_schedule(stores, enabled=False)
    unreadable = await put_old_schedule(stores, enabled=False, timezone="Mars/Olympus")
    due = NOW + timedelta(days=1)
    enabled = await put_old_schedule(stores, next_due_at=due)
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    await migrate(stores.client, lambda: now)
    await migrate(stores.client, lambda: now + timedelta(days=9))  # nothing is left to do
    found = {one: await stores.schedules.get("default", one) for one in (disabled, unreadable, enabled)}
    assert found[disabled].next_due_at == datetime(2026, 5, 2, 2, tzinfo=UTC)
    assert found[unreadable].next_due_at is None
    assert (found[enabled].next_due_at, found[enabled].format) == (due, 2)


async def test_an_older_version_refuses_what_it_does_not_know(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await stores.mappings.insert(mapping())
    run_id = await put_old_run(stores, of.id, RunStatus.QUEUED)
    await migrate(stores.client)
    monkeypatch.setattr(base, "FORMAT", 1)
    with pytest.raises(NewerFormat, match="format 2, this version knows formats up to 1"):
        await stores.runs.get("default", run_id)
    with pytest.raises(NewerFormat):
        await stores.runs.list_runs("default", RunFilter())
    assert await stores.runs.claim_run("old", 30) is None
    assert (await stores.mappings.get("default", of.id)).id == of.id  # what did not change is still read


def test_every_format_above_the_first_has_its_migration() -> None:
    assert max(step.to_format for step in MIGRATIONS) == base.FORMAT
    for model, collection in ((Run, "runs"), (Schedule, "schedules")):
        steps = [step.to_format for step in MIGRATIONS if step.collection == collection]
        assert max(steps) == model.newest_format()
