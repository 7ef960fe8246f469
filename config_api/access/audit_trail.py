"""Writes the audit: one chain for each tenant and process, so that processes don't wait for each other."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError
from starlette.types import Scope

from config_api.access.caller import Caller
from shared.clock import Clock
from shared.documents.audit import FIRST_HASH, AuditEntry
from shared.store.audit import AuditStore

HIDDEN = "***"
SECRET_FIELDS = frozenset(
    {
        *("password", "password_encrypted", "password_hash", "ssl_key", "ssl_key_encrypted"),
        *("secret_hash", "secret_encrypted", "recovery_hashes"),
    }
)
_UNINTERESTING = frozenset({"_id", "version", "updated_at", "touched", "format"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AuditDraft:
    """What is known of an entry before it has its place in a chain."""

    tenant_id: str
    actor: str
    actor_id: str | None
    action: str
    status: int
    address: str
    request_id: str
    target: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    @staticmethod
    def of_scope(scope: Scope, action: str, *, status: int, **more: Any) -> "AuditDraft":
        """Return the draft of a request's entry; who logs in is known only afterwards."""
        state = scope["state"]
        caller: Caller = state.get("acting") or state["caller"]
        return AuditDraft(
            tenant_id=caller.tenant_id,
            actor=caller.name,
            actor_id=None if caller.user_id is None else str(caller.user_id),
            action=action,
            status=status,
            address=state["address"],
            request_id=state.get("request_id", ""),
            **more,
        )


@dataclass(frozen=True)
class _Head:
    chain: str
    sequence: int
    hash: str


def _new_head() -> _Head:
    return _Head(uuid.uuid4().hex, 0, FIRST_HASH)


class AuditTrail:
    def __init__(self, store: AuditStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._heads: defaultdict[str, _Head] = defaultdict(_new_head)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def record(self, draft: AuditDraft) -> None:
        """Add an entry. When that fails the log says so: the change is made already."""
        async with self._locks[draft.tenant_id]:
            entry = self._link(draft, self._heads[draft.tenant_id])
            try:
                await self._store.append(entry)
            except PyMongoError:
                # Nobody knows whether it was stored, so nothing may follow it in its chain.
                del self._heads[draft.tenant_id]
                log.exception("audit_failed", action=draft.action, target=draft.target)
                return
            self._heads[draft.tenant_id] = _Head(entry.chain, entry.sequence, entry.hash)

    async def snapshot(
        self, collection: str, tenant_id: str, document_id: ObjectId | None = None
    ) -> dict[str, Any] | None:
        """Return a document as it is stored; without an id the only one that the tenant has."""
        return await self._store.read_document(collection, tenant_id, document_id)

    def _link(self, draft: AuditDraft, head: _Head) -> AuditEntry:
        return AuditEntry(
            tenant_id=draft.tenant_id,
            chain=head.chain,
            sequence=head.sequence + 1,
            at=self._clock(),
            actor=draft.actor,
            actor_id=draft.actor_id,
            action=draft.action,
            target=draft.target,
            status=draft.status,
            changed=_changed(draft.before, draft.after),
            before=None if draft.before is None else _showable(draft.before),
            after=None if draft.after is None else _showable(draft.after),
            address=draft.address,
            request_id=draft.request_id,
            previous_hash=head.hash,
        ).sealed()


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[str, ...]:
    if before is None or after is None:
        return ()
    names = ({*before, *after}) - _UNINTERESTING
    return tuple(sorted(name for name in names if before.get(name) != after.get(name)))


def _showable(value: Any) -> Any:
    """Return a stored value as JSON has it, its secrets hidden."""
    if isinstance(value, Mapping):
        return {
            ("id" if name == "_id" else name): HIDDEN if name in SECRET_FIELDS and inner else _showable(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_showable(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, ObjectId | bytes) else value
