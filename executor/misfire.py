"""Which due ticks run, and which are recorded with a reason instead (DESIGN.md §12)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile

from shared.documents.pause import Pauses
from shared.documents.schedule import Schedule
from shared.due_ticks import DueTicks

CATCH_UP_RUNS = 100
NO_PAUSES = Pauses()


@dataclass(frozen=True)
class Decision:
    """`fired` ticks run, whatever else is queued when `despite_overlap`; the others are recorded as not run."""

    missed: tuple[datetime, ...] = ()
    fired: tuple[datetime, ...] = ()
    despite_overlap: bool = False
    paused: tuple[datetime, ...] = ()
    outside: tuple[datetime, ...] = ()


@dataclass
class _Sorted:
    paused: list[datetime] = field(default_factory=list)
    outside: list[datetime] = field(default_factory=list)
    rest: list[datetime] = field(default_factory=list)


def decide(schedule: Schedule, due: DueTicks, now: datetime, pauses: Pauses = NO_PAUSES) -> Decision:
    """Sort the due ticks: paused, outside of start_at and end_at, missed, or fired.

    A tick belongs to a pause by its own instant, whenever it is looked at. Of the others, one within
    misfire_grace_seconds always runs. Late ones follow catch_up: `none` misses them; `latest` runs the newest
    unless a newer tick runs anyway; `all` runs the newest CATCH_UP_RUNS.
    """
    ticks = _sort(schedule, due.ticks, pauses)
    missed, fired, despite_overlap = _catch_up(schedule, ticks.rest, now, complete=due.complete)
    return Decision(
        tuple(missed), tuple(fired), despite_overlap, paused=tuple(ticks.paused), outside=tuple(ticks.outside)
    )


def _sort(schedule: Schedule, ticks: tuple[datetime, ...], pauses: Pauses) -> _Sorted:
    found = _Sorted()
    for tick in ticks:
        if not schedule.enabled or pauses.covered(schedule.tenant_id, tick):
            found.paused.append(tick)
        elif _is_outside(schedule, tick):
            found.outside.append(tick)
        else:
            found.rest.append(tick)
    return found


def _is_outside(schedule: Schedule, tick: datetime) -> bool:
    """Whether a tick that was stored lies outside the bounds that the schedule has by now."""
    before = schedule.start_at is not None and tick < schedule.start_at
    return before or (schedule.end_at is not None and tick > schedule.end_at)


def _catch_up(
    schedule: Schedule, ticks: list[datetime], now: datetime, *, complete: bool
) -> tuple[list[datetime], list[datetime], bool]:
    grace = timedelta(seconds=schedule.misfire_grace_seconds)
    late = list(takewhile(lambda tick: now - tick > grace, ticks))
    on_time = ticks[len(late) :]
    if not late or (not complete and not on_time):
        return late, on_time, False  # where newer ticks are due as well, the late ones are only counted
    if schedule.catch_up == "all":
        return late[:-CATCH_UP_RUNS], late[-CATCH_UP_RUNS:] + on_time, True
    if schedule.catch_up == "latest" and not on_time:
        return late[:-1], late[-1:], False
    return late, on_time, False
