"""Writes the audit: one chain for each tenant and process, so that processes don't wait for each other."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass
class _Chain:
    """A tenant's chain and what waits to be put on it; `writer` runs while there is something."""

    head: _Head = field(default_factory=_new_head)
    waiting: list[tuple[AuditDraft, asyncio.Future[None]]] = field(default_factory=list)
    writer: asyncio.Task[None] | None = None


class AuditTrail:
    def __init__(self, store: AuditStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._chains: defaultdict[str, _Chain] = defaultdict(_Chain)

    async def record(self, draft: AuditDraft) -> None:
        """Add an entry and wait until it is stored. When that fails the log says so: the change is made already.

        What comes in while a chain is being written is written together, next.
        """
        chain = self._chains[draft.tenant_id]
        stored = asyncio.get_running_loop().create_future()
        chain.waiting.append((draft, stored))
        if chain.writer is None:
            chain.writer = asyncio.create_task(self._write(chain))
        # Whoever asked may go away; their entry is written all the same.
        await asyncio.shield(stored)

    async def _write(self, chain: _Chain) -> None:
        try:
            while chain.waiting:
                batch, chain.waiting = chain.waiting, []
                try:
                    await self._store_batch(chain, [draft for draft, _ in batch])
                except Exception as error:  # a mistake of ours: whoever waits must not wait for ever
                    for _, stored in batch:
                        stored.set_exception(error)
                else:
                    for _, stored in batch:
                        stored.set_result(None)
        finally:
            chain.writer = None

    async def _store_batch(self, chain: _Chain, drafts: list[AuditDraft]) -> None:
        entries: list[AuditEntry] = []
        head = chain.head
        for draft in drafts:
            entry = self._link(draft, head)
            head = _Head(entry.chain, entry.sequence, entry.hash)
            entries.append(entry)
        try:
            await self._store.append(entries)
        except PyMongoError:
            # Nobody knows what of it was stored, so nothing may follow it in its chain.
            chain.head = _new_head()
            log.exception(
                "audit_failed", entries=[f"{draft.action} {draft.target or ''}" for draft in drafts]
            )
        else:
            chain.head = head

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
