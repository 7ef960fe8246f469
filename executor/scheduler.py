"""Turns due ticks into queued runs and skipped records, once per (schedule, instant) whoever sees them."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import structlog
from bson import ObjectId

from executor.misfire import decide, find_due_ticks
from shared.clock import Clock
from shared.documents.schedule import Schedule
from shared.store.ticks import Fired, Firing, TickStore

SCHEDULES_AT_ONCE = 1000
FIRINGS_AT_ONCE = 8
MAX_SLEEP_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Scheduler:
    """Fires due ticks; `clock` gives the server's time, so that skewed machines fire at the same instant."""

    def __init__(self, ticks: TickStore, clock: Clock, on_fired: Callable[[Fired], None]) -> None:
        self._ticks = ticks
        self._clock = clock
        self._on_fired = on_fired

    async def fire_due(self) -> int:
        """Fire everything that is due and return the number of schedules seen due."""
        due = await self._ticks.due_schedules(self._clock(), SCHEDULES_AT_ONCE)
        slots = asyncio.Semaphore(FIRINGS_AT_ONCE)

        async def fire_group(group: list[Schedule]) -> None:
            async with slots:
                for schedule in group:
                    await self._fire(schedule)

        groups = _by_mapping(due)
        random.shuffle(groups)  # several executors begin with different schedules
        await _all_of(fire_group(group) for group in groups)
        return len(due)

    async def _fire(self, schedule: Schedule) -> None:
        now = self._clock()
        due = find_due_ticks(schedule, now)
        decision = decide(schedule, due, now)
        firing = Firing(schedule, decision.missed, decision.fired, due.following, decision.despite_overlap)
        fired = await self._ticks.fire(firing, now)
        if fired is None:
            log.debug("tick_fired_elsewhere", schedule_id=str(schedule.id))
            return
        for skipped in fired.skipped:
            log.info(
                "tick_skipped", schedule_id=str(schedule.id), reason=skipped.reason, count=skipped.count or 1
            )
        self._on_fired(fired)

    async def seconds_to_next_tick(self) -> float:
        """Return how long to sleep: until the next tick, at most MAX_SLEEP_SECONDS."""
        now = self._clock()
        upcoming = await self._ticks.next_due_after(now)
        if upcoming is None:
            return MAX_SLEEP_SECONDS
        wait: timedelta = upcoming - self._clock()
        return min(max(wait.total_seconds(), 0), MAX_SLEEP_SECONDS)


def _by_mapping(schedules: Iterable[Schedule]) -> list[list[Schedule]]:
    """Group schedules whose firings would wait for each other."""
    groups: dict[ObjectId, list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        groups[schedule.mapping_id].append(schedule)
    return list(groups.values())


async def _all_of(coroutines: Iterable[Awaitable[None]]) -> None:
    """Wait for all, then raise the first error: one bad schedule does not keep the others from firing."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
