"""Turns due ticks into queued runs and skipped records, once per (schedule, instant) whoever sees them.

Schedules are read, and their next ticks computed, up to READ_AHEAD before they are due: at the instant itself
nothing is left to do but one transaction. What was changed since it was read is left out by that transaction.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from executor.misfire import decide
from executor.peers import Peers
from shared.clock import Clock
from shared.documents.pause import Pauses
from shared.documents.run import Run
from shared.documents.schedule import Schedule
from shared.due_ticks import DueTicks, find_due_ticks
from shared.errors import ConfigError
from shared.store.errors import classify_store_error
from shared.store.pauses import PauseStore
from shared.store.tick_records import Fired, Firing
from shared.store.ticks import TickStore

SCHEDULES_AT_ONCE = 2000
FIRINGS_AT_ONCE = 500
MAX_SLEEP_SECONDS = 1.0
READ_AHEAD = timedelta(seconds=1.5)
# A peer's schedules are left to it for so long; then it is taken to be gone.
PEERS_FIRST = timedelta(seconds=2)
PEERS_FIRST_DISABLED = timedelta(minutes=3)

log = structlog.get_logger(__name__)


class Upcoming:
    """A schedule that was read, with the tick that follows its next one."""

    def __init__(self, schedule: Schedule, due_at: datetime) -> None:
        self.schedule = schedule
        self.due_at = due_at
        self._due = find_due_ticks(schedule, due_at)

    def due_ticks(self, now: datetime) -> DueTicks:
        """Return the ticks up to now."""
        following = self._due.following
        return self._due if following is None or following > now else find_due_ticks(self.schedule, now)


class Scheduler:
    """Fires due ticks; `clock` gives the server's time, so that skewed machines fire at the same instant."""

    def __init__(
        self,
        ticks: TickStore,
        pauses: PauseStore,
        clock: Clock,
        peers: Peers,
        on_fired: Callable[[Fired, datetime], None],
    ) -> None:
        self._ticks = ticks
        self._pauses = pauses
        self._clock = clock
        self._peers = peers
        self._on_fired = on_fired
        self._upcoming: list[Upcoming] = []

    async def fire_due(self) -> int:
        """Fire what is due, read ahead, and return the number of schedules that this executor moved on."""
        upcoming, self._upcoming = self._upcoming, []
        moved = await self._fire_upcoming(upcoming)
        now = self._clock()
        found = await self._ticks.due_by(now + READ_AHEAD, SCHEDULES_AT_ONCE, self._takes)
        read = list(_readable(found))
        moved += await self._fire_upcoming([one for one in read if one.due_at <= now])
        self._upcoming = [one for one in read if one.due_at > now]
        return moved

    async def record_disabled(self) -> int:
        """Record the ticks of disabled schedules as paused, and return the number of schedules."""
        now = self._clock()
        found = await self._ticks.due_by(now, SCHEDULES_AT_ONCE, self._takes_disabled, enabled=False)
        return await self._fire_upcoming(list(_readable(found)))

    def seconds_to_next_tick(self) -> float:
        """Return how long to sleep: until the next tick that was read, at most MAX_SLEEP_SECONDS."""
        next_tick = min((one.due_at for one in self._upcoming), default=None)
        if next_tick is None:
            return MAX_SLEEP_SECONDS
        wait = (next_tick - self._clock()).total_seconds()
        return min(max(wait, 0), MAX_SLEEP_SECONDS)

    def _takes(self, mapping_id: ObjectId, due_at: datetime) -> bool:
        return self._peers.is_mine(mapping_id) or self._clock() - due_at > PEERS_FIRST

    def _takes_disabled(self, mapping_id: ObjectId, due_at: datetime) -> bool:
        return self._peers.is_mine(mapping_id) or self._clock() - due_at > PEERS_FIRST_DISABLED

    async def _fire_upcoming(self, upcoming: Sequence[Upcoming]) -> int:
        now = self._clock()
        due = [one for one in upcoming if one.due_at <= now]
        if not due:
            return 0
        # Schedules of one mapping stand together: they are decided one after the other.
        due.sort(key=lambda one: (one.schedule.mapping_id, one.due_at, one.schedule.id))
        pauses = await self._pauses.read_all()
        moved = 0
        for start in range(0, len(due), FIRINGS_AT_ONCE):
            moved += await self._fire(due[start : start + FIRINGS_AT_ONCE], pauses)
        return moved

    async def _fire(self, upcoming: Sequence[Upcoming], pauses: Pauses) -> int:
        now = self._clock()
        try:
            fired = await self._ticks.fire([_decide(one, now, pauses) for one in upcoming], now)
        except PyMongoError as error:
            if classify_store_error(error) is not None:
                raise
            if len(upcoming) == 1:
                log.exception("schedule_not_fired", schedule_id=str(upcoming[0].schedule.id))
                return 0
            middle = len(upcoming) // 2  # one of them is the fault: the others fire
            return await self._fire(upcoming[:middle], pauses) + await self._fire(upcoming[middle:], pauses)
        self._report(fired, now)
        return fired.moved

    def _report(self, fired: Fired, now: datetime) -> None:
        for skipped in fired.skipped:
            _log_skipped(skipped)
        self._on_fired(fired, now)


def _readable(schedules: Sequence[Schedule]) -> Iterator[Upcoming]:
    for schedule in schedules:
        try:
            if schedule.next_due_at is not None:
                yield Upcoming(schedule, schedule.next_due_at)
        except ConfigError as error:
            # Saved by a version that knew more, or its time zone has gone from the machine.
            log.error("schedule_unreadable", schedule_id=str(schedule.id), code=error.code)  # noqa: TRY400


def _decide(upcoming: Upcoming, now: datetime, pauses: Pauses) -> Firing:
    due = upcoming.due_ticks(now)
    decision = decide(upcoming.schedule, due, now, pauses)
    return Firing(
        upcoming.schedule,
        due.following,
        fired=decision.fired,
        despite_overlap=decision.despite_overlap,
        missed=decision.missed,
        paused=decision.paused,
        outside=decision.outside,
    )


def _log_skipped(skipped: Run) -> None:
    log.info(
        "tick_skipped", schedule_id=str(skipped.schedule_id), reason=skipped.reason, count=skipped.count or 1
    )
