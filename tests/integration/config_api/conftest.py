"""The API in this process, on a real MongoDB."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database

from config_api.main import create_app
from shared.logging import configure_logging
from shared.settings import Settings
from tests.integration.config_api.documents import Api, wait_until_prepared


@pytest.fixture(scope="session")
def kept_database(mongodb_url: str) -> Iterator[Database[dict[str, Any]]]:
    """A database whose indexes are made once: making them for each test takes longer than the test."""
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongodb_url) as client:
        database: Database[dict[str, Any]] = client[f"t_{secrets.token_hex(6)}"]
        yield database
        client.drop_database(database.name)


@pytest.fixture
def mongodb_database(kept_database: Database[dict[str, Any]]) -> Iterator[str]:
    yield kept_database.name
    for name in kept_database.list_collection_names():
        kept_database[name].delete_many({})


@pytest.fixture
def settings(mongodb_url: str, mongodb_database: str, sqlite_root: Path, tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {
            "MONGODB_URL": mongodb_url,
            "MONGODB_DB_NAME": mongodb_database,
            "DATA_DIR": str(tmp_path / "data"),
            "SQLITE_ROOT": str(sqlite_root),
            "ENCRYPTION_KEY": Fernet.generate_key().decode(),
        }
    )


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    configure_logging("info", "json")
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app):
        await wait_until_prepared(app)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
            yield client


@pytest.fixture
async def database(mongodb_url: str, mongodb_database: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """What the API stores, seen from outside."""
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(mongodb_url) as client:
        yield client[mongodb_database]


@pytest.fixture
def api(client: httpx2.AsyncClient) -> Api:
    return Api(client)
