"""A store on a database of its own, with the indexes of the control plane."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from bson import ObjectId

from shared.documents.run import Run, RunStatus
from shared.store.client import StoreClient
from shared.store.control_indexes import CONTROL_INDEXES
from shared.store.runs import RunStore

RunFactory: TypeAlias = Callable[..., Run]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def store(mongodb_url: str, mongodb_database: str) -> AsyncIterator[StoreClient]:
    client = StoreClient(mongodb_url, mongodb_database)
    for name, indexes in CONTROL_INDEXES.items():
        await client.collection(name).create_indexes(list(indexes))
    yield client
    await client.close()


@pytest.fixture
def runs(store: StoreClient) -> RunStore:
    return RunStore(store)


@pytest.fixture
def make_run() -> RunFactory:
    """Build a queued manual run; a keyword replaces a field."""

    def make(**fields: Any) -> Run:
        plain: dict[str, Any] = {
            "mapping_id": ObjectId(),
            "mapping_version": 1,
            "trigger": "manual",
            "status": RunStatus.QUEUED,
            "queued_at": LONG_AGO,
            "created_at": LONG_AGO,
            "updated_at": LONG_AGO,
        }
        return Run(**{**plain, **fields})

    return make
