"""Brings stored documents to the formats of this version, at the start of an executor.

Each step finds what is older than its format and changes it by conditional updates, so that several executors may do
it at once, again, or leave off in the middle. Older services that still run leave what has been brought on alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from shared.clock import Clock, utc_now
from shared.cron import next_due
from shared.documents.mapping import connections_of
from shared.documents.run import RunStatus
from shared.documents.schedule import Schedule
from shared.errors import ConfigError
from shared.store.client import MongoDocument, StoreClient

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Migration:
    """One step: what it takes documents of a collection to, and how. Returns how many it changed."""

    collection: str
    to_format: int
    apply: Callable[[StoreClient, Clock], Awaitable[int]]


async def migrate(client: StoreClient, clock: Clock = utc_now) -> None:
    """Take every step that is still to be taken, oldest format first."""
    for step in sorted(MIGRATIONS, key=lambda step: step.to_format):
        changed = await step.apply(client, clock)
        if changed:
            log.info("migrated", collection=step.collection, to_format=step.to_format, documents=changed)


def _older_than(number: int) -> MongoDocument:
    return {"format": {"$lt": number}}


async def _count_connections_of_waiting_runs(client: StoreClient, _: Clock) -> int:
    """Format 2: a queued run names the connections that it will use. Ended runs stay as they were written."""
    runs, changed = client.collection("runs"), 0
    waiting = {"status": RunStatus.QUEUED, **_older_than(2)}
    for mapping_id in await runs.distinct("mapping_id", waiting):
        wanted = {"source_connection_id": 1, "target_connection_id": 1}
        mapping = await client.collection("mappings").find_one({"_id": mapping_id}, wanted)
        uses: list[str] = []
        if mapping is not None:
            uses += connections_of(mapping["source_connection_id"], mapping["target_connection_id"])
        change = {"$set": {"uses": uses, "format": 2}}
        changed += (await runs.update_many({**waiting, "mapping_id": mapping_id}, change)).modified_count
    return changed


async def _give_disabled_schedules_their_ticks(client: StoreClient, clock: Clock) -> int:
    """Format 2: the ticks of disabled schedules are recorded, and a pause is heeded."""
    schedules, changed = client.collection("schedules"), 0
    async for stored in schedules.find({"enabled": False, **_older_than(2)}):
        schedule = Schedule.from_mongo(stored)
        try:
            due = next_due(schedule, clock())
        except ConfigError:
            due = None
        as_read = {"_id": schedule.id, "version": schedule.version, **_older_than(2)}
        moved = await schedules.update_one(as_read, {"$set": {"next_due_at": due, "format": 2}})
        changed += moved.modified_count
    enabled = await schedules.update_many({"enabled": True, **_older_than(2)}, {"$set": {"format": 2}})
    return changed + enabled.modified_count


MIGRATIONS: tuple[Migration, ...] = (
    Migration("runs", 2, _count_connections_of_waiting_runs),
    Migration("schedules", 2, _give_disabled_schedules_their_ticks),
)
