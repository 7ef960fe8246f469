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

from shared.store.witness import present_witness

T = TypeVar("T")
MongoDocument = dict[str, Any]
Collection = AsyncCollection[MongoDocument]
Session = AsyncClientSession

SERVER_SELECTION_MS = 5000
QUICK_SELECTION_MS = 2000  # somebody waits for the answer
WRITE_CONCERN_MS = 10_000


class StoreClient:
    """One client and one database; majority writes and reads, aware datetimes in UTC."""

    def __init__(self, url: str, database_name: str, *, operation_seconds: float | None = None) -> None:
        """`operation_seconds` bounds every operation, also against a server that is silent."""
        self.client: AsyncMongoClient[MongoDocument] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=SERVER_SELECTION_MS if operation_seconds is None else QUICK_SELECTION_MS,
            connectTimeoutMS=SERVER_SELECTION_MS,
            retryWrites=True,
            retryReads=True,
            tz_aware=True,
            appname="etl-engine",
            timeoutMS=None if operation_seconds is None else round(operation_seconds * 1000),
        )
        # Driver's rule: a bound on the whole operation stands in for one on the write concern.
        wtimeout = WRITE_CONCERN_MS if operation_seconds is None else None
        self._write_concern = WriteConcern(w="majority", wtimeout=wtimeout)
        self.database: AsyncDatabase[MongoDocument] = self.client.get_database(
            database_name,
            codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
            write_concern=self._write_concern,
            read_concern=ReadConcern("majority"),
        )

    def collection(self, name: str) -> Collection:
        """Return a collection of this database."""
        return self.database[name]

    async def transaction(self, body: Callable[[Session], Awaitable[T]]) -> T:
        """Run `body` in one transaction, again from the start on a write conflict.

        `body` must have no effect outside the session it is given.
        """

        async def attempt(session: Session) -> T:
            if (witness := present_witness()) is not None:
                witness.forget()
            return await body(session)

        async with self.client.start_session() as session:
            return await session.with_transaction(
                attempt, read_concern=ReadConcern("snapshot"), write_concern=self._write_concern
            )

    async def ping(self) -> None:
        """Ask the server for a sign of life; raises pymongo's error when there is none."""
        await self.database.command("ping")

    async def has_transactions(self) -> bool:
        """Ask whether the server is a member of a replica set or a router: only those have transactions."""
        hello = await self.database.command("hello")
        return "setName" in hello or hello.get("msg") == "isdbgrid"

    async def close(self) -> None:
        await self.client.close()
