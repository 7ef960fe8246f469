"""Where encrypted secrets stand, for putting them under another key; and how far that is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bson import ObjectId

from shared.documents.base import Value
from shared.store.client import StoreClient

_PLACES = (
    ("connections", "password_encrypted"),
    ("connections", "options.ssl_key_encrypted"),
    ("users", "totp.secret_encrypted"),
)
_STATE = "key_rotation"


class RotationState(Value):
    """`done` of `total` secrets were looked at; `unreadable` ones no key opens, and stay as they are."""

    status: Literal["never", "running", "done", "failed"] = "never"
    total: int = 0
    done: int = 0
    rotated: int = 0
    unreadable: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class StoredSecret:
    collection: str
    field: str
    document_id: ObjectId
    token: str


class StoredSecretStore:
    """Every tenant's: rotating keys is the installation's affair."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self._states = client.collection("counters")

    async def count(self) -> int:
        """Return how many secrets there are."""
        total = 0
        for collection, field in _PLACES:
            total += await self._client.collection(collection).count_documents({field: {"$type": "string"}})
        return total

    async def read_all(self) -> AsyncIterator[StoredSecret]:
        """Yield every secret, in an order that stays."""
        for collection, field in _PLACES:
            cursor = self._client.collection(collection).find({field: {"$type": "string"}}, {field: 1})
            async for stored in cursor.sort("_id", 1):
                yield StoredSecret(collection, field, stored["_id"], _token(stored, field))

    async def replace(self, secret: StoredSecret, token: str) -> bool:
        """Put a token in place of another; False when somebody changed it meanwhile. The version stays."""
        replaced = await self._client.collection(secret.collection).update_one(
            {"_id": secret.document_id, secret.field: secret.token}, {"$set": {secret.field: token}}
        )
        return replaced.modified_count == 1

    async def read_state(self) -> RotationState:
        """Return how far the last rotation came."""
        stored = await self._states.find_one({"_id": _STATE})
        fields = {name: value for name, value in (stored or {}).items() if name != "_id"}
        return RotationState.model_validate(fields)

    async def write_state(self, state: RotationState) -> None:
        """Store how far a rotation is."""
        await self._states.update_one({"_id": _STATE}, {"$set": state.model_dump()}, upsert=True)


def _token(stored: dict[str, Any], field: str) -> str:
    value: Any = stored
    for part in field.split("."):
        value = value[part]
    return str(value)
