"""What a run works with: the mapping as it is when the run starts, and the opened connections."""

import asyncio
from dataclasses import dataclass, replace

from bson import ObjectId

from shared.addresses import check_address
from shared.connection_settings import default_target_settings, open_connection_settings
from shared.dialects.base import ConnectionSettings
from shared.documents.mapping import MappingVersion
from shared.documents.run import Run, Window
from shared.encryption import Keyring
from shared.errors import HandBack
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.connections import ConnectionStore
from shared.store.mapping_versions import MappingVersionStore
from shared.store.mappings import MappingStore
from shared.store.runs import RunStore


@dataclass(frozen=True)
class RunInputs:
    version: MappingVersion
    source: ConnectionSettings
    target: ConnectionSettings
    shown_window: Window | None = None


class RunInputStore:
    """Reads and decrypts what a run needs. Raises EngineError classes."""

    def __init__(self, client: StoreClient, runs: RunStore, settings: Settings) -> None:
        self._runs = runs
        self._mappings = MappingStore(client)
        self._versions = MappingVersionStore(client)
        self._connections = ConnectionStore(client)
        self._settings = settings
        self._keyring = Keyring(settings.encryption_key)

    async def load(self, run: Run) -> tuple[Run, RunInputs]:
        """Return the run and its inputs; its first attempt takes the newest version of the mapping.

        Raises HandBack when that version uses other connections than those that the run was claimed with.
        """
        if run.attempt == 1:
            mapping = await self._mappings.get(run.tenant_id, run.mapping_id)
            if mapping.version != run.mapping_version:
                run = await self._runs.record_mapping_version(run, mapping.version)
        version = await self._version(run)
        if version.mapping.uses != run.uses:
            raise HandBack("its mapping uses other connections by now", uses=version.mapping.uses)
        source = await self._open(run.tenant_id, version.mapping.source_connection_id)
        target = await self.open_target(run.tenant_id, version.mapping.target_connection_id)
        shown = None
        if version.mapping.incremental is not None:
            shown = await self._runs.last_window(run.tenant_id, run.mapping_id)
        return run, RunInputs(version, source, target, shown)

    async def load_target(self, run: Run) -> ConnectionSettings:
        """Return the settings of the run's target alone."""
        version = await self._version(run)
        return await self.open_target(run.tenant_id, version.mapping.target_connection_id)

    async def _version(self, run: Run) -> MappingVersion:
        return await self._versions.get(run.tenant_id, run.mapping_id, run.mapping_version)

    async def open_target(self, tenant_id: str, connection_id: ObjectId | None) -> ConnectionSettings:
        """Return the settings of a connection that is written to, None for the default target."""
        if connection_id is None:
            return default_target_settings(self._settings)
        return await self._open(tenant_id, connection_id)

    async def _open(self, tenant_id: str, connection_id: ObjectId) -> ConnectionSettings:
        connection = await self._connections.get(tenant_id, connection_id)
        opened = open_connection_settings(connection, self._keyring, self._settings.sqlite_root)
        if opened.host is None:
            return opened
        # The address that is allowed is the address that is connected to: a name may answer otherwise next time.
        allowed = self._settings.allowed_private_networks
        return replace(opened, hostaddr=await asyncio.to_thread(check_address, opened.host, allowed))
