"""counters: numbers that only ever grow, and whose turn it is."""

from pymongo import ReturnDocument

from shared.store.client import StoreClient


class CounterStore:
    """Hands out fences, each number once, ascending, for the whole installation; and turns."""

    def __init__(self, client: StoreClient) -> None:
        self._counters = client.collection("counters")

    async def next_fence(self) -> int:
        """Return a number greater than every one returned before.

        No less than the server's time in milliseconds: where an older copy of MongoDB's documents was restored, the
        ledgers of the targets know of numbers that this counter has forgotten, and the newest row there is the one
        with the greatest.
        """
        value = {"$max": [{"$add": [{"$ifNull": ["$value", 0]}, 1]}, {"$toLong": "$$NOW"}]}
        counter = await self._counters.find_one_and_update(
            {"_id": "fence"}, [{"$set": {"value": value}}], upsert=True, return_document=ReturnDocument.AFTER
        )
        if counter is None:
            raise RuntimeError("MongoDB answered an upsert without its document")
        return int(counter["value"])

    async def last_fence(self) -> int | None:
        """Return the greatest number so far; None before the first."""
        counter = await self._counters.find_one({"_id": "fence"})
        return None if counter is None else int(counter["value"])

    async def take_turn(self, name: str, every_seconds: float) -> bool:
        """Whether it is time for something that one executor does now and then; True for one of them."""
        last = {"$subtract": ["$$NOW", round(every_seconds * 1000)]}
        due = {"_id": name, "$expr": {"$lte": ["$done_at", last]}}
        if (await self._counters.update_one(due, [{"$set": {"done_at": "$$NOW"}}])).matched_count:
            return True
        first = [{"$set": {"done_at": {"$ifNull": ["$done_at", "$$NOW"]}}}]
        return (await self._counters.update_one({"_id": name}, first, upsert=True)).upserted_id is not None
