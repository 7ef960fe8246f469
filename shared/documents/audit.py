"""audit: who did what, in chains of which each entry carries the hash of the one before."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from shared.documents.base import Value

FIRST_HASH = "0" * 64


class AuditEntry(Value):
    """One entry; a chain belongs to one tenant and one process of the API, `sequence` counts it from 1.

    `before` and `after` are documents without their secrets; `changed` names the fields that differ.
    """

    tenant_id: str
    chain: str
    sequence: int
    at: datetime
    actor: str
    actor_id: str | None = None
    action: str
    target: str | None = None
    status: int
    changed: tuple[str, ...] = ()
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    address: str | None = None
    request_id: str
    previous_hash: str = FIRST_HASH
    hash: str = ""

    def sealed(self) -> "AuditEntry":
        """Return the entry with its hash."""
        return self.model_copy(update={"hash": self.compute_hash()})

    def compute_hash(self) -> str:
        """Return the SHA-256 over everything but the hash, in one fixed form."""
        content = self.model_dump(exclude={"hash"})
        content["at"] = self.at.astimezone(UTC).isoformat(timespec="milliseconds")
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
