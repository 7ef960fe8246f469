"""pauses: the switches that keep runs from starting, by the server's clock."""

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.documents.pause import Pause, Pauses
from shared.store.client import MongoDocument, Session, StoreClient
from shared.store.errors import VersionMismatch

KEPT_INTERVALS = 100


class PauseStore:
    def __init__(self, client: StoreClient) -> None:
        self._pauses = client.collection("pauses")

    async def read_all(self, session: Session | None = None) -> Pauses:
        """Return every switch that was ever used."""
        found = self._pauses.find({}, session=session)
        return Pauses(tuple([Pause.from_mongo(stored) async for stored in found]))

    async def find(self, tenant_id: str) -> Pause | None:
        """Return a tenant's switch, None before it was first used."""
        stored = await self._pauses.find_one({"tenant_id": tenant_id})
        return None if stored is None else Pause.from_mongo(stored)

    async def store(self, pause: Pause, *, expected_version: int | None) -> Pause:
        """Set a switch; `expected_version` None for one that was never used. Raises VersionMismatch.

        Turning it on begins an interval and turning it off ends it; anything else leaves the intervals alone.
        """
        query = {"tenant_id": pause.tenant_id, "version": expected_version}
        try:
            stored = await self._pauses.find_one_and_update(
                query,
                [{"$set": _change(pause)}],
                upsert=expected_version is None,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            stored = None
        if stored is None:
            raise VersionMismatch("The switch has changed since it was read")
        return Pause.from_mongo(stored)


def _change(pause: Pause) -> MongoDocument:
    kept = {"$slice": [{"$ifNull": ["$intervals", []]}, -KEPT_INTERVALS]}
    last = {"$last": "$intervals"}
    ended = {"since": {"$getField": {"field": "since", "input": last}}, "until": "$$NOW"}
    begun: MongoDocument = {"$concatArrays": [kept, [{"since": "$$NOW", "until": None}]]}
    over = {"$filter": {"input": "$intervals", "cond": {"$ne": ["$$this.until", None]}}}
    closed: MongoDocument = {"$concatArrays": [over, [ended]]}
    was_on = {"$ifNull": ["$paused", False]}
    turned = {"$ne": [was_on, pause.paused]}
    return {
        "paused": pause.paused,
        "note": {"$literal": pause.note},
        "intervals": {"$cond": [turned, begun if pause.paused else closed, kept]},
        "version": {"$add": [{"$ifNull": ["$version", 0]}, 1]},
        "format": pause.format,
        "created_at": {"$ifNull": ["$created_at", "$$NOW"]},
        "updated_at": "$$NOW",
    }
