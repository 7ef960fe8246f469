"""The one place that asks for the time. Tests replace it by passing their own `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def whole_milliseconds(clock: Clock) -> Clock:
    """Return a clock whose instants read back from MongoDB as they were stored."""
    return lambda: cut_to_milliseconds(clock())


def cut_to_milliseconds(instant: datetime) -> datetime:
    """Return the instant as MongoDB keeps it."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
