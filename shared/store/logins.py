"""logins: which logins are good, and which of their refresh tokens."""

from datetime import datetime

from bson import ObjectId
from pymongo import ReturnDocument

from shared.documents.user import Login
from shared.store.client import StoreClient


class LoginStore:
    """A login ends by being revoked, by its time, or with its user's rights."""

    def __init__(self, client: StoreClient) -> None:
        self._logins = client.collection("logins")

    async def insert(self, login: Login) -> None:
        """Add a login."""
        await self._logins.insert_one(login.to_mongo())

    async def find_good(self, login_id: ObjectId, now: datetime) -> Login | None:
        """Return a login that is neither revoked nor over."""
        stored = await self._logins.find_one(_good(login_id, now))
        return None if stored is None else Login.from_mongo(stored)

    async def rotate(self, login_id: ObjectId, generation: int, now: datetime) -> Login | None:
        """Go on to the next refresh token; None when `generation` is not the present one."""
        stored = await self._logins.find_one_and_update(
            {**_good(login_id, now), "generation": generation},
            {"$inc": {"generation": 1}, "$set": {"updated_at": now}},
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else Login.from_mongo(stored)

    async def revoke(self, login_id: ObjectId, now: datetime) -> bool:
        """End a login; False when it had ended already."""
        revoked = await self._logins.update_one(
            {"_id": login_id, "revoked_at": None}, {"$set": {"revoked_at": now}}
        )
        return revoked.modified_count == 1

    async def revoke_all(self, user_id: ObjectId, now: datetime, keep: ObjectId | None = None) -> None:
        """End every login of a user but one."""
        await self._logins.update_many(
            {"user_id": user_id, "revoked_at": None, "_id": {"$ne": keep}}, {"$set": {"revoked_at": now}}
        )


def _good(login_id: ObjectId, now: datetime) -> dict[str, object]:
    return {"_id": login_id, "revoked_at": None, "expires_at": {"$gt": now}}
