"""Removes what its retention no longer keeps: runs that are over, their notices and logs. Never a live run's."""

from datetime import timedelta

import structlog

from shared.clock import Clock
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.notices import NoticeStore
from shared.store.run_logs import RunLogStore
from shared.store.runs import RunStore

log = structlog.get_logger(__name__)


class Purger:
    def __init__(self, client: StoreClient, runs: RunStore, settings: Settings, clock: Clock) -> None:
        self._runs = runs
        self._logs = RunLogStore(client)
        self._notices = NoticeStore(client)
        self._clock = clock
        self._keep_runs = timedelta(days=settings.run_retention_days)
        self._keep_logs = timedelta(days=settings.log_retention_days)

    async def purge(self) -> None:
        """Delete what is too old."""
        now = self._clock()
        runs = await self._runs.purge_finished(now - self._keep_runs)
        await self._notices.purge(now - self._keep_runs)
        lines = await self._logs.purge(now - self._keep_logs)
        if runs or lines:
            log.info("purged", runs=runs, log_lines=lines)
