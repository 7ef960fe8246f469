"""Ticks that were due, and that nobody fired before their schedule was changed: they are recorded too."""

from datetime import datetime

from shared.documents.pause import Pauses
from shared.documents.schedule import Schedule
from shared.due_ticks import find_due_ticks
from shared.errors import ConfigError
from shared.store.tick_records import Firing

MAX_STEPS = 4  # of 5000 ticks: what is beyond them is not counted, for somebody waits for the answer


def find_unfired(schedule: Schedule, now: datetime, pauses: Pauses) -> Firing | None:
    """Return the due ticks of a schedule as missed, or as paused where it or a switch was; None without any."""
    missed: list[datetime] = []
    paused: list[datetime] = []
    for tick in _due(schedule, now):
        is_paused = not schedule.enabled or pauses.covered(schedule.tenant_id, tick)
        (paused if is_paused else missed).append(tick)
    if not missed and not paused:
        return None
    return Firing(schedule, None, missed=tuple(missed), paused=tuple(paused))


def _due(schedule: Schedule, now: datetime) -> list[datetime]:
    found: list[datetime] = []
    for _ in range(MAX_STEPS):
        try:
            due = find_due_ticks(schedule, now)
        except ConfigError:  # its time zone has gone from this machine
            return found
        found += due.ticks
        if due.complete:
            break
        schedule = schedule.model_copy(update={"next_due_at": due.following})
    return found
