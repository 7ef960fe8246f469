"""column_mappings: the ordered set of a mapping; they share the mapping's version."""

from collections.abc import Collection, Sequence

from bson import ObjectId

from shared.documents.column_mapping import ColumnMapping
from shared.store.client import Session, StoreClient


class ColumnMappingStore:
    def __init__(self, client: StoreClient) -> None:
        self._collection = client.collection("column_mappings")

    async def list_of(
        self, tenant_id: str, mapping_id: ObjectId, session: Session | None = None
    ) -> list[ColumnMapping]:
        """Return a mapping's column mappings in their order."""
        query = {"tenant_id": tenant_id, "mapping_id": mapping_id}
        cursor = self._collection.find(query, session=session).sort("position", 1)
        return [ColumnMapping.from_mongo(stored) async for stored in cursor]

    async def list_of_many(
        self, tenant_id: str, mapping_ids: Collection[ObjectId]
    ) -> dict[ObjectId, list[ColumnMapping]]:
        """Return the column mappings of several mappings, each in its order."""
        found: dict[ObjectId, list[ColumnMapping]] = {mapping_id: [] for mapping_id in mapping_ids}
        query = {"tenant_id": tenant_id, "mapping_id": {"$in": list(mapping_ids)}}
        async for stored in self._collection.find(query).sort("position", 1):
            found[stored["mapping_id"]].append(ColumnMapping.from_mongo(stored))
        return found

    async def replace_set(
        self,
        tenant_id: str,
        mapping_id: ObjectId,
        column_mappings: Sequence[ColumnMapping],
        session: Session,
    ) -> None:
        """Store the whole set of a mapping in place of the former one."""
        await self.delete_of(tenant_id, mapping_id, session)
        if column_mappings:
            await self._collection.insert_many([one.to_mongo() for one in column_mappings], session=session)

    async def delete_of(self, tenant_id: str, mapping_id: ObjectId, session: Session) -> None:
        """Delete a mapping's column mappings."""
        await self._collection.delete_many(
            {"tenant_id": tenant_id, "mapping_id": mapping_id}, session=session
        )
