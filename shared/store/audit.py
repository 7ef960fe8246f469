"""audit: entries are added and read, never changed."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from shared.documents.audit import AuditEntry
from shared.store.client import MongoDocument, StoreClient


@dataclass(frozen=True)
class AuditFilter:
    """What to look for; None is anything."""

    action: str | None = None
    actor: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class StoredAuditEntry:
    id: str
    entry: AuditEntry


class AuditStore:
    """There is no way to change or delete an entry here."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self._audit = client.collection("audit")

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add entries at the end of their chain, in their order."""
        if len(entries) == 1:
            await self._audit.insert_one(entries[0].model_dump())
        else:
            await self._audit.insert_many([entry.model_dump() for entry in entries])

    async def list_page(
        self, tenant_id: str, wanted: AuditFilter, *, limit: int, offset: int
    ) -> tuple[list[StoredAuditEntry], int]:
        """Return one page of a tenant's entries, newest first, and their number."""
        query = _query(tenant_id, wanted)
        cursor = self._audit.find(query).sort([("at", -1), ("_id", -1)]).skip(offset).limit(limit)
        return [_read(stored) async for stored in cursor], await self._audit.count_documents(query)

    async def read_chains(self, tenant_id: str) -> AsyncIterator[StoredAuditEntry]:
        """Yield every entry of a tenant, chain by chain, each from its start."""
        cursor = self._audit.find({"tenant_id": tenant_id}).sort([("chain", 1), ("sequence", 1)])
        async for stored in cursor:
            yield _read(stored)

    async def read_document(
        self, collection: str, tenant_id: str, document_id: ObjectId | None = None
    ) -> MongoDocument | None:
        """Return a document as it is stored, for an entry's before and after; without an id the tenant's only one."""
        key = {} if document_id is None else {"_id": document_id}
        found = await self._client.collection(collection).find_one({**key, "tenant_id": tenant_id})
        if found is not None and collection == "mappings":
            parts = self._client.collection("column_mappings").find(
                {"tenant_id": tenant_id, "mapping_id": document_id}
            )
            found["column_mappings"] = [one["spec"] async for one in parts.sort("position", 1)]
        return found


def _query(tenant_id: str, wanted: AuditFilter) -> MongoDocument:
    query: MongoDocument = {"tenant_id": tenant_id}
    for name in ("action", "actor", "target"):
        if (value := getattr(wanted, name)) is not None:
            query[name] = value
    bounds = {"$gte": wanted.since, "$lte": wanted.until}
    given = {operator: bound for operator, bound in bounds.items() if bound is not None}
    return {**query, "at": given} if given else query


def _read(stored: dict[str, Any]) -> StoredAuditEntry:
    fields = {name: value for name, value in stored.items() if name != "_id"}
    return StoredAuditEntry(str(stored["_id"]), AuditEntry.model_validate(fields))
