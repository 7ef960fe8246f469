"""api_keys: what scripts come in with."""

from datetime import datetime, timedelta

from bson import ObjectId

from shared.documents.api_key import ApiKey
from shared.store.documents import DocumentStore

USE_PRECISION = timedelta(minutes=1)


class ApiKeyStore(DocumentStore[ApiKey]):
    collection_name = "api_keys"
    noun = "API key"
    model = ApiKey

    async def find_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key with a prefix, whatever the tenant."""
        stored = await self._collection.find_one({"prefix": prefix})
        return None if stored is None else ApiKey.from_mongo(stored)

    async def record_use(self, key: ApiKey, now: datetime) -> None:
        """Store when a key was last used, to the minute."""
        if key.last_used_at is None or now - key.last_used_at > USE_PRECISION:
            await self._collection.update_one({"_id": key.id}, {"$set": {"last_used_at": now}})

    async def delete_of_user(self, user_id: ObjectId) -> None:
        """Delete every key of a user."""
        await self._collection.delete_many({"user_id": user_id})
