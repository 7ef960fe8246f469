"""When cron expressions fire: instants in UTC, Debian's rules for clock changes, any IANA time zone.

cronsim walks over wall-clock times without a zone; what a wall-clock time means in a zone is decided here,
because its own walk through a zone loses runs where the clock moves by 30 or 45 minutes.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from bson import ObjectId
from cronsim import CronSim

from shared.cron_grammar import CronExpression, parse_cron
from shared.documents.schedule import Schedule
from shared.errors import ConfigError

__all__ = [
    "describe_cron",
    "fire_instants",
    "jitter",
    "next_due",
    "next_instants",
    "parse_cron",
    "parse_timezone",
]

_SECOND = timedelta(seconds=1)
_PROBE = timedelta(hours=6)  # no zone ever moved its clock twice within six hours
# The walk stays inside the calendar of datetime, whatever the zone's offset.
_FIRST_INSTANT = datetime(2, 1, 1, tzinfo=UTC)
_LAST_YEAR = 9998
_SILENT_YEARS = 50  # no accepted expression is silent for longer
_NOT_IANA = frozenset({"Factory", "localtime"})


def describe_cron(expression: str) -> str:
    """Return the expression in English. Raises ConfigError `invalid_cron`."""
    parsed = parse_cron(expression)
    return CronSim(parsed.text, datetime(2000, 1, 1)).explain()  # noqa: DTZ001 - the date plays no part


@lru_cache(maxsize=1000)
def parse_timezone(name: str) -> tzinfo:
    """Return the zone of an IANA name. Raises ConfigError `invalid_timezone`."""
    if name not in _zone_names():
        raise ConfigError(
            "The time zone is not known: write an IANA name such as Europe/Vienna or UTC",
            code="invalid_timezone",
            loc=("timezone",),
        )
    return UTC if name == "UTC" else ZoneInfo(name)


def next_instants(expression: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """Return the next `count` instants strictly after `after`, in UTC; fewer when the calendar ends first."""
    return list(islice(fire_instants(expression, timezone, after), count))


def fire_instants(expression: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Yield every instant strictly after `after`, ascending, each once.

    A job with fixed hour and minute: a time in a skipped hour fires once right after it, a time in a
    repeated hour fires the first time only. A job with a wildcard hour or minute follows real time.
    Units: `after` is aware; the instants are aware, in UTC, whole seconds.
    """
    parsed = parse_cron(expression)
    zone = parse_timezone(timezone)
    if after.year > _LAST_YEAR:
        return iter(())
    start = max(after, _FIRST_INSTANT).astimezone(UTC)
    if zone is UTC:
        return _constant_offset(parsed, start, None, timedelta(0))
    return _real_time(parsed, zone, start) if parsed.follows_real_time else _fixed_times(parsed, zone, start)


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the schedule's next tick strictly after `after` and within its start_at and end_at, or None."""
    if schedule.start_at is not None:
        after = max(after, schedule.start_at - _SECOND)  # a tick at start_at itself counts
    for tick in fire_instants(schedule.cron_expression, schedule.timezone, after):
        if schedule.end_at is not None and tick > schedule.end_at:
            return None
        if schedule.start_at is None or tick >= schedule.start_at:
            return tick
    return None


def jitter(schedule_id: ObjectId, instant: datetime, jitter_seconds: int) -> timedelta:
    """Return the delay of one tick: from 0 to `jitter_seconds`, the same whoever computes it."""
    if jitter_seconds == 0:
        return timedelta(0)
    digest = hashlib.sha256(f"{schedule_id}:{int(instant.timestamp())}".encode()).digest()
    milliseconds = int.from_bytes(digest[:8], "big") % (jitter_seconds * 1000 + 1)
    return timedelta(milliseconds=milliseconds)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_IANA


def _real_time(parsed: CronExpression, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Between two changes of the clock wall time and real time run side by side."""
    last_found = after.year
    start = after
    while start.year < _LAST_YEAR and start.year - last_found <= _SILENT_YEARS:
        offset = _offset(zone, start)
        # The walk is exclusive; a segment that begins with a change of the clock includes its first instant.
        end = _next_change(zone, start)
        walk_from = start if start is after else start - _SECOND
        for instant in _constant_offset(parsed, walk_from, end, offset):
            last_found = instant.year
            yield instant
        start = end


def _constant_offset(
    parsed: CronExpression, after: datetime, end: datetime | None, offset: timedelta
) -> Iterator[datetime]:
    for wall in _walls(parsed, after.replace(tzinfo=None) + offset):
        instant = (wall - offset).replace(tzinfo=UTC)
        if end is not None and instant >= end:
            return
        yield instant


def _fixed_times(parsed: CronExpression, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    last = after
    for wall in _walls(parsed, after.astimezone(zone).replace(tzinfo=None)):
        instant = _first_instant(wall, zone)
        if instant > last:
            last = instant
            yield instant


def _walls(parsed: CronExpression, after: datetime) -> Iterator[datetime]:
    walk = CronSim(parsed.text, after.replace(tzinfo=None, fold=0))
    while True:
        try:
            wall = next(walk)
        except (StopIteration, OverflowError):  # silent for fifty years, or beyond the last year of all
            return
        if wall.year > _LAST_YEAR:
            return
        yield wall


def _first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant at which clocks show `wall`, or the end of the gap that skips it."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    before_gap = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _find_change(zone, before_gap, instant)


def _next_change(zone: tzinfo, after: datetime) -> datetime:
    """Return the next instant at which the zone's offset changes, or the end of the year that follows."""
    for change in _changes(zone, after.year):
        if change > after:
            return change
    return datetime(after.year + 1, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=2000)
def _changes(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    """Return the instants of a UTC year at which the zone's offset changes."""
    changes: list[datetime] = []
    probe = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year + 1, 1, 1, tzinfo=UTC)
    while probe < end:
        following = min(probe + _PROBE, end)
        if _offset(zone, probe) != _offset(zone, following):
            changes.append(_find_change(zone, probe, following))
        probe = following
    return tuple(changes)


def _find_change(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the first whole second in (before, after] with another offset than `before`."""
    offset = _offset(zone, before)
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, before + timedelta(seconds=middle)) == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
