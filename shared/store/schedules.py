"""schedules: when a mapping runs. Firing them is in ticks.py."""

from bson import ObjectId

from shared.documents.schedule import Schedule
from shared.store.client import Session
from shared.store.documents import DocumentStore


class ScheduleStore(DocumentStore[Schedule]):
    collection_name = "schedules"
    noun = "schedule"
    model = Schedule

    async def of_mapping(
        self, tenant_id: str, mapping_id: ObjectId, session: Session | None = None, limit: int = 0
    ) -> list[Schedule]:
        """Return the schedules of a mapping."""
        return await self.find_where(tenant_id, {"mapping_id": mapping_id}, session, limit)

    async def delete(self, tenant_id: str, document_id: ObjectId, session: Session | None = None) -> None:
        """Delete a schedule. Raises NotFound."""
        # A deletion's event does not say whose document it was: the change before it does.
        await self._collection.update_one(
            {"_id": document_id, "tenant_id": tenant_id},
            {"$set": {"deleted_in": tenant_id}},
            session=session,
        )
        await super().delete(tenant_id, document_id, session)
