"""Waits for MongoDB at start; until its indexes are made no request may write, for they hold the promises."""

import asyncio
from dataclasses import dataclass, field

import structlog
from pymongo.errors import PyMongoError

from shared.errors import StoreUnavailable
from shared.store.client import StoreClient
from shared.store.indexes import make_indexes

RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass
class Preparation:
    """How far the preparation is; `problem` says what it waits for, None once it is done."""

    problem: str | None = "MongoDB has not answered yet"
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self) -> None:
        """Raise StoreUnavailable until the preparation is done."""
        if self.problem is not None:
            raise StoreUnavailable(self.problem)


async def prepare_store(client: StoreClient, preparation: Preparation) -> None:
    """Make the indexes as soon as MongoDB answers and is a replica set, however long that takes."""
    while preparation.problem is not None:
        try:
            if await client.has_transactions():
                await make_indexes(client)
                preparation.problem = None
                preparation.done.set()
                log.info("store_prepared")
                return
            preparation.problem = "MongoDB is no replica set, so it has no transactions"
        except PyMongoError as error:
            preparation.problem = f"MongoDB does not answer ({type(error).__name__})"
        log.warning("waiting_for_mongodb", problem=preparation.problem)
        await asyncio.sleep(RETRY_SECONDS)
