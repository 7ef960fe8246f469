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
