"""mappings: a source query, a target table, and how the rows get there."""

from bson import ObjectId

from shared.documents.mapping import Mapping, WriteMode
from shared.store.client import Session, StoreClient
from shared.store.documents import DocumentStore


class MappingStore(DocumentStore[Mapping]):
    collection_name = "mappings"
    noun = "mapping"
    model = Mapping

    def __init__(self, client: StoreClient) -> None:
        super().__init__(client)
        self._target_tables = client.collection("target_tables")

    async def using_connection(
        self, tenant_id: str, connection_id: ObjectId, session: Session | None = None, limit: int = 0
    ) -> list[Mapping]:
        """Return the mappings that read from or write to a connection."""
        either = [{"source_connection_id": connection_id}, {"target_connection_id": connection_id}]
        return await self.find_where(tenant_id, {"$or": either}, session, limit)

    async def using_schema(
        self, tenant_id: str, schema_id: ObjectId, session: Session | None = None, limit: int = 0
    ) -> list[Mapping]:
        """Return the mappings whose target has this schema."""
        return await self.find_where(tenant_id, {"target_schema_id": schema_id}, session, limit)

    async def claim_target_table(self, mapping: Mapping, table: str, session: Session) -> list[Mapping]:
        """Note which table a mapping fills and return the other mappings that fill the same one.

        Two transactions that claim one table conflict with each other, so each sees the other's mapping.
        """
        place = f"{mapping.target_connection_id or 'default'}/{table}"
        await self._target_tables.update_one(
            {"tenant_id": mapping.tenant_id, "place": place},
            {"$inc": {"claims": 1}},
            upsert=True,
            session=session,
        )
        await self._collection.update_one(
            {"_id": mapping.id, "tenant_id": mapping.tenant_id}, {"$set": {"fills": place}}, session=session
        )
        others = {"fills": place, "_id": {"$ne": mapping.id}}
        return await self.find_where(mapping.tenant_id, others, session)


def is_replacing(mapping: Mapping) -> bool:
    """Whether a mapping's write mode is replace, whatever its schema."""
    return mapping.write_mode is WriteMode.REPLACE or (
        mapping.write_mode is None and mapping.incremental is None
    )
