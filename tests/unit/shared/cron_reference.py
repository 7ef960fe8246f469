"""A slow and plain reading of cron: every second or minute of real time is asked whether it fires."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.cron_grammar import CronExpression, parse_cron

RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def values_of(field: str, low: int, high: int) -> frozenset[int]:
    """The values of one field in its normal form."""
    found: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if first == "*" else (int(first), int(last or first))
        found |= set(range(start, end + 1, int(step or 1)))
    return frozenset(found)


# Longer than any jump back of a clock.
_BEFORE = timedelta(hours=3)


class Reference:
    def __init__(self, expression: str, timezone: str) -> None:
        self.parsed: CronExpression = parse_cron(expression)
        self.zone = ZoneInfo(timezone)
        self.fields = [
            values_of(field, *bounds) for field, bounds in zip(self.parsed.fields, RANGES, strict=True)
        ]

    def matches(self, wall: datetime) -> bool:
        second, minute, hour, day, month, weekday = self.fields
        return (
            wall.second in second
            and wall.minute in minute
            and wall.hour in hour
            and wall.month in month
            and self._day_matches(wall, day, weekday)
        )

    def _day_matches(self, wall: datetime, days: frozenset[int], weekdays: frozenset[int]) -> bool:
        by_day = wall.day in days
        by_weekday = wall.isoweekday() in weekdays or wall.isoweekday() % 7 in weekdays
        _, _, _, day, _, weekday = self.parsed.fields
        if day.startswith("*") or weekday.startswith("*"):
            return by_day and by_weekday
        return by_day or by_weekday

    def fires(self, start: datetime, end: datetime) -> list[datetime]:
        """The instants of (start, end] in UTC. Expressions with the second 0 only."""
        found = self._real_time(start, end) if self.parsed.follows_real_time else self._fixed(start, end)
        return sorted(set(found))

    def _real_time(self, start: datetime, end: datetime) -> Iterator[datetime]:
        for instant in minutes(start, end):
            if self.matches(instant.astimezone(self.zone).replace(tzinfo=None)):
                yield instant

    def _fixed(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Walk real time; a jump forward fires what it skipped, a jump back nothing new."""
        shown = (start - _BEFORE).astimezone(self.zone).replace(tzinfo=None)
        for instant in minutes(start - _BEFORE, end):
            wall = instant.astimezone(self.zone).replace(tzinfo=None)
            new = list(walls(shown, wall))
            shown = max(shown, wall)
            if instant > start and any(self.matches(minute) for minute in new):
                yield instant


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    instant = start.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    while instant <= end:
        yield instant
        instant += timedelta(minutes=1)


def walls(after: datetime, until: datetime) -> Iterator[datetime]:
    """The wall-clock minutes in (after, until]."""
    wall = after + timedelta(minutes=1)
    while wall <= until:
        yield wall
        wall += timedelta(minutes=1)
