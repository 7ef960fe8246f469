"""Which due ticks run, and which are recorded as missed (DESIGN.md §12)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from shared.cron import fire_instants
from shared.documents.schedule import Schedule

CATCH_UP_RUNS = 100
TICKS_AT_ONCE = 5000


@dataclass(frozen=True)
class DueTicks:
    """The due ticks of one schedule, oldest first, and the tick that follows them.

    `complete` is False when there are more due ticks than are looked at in one go.
    """

    ticks: tuple[datetime, ...]
    following: datetime | None
    complete: bool


@dataclass(frozen=True)
class Decision:
    """`missed` ticks do not run; `fired` ones do, whatever else is queued when `despite_overlap`."""

    missed: tuple[datetime, ...]
    fired: tuple[datetime, ...]
    despite_overlap: bool = False


def find_due_ticks(schedule: Schedule, now: datetime) -> DueTicks:
    """Return the ticks from `next_due_at` up to `now`, at most TICKS_AT_ONCE of them."""
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


def decide(schedule: Schedule, due: DueTicks, now: datetime) -> Decision:
    """Apply misfire_grace_seconds and catch_up to the due ticks.

    A tick within its grace always runs. Late ones: `none` misses them; `latest` runs the newest unless a
    newer tick runs anyway; `all` runs the newest CATCH_UP_RUNS.
    """
    grace = timedelta(seconds=schedule.misfire_grace_seconds)
    late = tuple(takewhile(lambda tick: now - tick > grace, due.ticks))
    on_time = due.ticks[len(late) :]
    if not due.complete and not on_time:
        return Decision(late, ())  # newer ticks are due as well: these are only counted
    if not late:
        return Decision((), on_time)
    if schedule.catch_up == "all":
        return Decision(late[:-CATCH_UP_RUNS], late[-CATCH_UP_RUNS:] + on_time, despite_overlap=True)
    if schedule.catch_up == "latest" and not on_time:
        return Decision(late[:-1], late[-1:])
    return Decision(late, on_time)
