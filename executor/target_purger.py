"""Takes care that the engine's tables in the targets keep nothing beyond its retention: one executor, now and then."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from bson import ObjectId

from executor.load.purge import Cutoffs, Purged, purge_target
from executor.run_inputs import RunInputStore
from shared.clock import Clock
from shared.dialects.base import ConnectionSettings
from shared.documents.run import RunStatus
from shared.errors import EngineError
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.counters import CounterStore
from shared.store.mapping_versions import MappingVersionStore
from shared.store.pauses import PauseStore
from shared.store.runs import RunStore

EVERY_SECONDS = 6 * 3600.0

log = structlog.get_logger(__name__)


class TargetPurger:
    def __init__(
        self, client: StoreClient, runs: RunStore, inputs: RunInputStore, settings: Settings, clock: Clock
    ) -> None:
        self._runs = runs
        self._inputs = inputs
        self._counters = CounterStore(client)
        self._versions = MappingVersionStore(client)
        self._pauses = PauseStore(client)
        self._clock = clock
        self._keep_runs = timedelta(days=settings.run_retention_days)
        self._keep_rejected = timedelta(days=settings.rejected_row_retention_days)

    async def purge_if_due(self) -> None:
        """Purge every target when it is time, and no other executor does."""
        if await self._counters.take_turn("target_purge", EVERY_SECONDS):
            await self.purge()

    async def purge(self) -> None:
        """Delete what is too old in every target; one that cannot be asked is left for the next time.

        A target of a tenant that is paused is left alone: it may be under repair.
        """
        pauses = await self._pauses.read_all()
        for tenant_id, connection_id in await self._versions.targets():
            if not pauses.holds(tenant_id):
                await self._purge(tenant_id, connection_id)

    async def _purge(self, tenant_id: str, connection_id: ObjectId | None) -> None:
        now = self._clock()
        cutoffs = Cutoffs(now - self._keep_runs, now - self._keep_rejected)
        loop = asyncio.get_running_loop()

        def ask(run_ids: Sequence[str]) -> Mapping[str, RunStatus]:
            return asyncio.run_coroutine_threadsafe(self._statuses(run_ids), loop).result()

        try:
            target = await self._inputs.open_target(tenant_id, connection_id)
            if _is_there(target):
                _report(target, await asyncio.to_thread(purge_target, target, cutoffs, ask))
        except EngineError as error:
            log.warning("target_not_purged", connection_id=str(connection_id), code=error.code)

    async def _statuses(self, run_ids: Sequence[str]) -> dict[str, RunStatus]:
        known = await self._runs.statuses([ObjectId(one) for one in run_ids if ObjectId.is_valid(one)])
        return {str(run_id): status for run_id, status in known.items()}


def _is_there(target: ConnectionSettings) -> bool:
    """Connecting to a SQLite target makes its file."""
    return target.db_type != "sqlite" or Path(target.database).is_file()


def _report(target: ConnectionSettings, purged: Purged) -> None:
    if purged != Purged():
        log.info(
            "target_purged",
            connection_id=target.connection_id,
            runs=purged.runs,
            rejected=purged.rejected,
            leftovers=purged.leftovers,
        )
