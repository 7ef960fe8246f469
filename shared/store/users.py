"""users: who may come in."""

from datetime import datetime

from bson import ObjectId
from pymongo import ReturnDocument

from shared.documents.user import Totp, User
from shared.errors import Conflict
from shared.store.documents import DocumentStore


class UserStore(DocumentStore[User]):
    collection_name = "users"
    noun = "user"
    model = User

    async def find_by_email(self, email: str) -> User | None:
        """Return the user of an address in lower case, whatever the tenant."""
        stored = await self._collection.find_one({"email": email})
        return None if stored is None else User.from_mongo(stored)

    async def find_anywhere(self, user_id: ObjectId) -> User | None:
        """Return a user, whatever the tenant: for logins, which know nothing else yet."""
        stored = await self._collection.find_one({"_id": user_id})
        return None if stored is None else User.from_mongo(stored)

    async def count_active_admins(self) -> int:
        """Return how many administrators can come in."""
        return await self._collection.count_documents({"role": "ADMIN", "is_active": True})

    async def record_login(self, user_id: ObjectId, at: datetime) -> None:
        """Store when the user last came in; the version stays."""
        await self._collection.update_one({"_id": user_id}, {"$set": {"last_login_at": at}})

    async def set_password(self, user_id: ObjectId, password_hash: str) -> None:
        """Store another hash of a password."""
        await self._collection.update_one({"_id": user_id}, {"$set": {"password_hash": password_hash}})

    async def set_totp(self, user_id: ObjectId, totp: Totp | None) -> None:
        """Store a second factor, or none."""
        value = None if totp is None else totp.model_dump()
        await self._collection.update_one({"_id": user_id}, {"$set": {"totp": value}})

    async def use_totp_step(self, user_id: ObjectId, step: int) -> bool:
        """Note that a time step was used; False when it, or a later one, was used before."""
        used = await self._collection.update_one(
            {"_id": user_id, "totp.last_step": {"$lt": step}}, {"$set": {"totp.last_step": step}}
        )
        return used.modified_count == 1

    async def use_recovery_code(self, user_id: ObjectId, code_hash: str) -> bool:
        """Take a recovery code out of those that are left; False when it is none of them."""
        used = await self._collection.find_one_and_update(
            {"_id": user_id, "totp.recovery_hashes": code_hash},
            {"$pull": {"totp.recovery_hashes": code_hash}},
            return_document=ReturnDocument.AFTER,
        )
        return used is not None

    def _name_taken(self, document: User) -> Conflict:  # noqa: ARG002 - an address is nothing to repeat
        return Conflict("A user with this address exists already", code="email_taken", loc=("email",))
