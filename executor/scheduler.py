"""Turns due ticks into queued runs and skipped records, once per (schedule, instant) whoever sees them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from pymongo.errors import PyMongoError

from executor.misfire import decide, find_due_ticks
from executor.peers import Peers
from shared.clock import Clock
from shared.documents.schedule import Schedule
from shared.errors import ConfigError
from shared.store.errors import classify_store_error
from shared.store.ticks import Fired, Firing, TickStore

SCHEDULES_AT_ONCE = 2000
FIRINGS_AT_ONCE = 50
MAX_SLEEP_SECONDS = 1.0
# A peer's schedules are left to it for so long; then it is taken to be gone.
PEERS_FIRST = timedelta(seconds=2)

log = structlog.get_logger(__name__)


class Scheduler:
    """Fires due ticks; `clock` gives the server's time, so that skewed machines fire at the same instant."""

    def __init__(
        self, ticks: TickStore, clock: Clock, peers: Peers, on_fired: Callable[[Fired, datetime], None]
    ) -> None:
        self._ticks = ticks
        self._clock = clock
        self._peers = peers
        self._on_fired = on_fired

    async def fire_due(self) -> int:
        """Fire what is due and return the number of schedules that this executor took."""
        now = self._clock()
        due = await self._ticks.due_schedules(now, SCHEDULES_AT_ONCE)
        taken = [schedule for schedule in due if self._takes(schedule, now)]
        # Schedules of one mapping stand together: they are decided one after the other.
        taken.sort(key=lambda schedule: (schedule.mapping_id, schedule.next_due_at or now, schedule.id))
        for batch in _batches(taken):
            await self._fire(batch)
        return len(taken)

    def _takes(self, schedule: Schedule, now: datetime) -> bool:
        due_at = schedule.next_due_at
        return self._peers.is_mine(schedule.mapping_id) or due_at is None or now - due_at > PEERS_FIRST

    async def _fire(self, schedules: Sequence[Schedule]) -> None:
        now = self._clock()
        firings = [firing for schedule in schedules for firing in _decide(schedule, now)]
        try:
            self._report(await self._ticks.fire(firings, now) if firings else Fired(), now)
        except PyMongoError as error:
            if classify_store_error(error) is not None or len(schedules) == 1:
                raise
            for schedule in schedules:  # one of them is the fault: the others fire
                await self._fire([schedule])

    def _report(self, fired: Fired, now: datetime) -> None:
        for skipped in fired.skipped:
            log.info(
                "tick_skipped",
                schedule_id=str(skipped.schedule_id),
                reason=skipped.reason,
                count=skipped.count or 1,
            )
        self._on_fired(fired, now)

    async def seconds_to_next_tick(self) -> float:
        """Return how long to sleep: until the next tick, at most MAX_SLEEP_SECONDS."""
        upcoming = await self._ticks.next_due_after(self._clock())
        if upcoming is None:
            return MAX_SLEEP_SECONDS
        wait = (upcoming - self._clock()).total_seconds()
        return min(max(wait, 0), MAX_SLEEP_SECONDS)


def _decide(schedule: Schedule, now: datetime) -> Iterator[Firing]:
    try:
        due = find_due_ticks(schedule, now)
    except ConfigError as error:
        # Saved by a version that knew more, or its time zone has gone from the machine.
        log.error("schedule_unreadable", schedule_id=str(schedule.id), code=error.code)  # noqa: TRY400
        return
    decision = decide(schedule, due, now)
    yield Firing(schedule, decision.missed, decision.fired, due.following, decision.despite_overlap)


def _batches(schedules: Sequence[Schedule]) -> Iterator[Sequence[Schedule]]:
    for start in range(0, len(schedules), FIRINGS_AT_ONCE):
        yield schedules[start : start + FIRINGS_AT_ONCE]
