"""tenants: whose documents are whose."""

from bson import ObjectId

from shared.documents.base import DEFAULT_TENANT
from shared.documents.tenant import Tenant
from shared.store.client import Session
from shared.store.documents import DocumentStore

_OWNED = ("users", "connections", "schemas", "mappings", "schedules", "api_keys", "runs")


class TenantStore(DocumentStore[Tenant]):
    collection_name = "tenants"
    noun = "tenant"
    model = Tenant

    async def exists(self, tenant_id: str) -> bool:
        """Whether there is a tenant of this id."""
        if tenant_id == DEFAULT_TENANT:
            return True
        return (
            len(tenant_id) == 24
            and ObjectId.is_valid(tenant_id)
            and await self.find(DEFAULT_TENANT, ObjectId(tenant_id)) is not None
        )

    async def owned_kinds(self, tenant_id: str, session: Session | None = None) -> list[str]:
        """Return which kinds of documents a tenant still has."""
        database = self._client.database
        return [
            name
            for name in _OWNED
            if await database[name].find_one({"tenant_id": tenant_id}, {"_id": 1}, session=session)
        ]
