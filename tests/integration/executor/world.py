"""What a worker needs around it: settings, a mapping with its version, and runs of it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bson import ObjectId
from cryptography.fernet import Fernet

from shared.documents.connection import Connection, DatabaseType
from shared.documents.mapping import Mapping, MappingVersion, Retry
from shared.documents.run import Run, RunStatus
from shared.secret import Secret
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.runs import RunStore
from tests.factories import NOW, field, mapping, schema

LEASE_SECONDS = 3.0
WAIT_SECONDS = 30.0


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds; fails by TimeoutError."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


class World:
    """One mapping from a SQLite file into the default target, another one."""

    def __init__(self, store: StoreClient, mongodb_url: str, folder: Path) -> None:
        self.store = store
        self.mongodb_url = mongodb_url
        self.runs = RunStore(store)
        self.target_path = folder / "target.sqlite3"
        self.settings = Settings(
            data_dir=folder,
            mongodb_db_name=store.database.name,
            encryption_key=(Secret(Fernet.generate_key().decode()),),
            target_database_url=Secret(f"sqlite:///{self.target_path}"),
            lease_seconds=LEASE_SECONDS,
            poll_seconds=0.2,
            executor_workers=1,
            shutdown_grace_seconds=20,
        )
        (self.settings.sqlite_root / "default").mkdir(parents=True)

    @property
    def environment(self) -> dict[str, str]:
        """The same settings for a process."""
        return {
            "MONGODB_URL": self.mongodb_url,
            "MONGODB_DB_NAME": self.settings.mongodb_db_name,
            "ENCRYPTION_KEY": self.settings.encryption_key[0].reveal(),
            "SQLITE_ROOT": str(self.settings.sqlite_root),
            "TARGET_DATABASE_URL": self.settings.target_database_url.reveal(),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "POLL_SECONDS": "0.5",
            "EXECUTOR_WORKERS": "1",
            "SHUTDOWN_GRACE_SECONDS": "15",
        }

    async def add_mapping(self, **fields: Any) -> Mapping:
        source = Connection(
            name=f"source {ObjectId()}",
            db_type=DatabaseType.SQLITE,
            database="source.sqlite3",
            created_at=NOW,
            updated_at=NOW,
        )
        made = mapping(
            name=f"mapping {ObjectId()}",
            source_connection_id=source.id,
            target_connection_id=None,
            target_table="t",
            **fields,
        )
        version = MappingVersion(
            mapping_id=made.id,
            mapping_version=made.version,
            mapping=made,
            column_mappings=(),
            target_schema=schema([field("a")]),
            created_at=NOW,
            updated_at=NOW,
        )
        for name, document in (("connections", source), ("mappings", made), ("mapping_versions", version)):
            await self.store.collection(name).insert_one(document.to_mongo())
        return made

    async def queue(self, of: Mapping, **fields: Any) -> Run:
        values: dict[str, Any] = {
            "mapping_id": of.id,
            "mapping_version": of.version,
            "uses": of.uses,
            "trigger": "retry",
            "status": RunStatus.QUEUED,
            "retry": Retry(max_attempts=2, backoff_seconds=0),
            "queued_at": NOW,
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
        return await self.runs.queue_run(Run(**values))

    async def claim(self, executor_id: str = "test") -> Run:
        claimed = await self.runs.claim_run(executor_id, LEASE_SECONDS)
        assert claimed is not None
        return claimed

    async def reread(self, run: Run) -> Run:
        return await self.runs.get(run.tenant_id, run.id)

    async def lines(self, run: Run) -> list[str]:
        cursor = self.store.collection("run_logs").find({"run_id": run.id}).sort("_id", 1)
        return [line["message"] async for line in cursor]
