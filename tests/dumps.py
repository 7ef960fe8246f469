"""A database of MongoDB as `mongodump` and `mongorestore --drop` would copy it, which this machine may not have."""

from dataclasses import dataclass
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient


@dataclass(frozen=True)
class Dumped:
    """One collection."""

    options: dict[str, Any]
    indexes: list[RawBSONDocument]
    documents: list[RawBSONDocument]


Dump = dict[str, Dumped]


def connect(url: str) -> MongoClient[RawBSONDocument]:
    return MongoClient(url, document_class=RawBSONDocument)


def dump(url: str, name: str) -> Dump:
    """Copy one collection after the other, while others may write."""
    with connect(url) as client:
        database = client[name]
        found = {one["name"]: dict(one["options"]) for one in database.list_collections()}
        return {
            collection: Dumped(
                options, [*database[collection].list_indexes()], [*database[collection].find()]
            )
            for collection, options in found.items()
            if not collection.startswith("system.")
        }


def restore(url: str, name: str, copied: Dump) -> None:
    """Put the copy in the place of what is there now. A collection that the copy does not have stays."""
    with connect(url) as client:
        database = client[name]
        for collection, content in copied.items():
            database.drop_collection(collection)
            database.create_collection(collection, **content.options)
            if content.documents:
                database[collection].insert_many(content.documents)
            database.command("createIndexes", collection, indexes=content.indexes)
