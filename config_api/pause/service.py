"""Rules of the pause switches."""

from config_api.changes import apply_changes
from config_api.pause.payloads import PauseSwitch, PauseUpdate
from config_api.versions import ExpectedVersion
from shared.clock import Clock
from shared.documents.pause import INSTALLATION, Pause
from shared.store.stores import Stores


class PauseService:
    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    async def get(self, tenant_id: str) -> Pause:
        """Return a tenant's switch; one that was never used is off."""
        return await self._stores.pauses.find(tenant_id) or self._unused(tenant_id)

    async def get_installation(self) -> Pause:
        """Return the switch of the whole installation."""
        return await self.get(INSTALLATION)

    async def update(self, tenant_id: str, changes: PauseUpdate, expected: ExpectedVersion) -> Pause:
        """Set a switch. Raises VersionMismatch."""
        current = await self.get(tenant_id)
        expected.check(current.version)
        wanted = apply_changes(PauseSwitch, current, changes)
        changed = current.model_copy(update={"paused": wanted.paused, "note": wanted.note})
        return await self._stores.pauses.store(changed, expected_version=current.version or None)

    async def update_installation(self, changes: PauseUpdate, expected: ExpectedVersion) -> Pause:
        """Set the switch of the whole installation. Raises VersionMismatch."""
        return await self.update(INSTALLATION, changes, expected)

    def _unused(self, tenant_id: str) -> Pause:
        now = self._clock()
        return Pause(tenant_id=tenant_id, version=0, created_at=now, updated_at=now)
