"""Dates, instants and times of day as wire text. Dates are checked against the calendar, zones by tzdata."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.column_mappings.cast_errors import failure
from shared.errors import CastFailed

Convert = Callable[[bytes], bytes]

_DATE = rb"((?!0000)[0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK_OF_DAY = rb"((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]+))?"
_ZONE = rb"(Z|([+-])(0[0-9]|1[0-5])(?::?([0-5][0-9])(?::?([0-5][0-9]))?)?)"
_DATE_FORM = re.compile(_DATE)
_TIME_FORM = re.compile(_CLOCK_OF_DAY)
_INSTANT_FORM = re.compile(_DATE + rb"(?:[ T]" + _CLOCK_OF_DAY + rb")?")
_ZONED_FORM = re.compile(_DATE + rb"[ T]" + _CLOCK_OF_DAY + _ZONE)
# What PostgreSQL alone prints: the infinities, years beyond 9999 and those before Christ.
_BIG = rb"-?infinity|[0-9]{4}-[0-9]{2}-[0-9]{2}%b BC|[1-9][0-9]{4,6}-[0-9]{2}-[0-9]{2}%b"
_CLOCK = rb" [0-9:]{8}(?:\.[0-9]{1,6})?"
_DAYS = {b"01": 31, b"02": 28, b"03": 31, b"04": 30, b"05": 31, b"06": 30, b"07": 31, b"08": 31, b"09": 30,
         b"10": 31, b"11": 30, b"12": 31}  # fmt: skip
_MIDNIGHT = b" 00:00:00"
_DATE_LENGTH = 10


END_OF_DAY = re.compile(rb"24:00:00(?:\.0+)?")
BIG_DATE = re.compile(_BIG % (b"", b""))
BIG_TIMESTAMP = re.compile(_BIG % (_CLOCK, _CLOCK))
BIG_TIMESTAMPTZ = re.compile(_BIG % (_CLOCK + rb"\+00", _CLOCK + rb"\+00"))


def _exists(year: bytes, month: bytes, day: bytes) -> bool:
    if month == b"02" and day == b"29":
        number = int(year)
        return number % 4 == 0 and (number % 100 != 0 or number % 400 == 0)
    return int(day) <= _DAYS[month]


def valid_date(cell: bytes) -> bytes:
    """Return a date of the years 1 to 9999 that the calendar has."""
    match = _DATE_FORM.fullmatch(cell)
    if match is None or not _exists(*match.groups()):
        raise failure("not_a_date")
    return cell


def or_big(convert: Convert, form: "re.Pattern[bytes]") -> Convert:
    """Let by, besides what `convert` takes, what only PostgreSQL has."""

    def convert_or_big(cell: bytes) -> bytes:
        return cell if form.fullmatch(cell) else convert(cell)

    return convert_or_big


def valid_time(cell: bytes) -> bytes:
    """Return a time of day below 24 hours."""
    return _time(cell, lossy=False)


def rounded_time(cell: bytes) -> bytes:
    """Return a time of day below 24 hours, rounded to the microsecond."""
    return _time(cell, lossy=True)


def _time(cell: bytes, *, lossy: bool) -> bytes:
    match = _TIME_FORM.fullmatch(cell)
    if match is None:
        raise failure("not_a_time")
    clock, fraction = match.groups()
    digits, carry = _microseconds(fraction, lossy=lossy)
    if not carry:
        return clock + digits
    if clock == b"23:59:59":
        raise failure("not_a_time")
    return _wire(_moment(b"2000-01-01 " + clock) + timedelta(seconds=1))[11:]


def _microseconds(fraction: bytes | None, *, lossy: bool) -> tuple[bytes, bool]:
    """Return the fraction with its point, or nothing, and whether rounding reached the next second."""
    if fraction is None:
        return b"", False
    kept, rest = fraction[:6], fraction[6:]
    if rest.strip(b"0"):
        if not lossy:
            raise failure("too_many_fraction_digits")
        number = int(kept) + (rest[:1] >= b"5")
        if number == 1_000_000:
            return b"", True
        kept = b"%06d" % number
    kept = kept.rstrip(b"0")
    return (b"." + kept if kept else b""), False


def _wall_clock(match: "re.Match[bytes]", *, lossy: bool) -> bytes:
    """Return the wire text of a date and a time of day that a form has found."""
    year, month, day, clock, fraction = match.groups()[:5]
    if not _exists(year, month, day):
        raise failure("not_a_timestamp")
    date = b"%b-%b-%b" % (year, month, day)
    if clock is None:
        return date + _MIDNIGHT
    digits, carry = _microseconds(fraction, lossy=lossy)
    text = date + b" " + clock + digits
    return _wire(_shift(_moment(text), timedelta(seconds=1))) if carry else text


def _moment(text: bytes) -> datetime:
    """Read the wire text of a wall clock; the zone is only a stand-in."""
    return datetime.fromisoformat(text.decode()).replace(tzinfo=UTC)


def _wire(moment: datetime) -> bytes:
    text = moment.replace(tzinfo=None).isoformat(" ")
    return text.rstrip("0").encode() if moment.microsecond else text.encode()


def _shift(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        raise failure("out_of_range", range="years 1 to 9999") from None


def _as_utc(match: "re.Match[bytes]", *, lossy: bool) -> bytes:
    """Return the wall clock in UTC of an instant with a zone."""
    clock = _wall_clock(match, lossy=lossy)
    zone, sign, hours, minutes, seconds = match.groups()[5:]
    if zone == b"Z":
        return clock
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    return _wire(_shift(_moment(clock), offset if sign == b"-" else -offset)) if offset else clock


def timestamp_of_text(*, lossy: bool) -> Convert:
    """Return the function from an instant to its wall clock: with a zone as UTC, a date as its midnight."""

    def convert(cell: bytes) -> bytes:
        match = _INSTANT_FORM.fullmatch(cell)
        if match is not None:
            return _wall_clock(match, lossy=lossy)
        match = _ZONED_FORM.fullmatch(cell)
        if match is None:
            raise failure("not_a_timestamp")
        return _as_utc(match, lossy=lossy)

    return convert


def timestamptz_of_text(zone_name: str, *, lossy: bool) -> Convert:
    """Return the function from an instant to UTC; one without a zone is read in `zone_name`."""
    of_local = in_zone(zone_name, lossy=lossy)

    def convert(cell: bytes) -> bytes:
        match = _ZONED_FORM.fullmatch(cell)
        if match is not None:
            return _as_utc(match, lossy=lossy) + b"+00"
        match = _INSTANT_FORM.fullmatch(cell)
        if match is None:
            raise failure("not_a_timestamp")
        return of_local(_wall_clock(match, lossy=lossy))

    return convert


def in_zone(zone_name: str, *, lossy: bool) -> Convert:
    """Return the function from a valid wall clock in a zone to the instant in UTC.

    A wall clock that stands twice or not at all is refused; lossy takes the earlier offset.
    """
    if zone_name == "UTC":
        return lambda clock: clock + b"+00"
    zone = ZoneInfo(zone_name)

    def convert(clock: bytes) -> bytes:
        wall = _moment(clock)
        earlier, later = (_offset(wall, zone, fold) for fold in (0, 1))
        if earlier != later and not lossy:
            code = "ambiguous_local_time" if earlier > later else "skipped_local_time"
            raise failure(code, zone=zone_name)
        return _wire(_shift(wall, -earlier)) + b"+00"

    return convert


def _offset(wall: datetime, zone: ZoneInfo, fold: int) -> timedelta:
    return zone.utcoffset(wall.replace(tzinfo=zone, fold=fold)) or timedelta()


def date_of_instant(*, lossy: bool) -> Convert:
    """Return the function from an instant to its date, with a zone in UTC: midnight only, or lossy, cut."""

    def convert(cell: bytes) -> bytes:
        clock = _clock(_without_fraction(cell) if lossy else cell)
        if not lossy and clock[_DATE_LENGTH:] != _MIDNIGHT:
            raise failure("has_time_of_day")
        return clock[:_DATE_LENGTH]

    return convert


_exact_timestamp = timestamp_of_text(lossy=False)


def _clock(cell: bytes) -> bytes:
    try:
        return _exact_timestamp(cell)
    except CastFailed as error:
        raise failure("not_a_date") if error.code == "not_a_timestamp" else error from None


def _without_fraction(cell: bytes) -> bytes:
    match = _INSTANT_FORM.fullmatch(cell) or _ZONED_FORM.fullmatch(cell)
    if match is None or match.group(5) is None:
        return cell
    return cell[: match.start(5) - 1] + cell[match.end(5) :]


def time_text(cell: bytes) -> bytes:
    """Return a time without trailing zeros of its fraction."""
    return cell.rstrip(b"0").rstrip(b".") if b"." in cell else cell
