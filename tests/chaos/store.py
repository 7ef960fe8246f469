"""The documents of a scenario, written and read as the services do, from blocking code."""

from typing import Any

from bson import ObjectId
from cryptography.fernet import Fernet

from executor.background import BackgroundLoop
from local_servers import Database
from shared.documents.connection import Connection, DatabaseType, StoredOptions
from shared.documents.mapping import MappingVersion, Retry
from shared.documents.run import FINAL_STATUSES, Run, RunStatus
from shared.encryption import Keyring
from shared.secret import Secret
from shared.store.client import StoreClient
from shared.store.indexes import make_indexes
from shared.store.runs import RunStore
from tests.chaos.waiting import DEADLINE_SECONDS, until
from tests.factories import NOW


class ChaosStore:
    """One MongoDB database for a fleet of executors."""

    def __init__(self, mongodb_url: str, name: str) -> None:
        self.url = mongodb_url
        self.name = name
        self.key = Secret(Fernet.generate_key().decode())
        self._loop = BackgroundLoop()
        self.client = self._loop.call(self._open())
        self.runs = RunStore(self.client)

    async def _open(self) -> StoreClient:
        client = StoreClient(self.url, self.name)
        await make_indexes(client)
        return client

    def close(self) -> None:
        self._loop.call(self.client.client.drop_database(self.name))
        self._loop.call(self.client.close())
        self._loop.close()

    @property
    def environment(self) -> dict[str, str]:
        """The settings of an executor over this store."""
        return {
            "MONGODB_URL": self.url,
            "MONGODB_DB_NAME": self.name,
            "ENCRYPTION_KEY": self.key.reveal(),
            "POLL_SECONDS": "1",
            "EXECUTOR_WORKERS": "1",
            "SHUTDOWN_GRACE_SECONDS": "20",
        }

    def add_connection(self, database: Database, name: str, port: int | None = None) -> Connection:
        """Store a connection; `port` when it goes through a proxy, which has to read what is said: no TLS there."""
        made = Connection(
            name=name,
            db_type=DatabaseType(database.db_type),
            host=database.host,
            port=port or database.port,
            database=database.database,
            username=database.username,
            password_encrypted=Keyring([self.key]).encrypt(Secret(database.password)),
            options=StoredOptions(ssl_mode="prefer" if port is None else "disable"),
            created_at=NOW,
            updated_at=NOW,
        )
        self._insert("connections", made.to_mongo())
        return made

    def move_connection(self, connection_id: ObjectId, port: int) -> None:
        """Have later attempts connect to another port."""
        collection = self.client.collection("connections")
        self._loop.call(collection.update_one({"_id": connection_id}, {"$set": {"port": port}}))

    def add_mapping(self, version: MappingVersion) -> None:
        self._insert("mappings", version.mapping.to_mongo())
        self._insert("mapping_versions", version.to_mongo())

    def queue(self, version: MappingVersion, **fields: Any) -> Run:
        values: dict[str, Any] = {
            "mapping_id": version.mapping_id,
            "mapping_version": version.mapping_version,
            "trigger": "retry",
            "status": RunStatus.QUEUED,
            "retry": Retry(max_attempts=5, backoff_seconds=0),
            "queued_at": NOW,
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
        return self._loop.call(self.runs.queue_run(Run(**values)))

    def reread(self, run: Run) -> Run:
        return self._loop.call(self.runs.get(run.tenant_id, run.id))

    def request_cancel(self, run: Run) -> Run:
        return self._loop.call(self.runs.request_cancel(run.tenant_id, run.id))

    def wait_for_end(self, run: Run, seconds: float = DEADLINE_SECONDS) -> Run:
        """Return the run in its final state."""

        def ended() -> Run | None:
            now = self.reread(run)
            return now if now.status in FINAL_STATUSES else None

        return until(ended, f"end of run {run.id}", seconds)

    def runs_of(self, version: MappingVersion) -> list[Run]:
        return self._loop.call(self._runs_of(version))

    async def _runs_of(self, version: MappingVersion) -> list[Run]:
        found = self.client.collection("runs").find({"mapping_id": version.mapping_id}).sort("_id", 1)
        return [Run.from_mongo(stored) async for stored in found]

    def lines(self, run: Run) -> list[str]:
        """The run's own log."""
        return self._loop.call(self._lines(run))

    async def _lines(self, run: Run) -> list[str]:
        found = self.client.collection("run_logs").find({"run_id": run.id}).sort([("at", 1), ("_id", 1)])
        return [line["message"] async for line in found]

    def lose_report(self, run: Run) -> None:
        """Put a finished run back as if its holder had died before it told of its end."""
        lost = {"status": RunStatus.RUNNING, "finished_at": None, "lease_expires_at": NOW, "unsettled": True}
        self._loop.call(self.client.collection("runs").update_one({"_id": run.id}, {"$set": lost}))

    def _insert(self, collection: str, document: dict[str, Any]) -> None:
        self._loop.call(self.client.collection(collection).insert_one(document))
