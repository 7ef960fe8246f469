"""Wakes sleepers up when something may be due; polling makes it optional."""

import asyncio

from shared.store.client import StoreClient
from shared.store.wakeups import watch_wakeups

RETRY_SECONDS = 5.0


class Bell:
    """Rung by anybody, heard by one sleeper."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def sleep(self, seconds: float) -> None:
        """Return when rung, now or since the last sleep, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()


async def ring_on_changes(client: StoreClient, runs: Bell, schedules: Bell) -> float:
    """Ring on changes in MongoDB for as long as it tells of them; return the seconds before asking again."""
    bells = {"runs": runs, "schedules": schedules}
    async for name in watch_wakeups(client):
        bells[name].ring()
    return RETRY_SECONDS
