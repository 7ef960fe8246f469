"""Stores on a real MongoDB, their indexes made."""

from collections.abc import AsyncIterator

import pytest

from shared.store.client import StoreClient
from shared.store.indexes import make_indexes
from shared.store.stores import Stores, open_stores


@pytest.fixture
async def client(mongodb_url: str, mongodb_database: str) -> AsyncIterator[StoreClient]:
    client = StoreClient(mongodb_url, mongodb_database, operation_seconds=20)
    yield client
    await client.close()


@pytest.fixture
async def stores(client: StoreClient) -> Stores:
    await make_indexes(client)
    return open_stores(client)
