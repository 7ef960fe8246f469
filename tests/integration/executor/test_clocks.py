"""Clocks that are wrong, a MongoDB that acknowledges too early, and very many schedules."""

from datetime import datetime, timedelta

import pytest
from bson import ObjectId
from pymongo import WriteConcern
from structlog.testing import capture_logs

from executor.main import StartError, _check_store
from executor.server_clock import ServerClock
from shared.clock import utc_now
from shared.documents.schedule import Schedule
from shared.store.client import StoreClient
from shared.store.executors import ExecutorStore
from shared.store.runs import RunStore
from tests.integration.executor.test_scheduler import NOON, Desk

SLACK = timedelta(seconds=5)


@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(hours=-1), timedelta(minutes=5)])
async def test_an_executor_with_a_wrong_clock_goes_by_the_servers_and_says_so(
    store: StoreClient, skew: timedelta
) -> None:
    def wrong() -> datetime:
        return utc_now() + skew

    clock = ServerClock(ExecutorStore(store, wrong), wrong)
    with capture_logs() as logs:
        await clock.measure()
    assert abs(clock() - utc_now()) < SLACK
    assert abs(timedelta(milliseconds=clock.ahead_ms) - skew) < SLACK
    assert [line["event"] for line in logs] == ["clock_skew"]


async def test_a_clock_that_is_right_is_not_reported(store: StoreClient) -> None:
    with capture_logs() as logs:
        await ServerClock(ExecutorStore(store)).measure()
    assert logs == []


async def test_an_executor_does_not_start_where_a_minority_may_acknowledge(store: StoreClient) -> None:
    await _check_store(store)
    store.database = store.database.with_options(write_concern=WriteConcern(w=1))
    with pytest.raises(StartError, match="majority"):
        await _check_store(store)


async def test_five_thousand_schedules_of_every_minute_each_fire_once(
    store: StoreClient, runs: RunStore
) -> None:
    desk = Desk(store, runs)
    of = await desk.add_mapping()
    mappings = [{**of.to_mongo(), "_id": ObjectId(), "name": str(number)} for number in range(5000)]
    await store.collection("mappings").insert_many(mappings)
    values = {"cron_expression": "* * * * *", "next_due_at": NOON, "created_at": NOON, "updated_at": NOON}
    schedules = [
        Schedule.model_validate({**values, "name": str(one["_id"]), "mapping_id": one["_id"]})
        for one in mappings
    ]
    await store.collection("schedules").insert_many([one.to_mongo() for one in schedules])
    begun = utc_now()
    while await desk.scheduler.fire_due():
        pass
    assert utc_now() - begun < timedelta(minutes=1)  # before they are due again
    assert await store.collection("runs").count_documents({"scheduled_for": NOON}) == 5000
    assert len(await store.collection("runs").distinct("schedule_id")) == 5000
    assert (
        await store.collection("schedules").count_documents({"next_due_at": NOON + timedelta(minutes=1)})
        == 5000
    )
