"""Streams of live events: they end with the rights of who reads them, and with the service."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from config_api.access.errors import Forbidden, TooManyRequests, Unauthenticated
from config_api.events.payloads import EventRead, read_event
from shared.clock import Clock
from shared.errors import NotFound
from shared.store.client import StoreClient
from shared.store.events import watch_events

HEARTBEAT_SECONDS = 15.0
MAX_STREAMS = 90  # each holds a connection of the driver's pool of 100
RETRY_SECONDS = 5

Recheck = Callable[[], Awaitable[object]]


class EventService:
    def __init__(self, client: StoreClient, draining: asyncio.Event, clock: Clock) -> None:
        self._client = client
        self._draining = draining
        self._clock = clock
        self._open = 0

    @property
    def open_streams(self) -> int:
        return self._open

    def check_room(self) -> None:
        """Raise TooManyRequests when too many streams are open."""
        if self._open >= MAX_STREAMS:
            raise TooManyRequests("Too many streams are open", RETRY_SECONDS)

    async def follow(
        self, tenant_id: str, after: str | None, recheck: Recheck
    ) -> AsyncGenerator[EventRead | None, None]:
        """Yield a tenant's events as they happen, and None now and then while nothing does.

        `recheck` raises once the reader is nobody any more; it is asked with every None.
        """
        self._open += 1
        try:
            quiet_since = -HEARTBEAT_SECONDS  # the first None goes out: it says that the stream has begun
            async with aclosing(watch_events(self._client, tenant_id, after, self._clock)) as events:
                async for event in events:
                    if self._draining.is_set():
                        return
                    if event is not None:
                        yield read_event(event)
                    elif time.monotonic() - quiet_since < HEARTBEAT_SECONDS:
                        continue
                    elif await _has_ended(recheck):
                        return
                    else:
                        yield None
                    quiet_since = time.monotonic()
        finally:
            self._open -= 1


async def _has_ended(recheck: Recheck) -> bool:
    try:
        await recheck()
    except (Unauthenticated, Forbidden, NotFound):
        return True
    return False
