"""The connection to MongoDB, and the transaction helper."""

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any, TypeVar

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

T = TypeVar("T")
MongoDocument = dict[str, Any]
Collection = AsyncCollection[MongoDocument]
Session = AsyncClientSession

SERVER_SELECTION_MS = 5000


class StoreClient:
    """One client and one database; majority writes and reads, aware datetimes in UTC."""

    def __init__(self, url: str, database_name: str) -> None:
        self.client: AsyncMongoClient[MongoDocument] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=SERVER_SELECTION_MS,
            connectTimeoutMS=SERVER_SELECTION_MS,
            retryWrites=True,
            retryReads=True,
            tz_aware=True,
            appname="etl-engine",
        )
        self.database: AsyncDatabase[MongoDocument] = self.client.get_database(
            database_name,
            codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
            write_concern=WriteConcern(w="majority", wtimeout=10_000),
            read_concern=ReadConcern("majority"),
        )

    def collection(self, name: str) -> Collection:
        """Return a collection of this database."""
        return self.database[name]

    async def transaction(self, body: Callable[[Session], Awaitable[T]]) -> T:
        """Run `body` in one transaction, again from the start on a write conflict.

        `body` must have no effect outside the session it is given.
        """
        async with self.client.start_session() as session:
            return await session.with_transaction(body)

    async def ping(self) -> None:
        """Ask the server for a sign of life; raises pymongo's error when there is none."""
        await self.database.command("ping")

    async def close(self) -> None:
        await self.client.close()
