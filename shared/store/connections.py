"""connections: where and how to reach a database."""

from datetime import datetime
from typing import Literal

from bson import ObjectId

from shared.documents.connection import Connection
from shared.store.documents import DocumentStore


class ConnectionStore(DocumentStore[Connection]):
    collection_name = "connections"
    noun = "connection"
    model = Connection

    async def record_test(
        self, tenant_id: str, connection_id: ObjectId, at: datetime, status: Literal["success", "failed"]
    ) -> None:
        """Store how the last test went; the document's version stays."""
        await self._collection.update_one(
            {"_id": connection_id, "tenant_id": tenant_id},
            {"$set": {"last_tested_at": at, "last_test_status": status}},
        )
