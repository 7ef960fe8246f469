"""The API in this process with a login, on a real MongoDB."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI

from config_api.main import create_app
from shared.logging import configure_logging
from shared.settings import Settings
from tests.integration.access.people import JWT_KEY, People
from tests.integration.config_api.conftest import database, kept_database, mongodb_database
from tests.integration.config_api.documents import wait_until_prepared

__all__ = ["database", "kept_database", "mongodb_database"]


@pytest.fixture
def settings(mongodb_url: str, mongodb_database: str, sqlite_root: Path, tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {
            "CONFIG_API_HOST": "0.0.0.0",
            "JWT_SECRET_KEY": JWT_KEY,
            "MONGODB_URL": mongodb_url,
            "MONGODB_DB_NAME": mongodb_database,
            "DATA_DIR": str(tmp_path / "data"),
            "SQLITE_ROOT": str(sqlite_root),
            "ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "LOGINS_PER_MINUTE": "30",
        }
    )


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    configure_logging("info", "json")
    monkeypatch.setattr("config_api.rate_limits.FAILURES_PER_MINUTE", 1_000_000)
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app):
        await wait_until_prepared(app)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
            yield client


@pytest.fixture
def people(app: FastAPI, client: httpx2.AsyncClient) -> People:
    return People(app, client)
