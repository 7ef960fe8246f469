"""api_keys: what scripts come in with, on behalf of a user."""

from datetime import datetime

from shared.documents.base import Id, StoredDocument


class ApiKey(StoredDocument):
    """`prefix` finds the key, `secret_hash` checks the rest of it; the key itself is not kept."""

    name: str
    user_id: Id
    prefix: str
    secret_hash: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
