"""counters: numbers that only ever grow."""

from pymongo import ReturnDocument

from shared.store.client import StoreClient


class CounterStore:
    """Hands out fences: each number once, ascending, for the whole installation."""

    def __init__(self, client: StoreClient) -> None:
        self._counters = client.collection("counters")

    async def next_fence(self) -> int:
        """Return a number greater than every one returned before."""
        counter = await self._counters.find_one_and_update(
            {"_id": "fence"}, {"$inc": {"value": 1}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        if counter is None:
            raise RuntimeError("MongoDB answered an upsert without its document")
        return int(counter["value"])
