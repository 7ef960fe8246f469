"""notices: written once for each (run, kind, target), and taken by one sender at a time.

A sender holds a notice by a lease of the server's time: one that dies in between leaves it to the next, so that a
notice is sent at least once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne

from shared.documents.notice import Notice
from shared.store.client import MongoDocument, StoreClient

ONE_NOTICE_INDEX = "notices_one"


class NoticeStore:
    def __init__(self, client: StoreClient) -> None:
        self._notices = client.collection("notices")

    async def add(self, notices: Sequence[Notice]) -> None:
        """Add notices; one that is there already, of the same run, kind and target, stays as it is."""
        writes = [UpdateOne(_key(one), {"$setOnInsert": _rest(one)}, upsert=True) for one in notices]
        if writes:
            await self._notices.bulk_write(writes, ordered=False)

    async def take_due(self, lease_seconds: float) -> Notice | None:
        """Take the notice that has been due for longest, or return None; nobody else takes it within the lease."""
        query = {"status": "waiting", "$expr": {"$lte": ["$due_at", "$$NOW"]}}
        change = {"attempts": {"$add": ["$attempts", 1]}, "due_at": _from_now(lease_seconds)}
        stored = await self._notices.find_one_and_update(
            query, [{"$set": change}], sort=[("due_at", 1)], return_document=ReturnDocument.AFTER
        )
        return None if stored is None else Notice.from_mongo(stored)

    async def record_sent(self, notice: Notice) -> None:
        """Store that a notice was taken in."""
        await self._end_attempt(notice, {"status": "sent", "sent_at": "$$NOW", "error": None})

    async def record_failure(self, notice: Notice, error: str, delay_seconds: float | None) -> None:
        """Store why an attempt failed, and when the next one is due; None gives the notice up."""
        if delay_seconds is None:
            await self._end_attempt(notice, {"status": "given_up", "error": error})
        else:
            await self._end_attempt(notice, {"due_at": _from_now(delay_seconds), "error": error})

    async def _end_attempt(self, notice: Notice, change: MongoDocument) -> None:
        """Change a notice unless a later attempt has begun: that one tells how it ends."""
        held = {"_id": notice.id, "status": "waiting", "attempts": notice.attempts}
        await self._notices.update_one(held, [{"$set": {**change, "updated_at": "$$NOW"}}])

    async def of_run(self, tenant_id: str, run_id: ObjectId) -> list[Notice]:
        """Return a run's notices, oldest first."""
        found = self._notices.find({"run_id": run_id, "tenant_id": tenant_id}).sort("_id", 1)
        return [Notice.from_mongo(stored) async for stored in found]

    async def purge(self, before: datetime) -> int:
        """Delete notices written before an instant and return their number."""
        return (await self._notices.delete_many({"created_at": {"$lt": before}})).deleted_count


def _key(notice: Notice) -> MongoDocument:
    return {"run_id": notice.run_id, "kind": notice.kind, "target": notice.target}


def _rest(notice: Notice) -> dict[str, Any]:
    return {name: value for name, value in notice.to_mongo().items() if name not in _key(notice)}


def _from_now(seconds: float) -> MongoDocument:
    return {"$add": ["$$NOW", round(seconds * 1000)]}
