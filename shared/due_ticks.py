"""The due ticks of a schedule: from its next one up to an instant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from shared.cron import fire_instants
from shared.documents.schedule import Schedule

TICKS_AT_ONCE = 5000


@dataclass(frozen=True)
class DueTicks:
    """The due ticks of one schedule, oldest first, and the tick that follows them.

    `complete` is False when there are more due ticks than are looked at in one go.
    """

    ticks: tuple[datetime, ...]
    following: datetime | None
    complete: bool


def find_due_ticks(schedule: Schedule, now: datetime) -> DueTicks:
    """Return the ticks from `next_due_at` up to `now`, at most TICKS_AT_ONCE of them.

    Raises ConfigError for a time zone that this machine does not know.
    """
    if schedule.next_due_at is None or schedule.next_due_at > now:
        return DueTicks((), schedule.next_due_at, complete=True)
    ticks = [schedule.next_due_at]
    for tick in _later_ticks(schedule, schedule.next_due_at):
        if tick > now:
            return DueTicks(tuple(ticks), tick, complete=True)
        if len(ticks) == TICKS_AT_ONCE:
            return DueTicks(tuple(ticks), tick, complete=False)
        ticks.append(tick)
    return DueTicks(tuple(ticks), None, complete=True)


def _later_ticks(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    instants = fire_instants(schedule.cron_expression, schedule.timezone, after)
    return takewhile(lambda tick: schedule.end_at is None or tick <= schedule.end_at, instants)
