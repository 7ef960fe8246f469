"""idempotency_keys: first answers, kept for a day."""

from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from shared.documents.idempotency import IdempotentRequest, KeptAnswer
from shared.store.client import StoreClient

KEPT_SECONDS = 24 * 3600
GIVEN_UP_AFTER = timedelta(minutes=5)


class IdempotencyStore:
    """Whoever inserts a key first does the work; everybody else gets what is there."""

    def __init__(self, client: StoreClient) -> None:
        self._keys = client.collection("idempotency_keys")

    async def begin(self, request: IdempotentRequest) -> IdempotentRequest | None:
        """Take a key; or return the request that has it.

        A request that never ended, because its process did, gives its key up after minutes.
        """
        stored = {"_id": request.id, **request.model_dump(exclude={"id"})}
        try:
            await self._keys.insert_one(stored)
        except DuplicateKeyError:
            return await self._take_over(request)
        return None

    async def _take_over(self, request: IdempotentRequest) -> IdempotentRequest | None:
        stale = {
            "_id": request.id,
            "fingerprint": request.fingerprint,
            "answer": None,
            "started_at": {"$lt": request.started_at - GIVEN_UP_AFTER},
        }
        taken = await self._keys.update_one(stale, {"$set": {"started_at": request.started_at}})
        if taken.modified_count:
            return None
        found = await self._keys.find_one({"_id": request.id})
        return request if found is None else _read(found)

    async def keep(self, request: IdempotentRequest, answer: KeptAnswer) -> None:
        """Store the answer of a request that holds its key."""
        await self._keys.update_one(_held(request), {"$set": {"answer": answer.model_dump()}})

    async def release(self, request: IdempotentRequest) -> None:
        """Let go of a key whose request came to nothing."""
        await self._keys.delete_one(_held(request))


def _held(request: IdempotentRequest) -> dict[str, Any]:
    return {"_id": request.id, "started_at": request.started_at, "answer": None}


def _read(stored: dict[str, Any]) -> IdempotentRequest:
    fields = {name: value for name, value in stored.items() if name in IdempotentRequest.model_fields}
    instant: datetime = stored["started_at"]
    return IdempotentRequest.model_validate({**fields, "id": stored["_id"], "started_at": instant})
