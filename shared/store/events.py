"""What happens to runs and schedules, as MongoDB's change stream tells it: the same to every process."""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pymongo.errors import OperationFailure

from shared.clock import Clock
from shared.documents.run import FINAL_STATUSES, Run, RunStatus
from shared.store.client import MongoDocument, StoreClient

EventType = Literal["run_queued", "run_started", "run_progress", "run_finished", "schedule_changed"]
QUIET_MS = 1000

_TOKEN = re.compile(r"[0-9A-Fa-f]{2,4000}")
_CHANGED = "updateDescription.updatedFields"
_SHOWN = ("status", "progress", "cancel_requested", "gear", "window")
# InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost, a token that does not parse.
_LOST = frozenset({260, 280, 286, 9, 40415, 40647, 40649, 50811, 50795, 50796, 17261})


@dataclass(frozen=True)
class StoredEvent:
    """`id` grows from event to event, compared as text, and is where a stream can go on from."""

    id: str
    type: EventType
    at: datetime
    run: Run | None = None
    schedule_id: str | None = None


class EventsLost(Exception):
    """What came after an event is no longer known, or it was never one."""


async def watch_events(
    client: StoreClient, tenant_id: str, after: str | None, clock: Clock
) -> AsyncGenerator[StoredEvent | None, None]:
    """Yield a tenant's events after one of them, or from now on; None once that has begun, and
    whenever a second was quiet.

    Where `after` is too old, the first event is a `schedule_changed` about nothing: time to read all anew.
    """
    try:
        async for event in _watch(client, tenant_id, after):
            yield event
    except EventsLost:
        async for event in _watch(client, tenant_id, None, first_at=clock()):
            yield event


async def _watch(
    client: StoreClient, tenant_id: str, after: str | None, first_at: datetime | None = None
) -> AsyncGenerator[StoredEvent | None, None]:
    if after is not None and not _TOKEN.fullmatch(after):
        raise EventsLost
    try:
        stream = await client.database.watch(
            _pipeline(tenant_id),
            full_document="updateLookup",
            resume_after=None if after is None else {"_data": after},
            max_await_time_ms=QUIET_MS,
        )
        async with stream as changes:
            yield None
            if first_at is not None and changes.resume_token is not None:
                yield StoredEvent(str(changes.resume_token["_data"]), "schedule_changed", first_at)
            while changes.alive:
                change = await changes.try_next()
                yield None if change is None else _event(change)
    except OperationFailure as error:
        if after is not None and error.code in _LOST:
            raise EventsLost from error
        raise


def _pipeline(tenant_id: str) -> list[MongoDocument]:
    shown = [{f"{_CHANGED}.{name}": {"$exists": True}} for name in _SHOWN]
    made = {"operationType": {"$in": ["insert", "replace"]}}
    return [
        {
            "$match": {
                "$or": [
                    {"ns.coll": "runs", "fullDocument.tenant_id": tenant_id, "$or": [made, *shown]},
                    {
                        "ns.coll": "schedules",
                        "fullDocument.tenant_id": tenant_id,
                        "$or": [made, {f"{_CHANGED}.version": {"$exists": True}}],
                    },
                    {"ns.coll": "schedules", f"{_CHANGED}.deleted_in": tenant_id},
                ]
            }
        }
    ]


def _event(change: Any) -> StoredEvent:
    token = str(change["_id"]["_data"])
    at: datetime = change["clusterTime"].as_datetime()
    if change["ns"]["coll"] == "schedules":
        schedule_id = str(change["documentKey"]["_id"])
        return StoredEvent(token, "schedule_changed", at, schedule_id=schedule_id)
    changed = change.get("updateDescription", {}).get("updatedFields")
    # An update says which state it led to; the document may be in a later one by now.
    status = change["fullDocument"]["status"] if changed is None else changed.get("status")
    return StoredEvent(token, _type_of(status), at, run=Run.from_mongo(change["fullDocument"]))


def _type_of(status: str | None) -> EventType:
    if status == RunStatus.QUEUED:
        return "run_queued"
    if status == RunStatus.RUNNING:
        return "run_started"
    return "run_finished" if status in FINAL_STATUSES else "run_progress"
