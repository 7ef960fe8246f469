"""What all collections of named documents have in common: create, read, list, update, delete, touch."""

import re
from collections.abc import Collection as AnyCollection
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.documents.base import FORMAT, StoredDocument
from shared.errors import Conflict, NotFound
from shared.store.client import MongoDocument, Session, StoreClient
from shared.store.errors import VersionMismatch
from shared.store.witness import present_witness

D = TypeVar("D", bound=StoredDocument)


@dataclass(frozen=True)
class Page:
    """Which part of a list: `sort` is a field and a direction, `q` a part of the name in any case."""

    limit: int = 100
    offset: int = 0
    sort: tuple[str, int] = ("created_at", 1)
    q: str | None = None


@dataclass(frozen=True)
class Listing(Generic[D]):
    """One page of documents and how many there are in all."""

    documents: tuple[D, ...]
    total: int


class DocumentStore(Generic[D]):
    """Documents of one collection, always within one tenant.

    Names are unique by index. A reference is kept from dangling by `touch`: whoever begins to refer to a
    document writes to it in the same transaction, and so conflicts with whoever deletes it.
    """

    collection_name: str
    noun: str
    model: type[D]

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self._collection = client.collection(self.collection_name)

    async def insert(self, document: D, session: Session | None = None) -> D:
        """Add a document. Raises Conflict `name_taken`."""
        stored = document.to_mongo()
        try:
            await self._collection.insert_one(stored, session=session)
        except DuplicateKeyError as error:
            raise self._name_taken(document) from error
        self._note_written(stored)
        return document

    async def get(self, tenant_id: str, document_id: ObjectId, session: Session | None = None) -> D:
        """Return a document. Raises NotFound."""
        found = await self.find(tenant_id, document_id, session)
        if found is None:
            raise NotFound(f"There is no such {self.noun}")
        return found

    async def find(self, tenant_id: str, document_id: ObjectId, session: Session | None = None) -> D | None:
        """Return a document, or None."""
        stored = await self._collection.find_one(
            {"_id": document_id, "tenant_id": tenant_id}, session=session
        )
        if stored is None:
            return None
        if (witness := present_witness()) is not None:
            witness.note_read(self.collection_name, stored)
        return self.model.from_mongo(stored)

    async def find_many(
        self, tenant_id: str, document_ids: AnyCollection[ObjectId], session: Session | None = None
    ) -> dict[ObjectId, D]:
        """Return those of the documents that exist, by id."""
        query = {"_id": {"$in": list(document_ids)}, "tenant_id": tenant_id}
        found = [self.model.from_mongo(one) async for one in self._collection.find(query, session=session)]
        return {document.id: document for document in found}

    async def list_page(self, tenant_id: str, page: Page) -> Listing[D]:
        """Return one page of the tenant's documents and their number."""
        query: MongoDocument = {"tenant_id": tenant_id}
        if page.q:
            query["name"] = {"$regex": re.escape(page.q), "$options": "i"}
        counted = {"coll": self.collection_name, "pipeline": [{"$match": query}, {"$count": "total"}]}
        # One round trip for both: the number comes behind the page.
        cursor = await self._collection.aggregate(
            [
                {"$match": query},
                {"$sort": {page.sort[0]: page.sort[1], "_id": page.sort[1]}},
                {"$skip": page.offset},
                {"$limit": page.limit},
                {"$unionWith": counted},
            ]
        )
        found = await cursor.to_list()
        total = int(found.pop()["total"]) if found and "_id" not in found[-1] else 0
        return Listing(tuple(map(self.model.from_mongo, found)), total)

    async def update(
        self,
        document: D,
        fields: AnyCollection[str],
        *,
        expected_version: int,
        session: Session | None = None,
    ) -> D:
        """Store `fields` of a document as its next version; what others keep in it stays untouched.

        Raises: VersionMismatch, NotFound, Conflict `name_taken`.
        """
        key = {"_id": document.id, "tenant_id": document.tenant_id}
        stored = document.to_mongo()
        change = {name: stored[name] for name in (*fields, "updated_at")}
        change["format"] = self.model.newest_format()
        try:
            found = await self._collection.find_one_and_update(
                {**key, "version": expected_version},
                {"$set": change, "$inc": {"version": 1}},
                return_document=ReturnDocument.AFTER,
                session=session,
            )
        except DuplicateKeyError as error:
            raise self._name_taken(document) from error
        if found is None:
            await self.get(document.tenant_id, document.id, session)
            raise VersionMismatch(f"The {self.noun} has changed since it was read")
        self._note_written(found)
        return self.model.from_mongo(found)

    async def set_fields(
        self,
        tenant_id: str,
        document_id: ObjectId,
        fields: Mapping[str, Any],
        versions: AnyCollection[int] | None = None,
    ) -> D:
        """Store fields that nothing else depends on as a document's next version, in one write.

        `versions` are those that the document may be at, None is any. Raises: VersionMismatch, NotFound.
        """
        change = {**fields, "format": self.model.newest_format()}
        # As reading does, a write leaves alone what a newer version has written.
        query: MongoDocument = {
            "_id": document_id,
            "tenant_id": tenant_id,
            "format": {"$not": {"$gt": FORMAT}},
        }
        if versions is not None:
            query["version"] = {"$in": list(versions)}
        before = await self._collection.find_one_and_update(query, {"$set": change, "$inc": {"version": 1}})
        if before is None:
            await self.get(tenant_id, document_id)
            raise VersionMismatch(f"The {self.noun} is at another version; If-Match names none that it is at")
        after = {**before, **change, "version": before["version"] + 1}
        if (witness := present_witness()) is not None:
            witness.note_read(self.collection_name, before)
            witness.note_written(self.collection_name, after)
        return self.model.from_mongo(after)

    async def touch(self, tenant_id: str, document_id: ObjectId, session: Session) -> bool:
        """Write to a document without changing it, so that a concurrent delete conflicts; False if missing."""
        touched = await self._collection.update_one(
            {"_id": document_id, "tenant_id": tenant_id}, {"$inc": {"touched": 1}}, session=session
        )
        return touched.matched_count == 1

    async def delete(self, tenant_id: str, document_id: ObjectId, session: Session | None = None) -> None:
        """Delete a document. Raises NotFound."""
        deleted = await self._collection.delete_one(
            {"_id": document_id, "tenant_id": tenant_id}, session=session
        )
        if deleted.deleted_count == 0:
            raise NotFound(f"There is no such {self.noun}")

    async def find_where(
        self, tenant_id: str, query: Mapping[str, Any], session: Session | None = None, limit: int = 0
    ) -> list[D]:
        """Return documents of the tenant by exact fields, oldest first; a limit of 0 is none."""
        cursor = self._collection.find({**query, "tenant_id": tenant_id}, session=session).sort("_id", 1)
        return [self.model.from_mongo(stored) async for stored in cursor.limit(limit)]

    def _note_written(self, stored: MongoDocument) -> None:
        if (witness := present_witness()) is not None:
            witness.note_written(self.collection_name, stored)

    def _name_taken(self, document: D) -> Conflict:
        name = getattr(document, "name", "")
        return Conflict(f"A {self.noun} named {name!r} exists already", code="name_taken", loc=("name",))
