"""mapping_versions: what a run used, immutable.

Every change of a mapping, its column mappings or its schema gives the mapping a new version number and
writes a row here in the same transaction, so that (mapping, version) alone names what a run did.
"""

from bson import ObjectId

from shared.documents.mapping import MappingVersion
from shared.errors import NotFound
from shared.store.client import Session, StoreClient
from shared.store.documents import Listing, Page


class MappingVersionStore:
    def __init__(self, client: StoreClient) -> None:
        self._collection = client.collection("mapping_versions")

    async def insert(self, version: MappingVersion, session: Session) -> None:
        """Add a version; a second row of the same number is refused by index."""
        await self._collection.insert_one(version.to_mongo(), session=session)

    async def get(self, tenant_id: str, mapping_id: ObjectId, mapping_version: int) -> MappingVersion:
        """Return one version of a mapping. Raises NotFound."""
        stored = await self._collection.find_one(
            {"tenant_id": tenant_id, "mapping_id": mapping_id, "mapping_version": mapping_version}
        )
        if stored is None:
            raise NotFound(f"There is no version {mapping_version} of this mapping")
        return MappingVersion.from_mongo(stored)

    async def targets(self) -> list[tuple[str, ObjectId | None]]:
        """Return every target that a mapping ever had: tenant and connection, None for the default target."""
        what = {"tenant_id": "$tenant_id", "target": "$mapping.target_connection_id"}
        found = await (await self._collection.aggregate([{"$group": {"_id": what}}])).to_list()
        return [(one["_id"]["tenant_id"], one["_id"].get("target")) for one in found]

    async def list_page(self, tenant_id: str, mapping_id: ObjectId, page: Page) -> Listing[MappingVersion]:
        """Return one page of a mapping's versions, newest first, and their number."""
        query = {"tenant_id": tenant_id, "mapping_id": mapping_id}
        cursor = self._collection.find(query).sort("mapping_version", -1)
        found = cursor.skip(page.offset).limit(page.limit)
        documents = tuple([MappingVersion.from_mongo(one) async for one in found])
        return Listing(documents, await self._collection.count_documents(query))
