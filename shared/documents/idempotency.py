"""idempotency_keys: the first answer to a request, for whoever asks the same again."""

from datetime import datetime

from shared.documents.base import Value


class KeptAnswer(Value):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class IdempotentRequest(Value):
    """`answer` is None while the request is in progress. `fingerprint` is keyed, for bodies hold secrets."""

    id: str
    fingerprint: str
    started_at: datetime
    answer: KeptAnswer | None = None
