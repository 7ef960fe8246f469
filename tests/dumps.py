"""A MongoDB database copied and put back, by `mongodump` and `mongorestore` where found, else by the driver."""

import shutil
import subprocess
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


Copy = dict[str, Dumped]
Dump = bytes | Copy  # an archive of `mongodump`, or the driver's copy


def dump(url: str, name: str) -> Dump:
    """Copy one collection after the other, while others may write."""
    if shutil.which("mongodump") and shutil.which("mongorestore"):
        return run_tool("mongodump", "--uri", url, "--db", name, "--archive", "--gzip")
    return copy(url, name)


def restore(url: str, name: str, dumped: Dump) -> None:
    """Put the copy in the place of what is there now. A collection that the copy does not have stays."""
    if isinstance(dumped, bytes):
        run_tool("mongorestore", "--uri", url, "--archive", "--gzip", "--drop", stdin=dumped)
    else:
        put_back(url, name, dumped)


def run_tool(*command: str, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def connect(url: str) -> MongoClient[RawBSONDocument]:
    return MongoClient(url, document_class=RawBSONDocument)


def copy(url: str, name: str) -> Copy:
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


def put_back(url: str, name: str, copied: Copy) -> None:
    with connect(url) as client:
        database = client[name]
        for collection, content in copied.items():
            database.drop_collection(collection)
            database.create_collection(collection, **content.options)
            if content.documents:
                database[collection].insert_many(content.documents)
            database.command("createIndexes", collection, indexes=content.indexes)
