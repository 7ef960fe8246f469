"""Texts into the types of target fields: the forms of docs/column_mappings.md that are right without a doubt.

What the line mapper takes besides (leap days, offsets, exponents, upper case) is in doubt here and decided there.
"""

from collections.abc import Callable

from shared.column_mappings.cast_tables import CastRequest, checked_bytes, longest_allowed, longest_binary
from shared.pushdown.speech import CannotSay, Said, Speech
from shared.types import DataType, TypeLimits

_MONTHS_AND_DAYS = (
    "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
)
DATE = f"[1-9][0-9]{{3}}-({_MONTHS_AND_DAYS})"
CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_HEXADECIMAL = r"[\\]x([0-9a-f]{2})*"
_TRUE = ("true", "t", "yes", "y", "on", "1")
_FALSE = ("false", "f", "no", "n", "off", "0")
_MOST_DIGITS = 60  # of the whole, and of the fraction, that a pattern counts
_EXACT_CHARACTERS = 15  # a number as short as this is printed by its nearest double with the same digits
_SMALLEST_YEAR, _LARGEST_YEAR = 1000, 9999


def cast_text(speech: Speech, request: CastRequest, t: str, longest: int | None = None) -> Said:
    """Say the cast of a text, of at most `longest` characters where that is known, to a field. Raises CannotSay."""
    if request.field.data_type is DataType.STRING:
        said = _string(speech, request, t, longest)
    else:
        said = _CASTS[request.field.data_type](speech, request, t)
    may_hold_nul = request.text_may_hold_nul and not request.limits.nul_in_text
    if may_hold_nul and request.field.data_type is DataType.STRING:
        return Said(said.value, (*said.guards, speech.without_nul(t)), said.form)
    return said


def _string(speech: Speech, request: CastRequest, t: str, longest: int | None) -> Said:
    limit = checked_bytes(request.limits.max_text_bytes)
    guards = () if limit is None else (f"{speech.bytes_in(t)} <= {limit}",)
    allowed = longest_allowed(request)
    if allowed is None or (longest is not None and longest <= allowed[0]):
        return Said(t, guards)
    length, lossy = allowed
    if lossy:
        return Said(speech.first_characters(t, length), guards)
    return Said(t, (f"{speech.characters(t)} <= {length}", *guards))


def _integer(speech: Speech, _: CastRequest, t: str) -> Said:
    return Said(t, (speech.matches(t, "-?[0-9]{1,18}"),))


def _decimal(speech: Speech, request: CastRequest, t: str) -> Said:
    precision, scale = request.field.precision or 0, request.field.scale or 0
    whole = min(precision - scale, _MOST_DIGITS)
    digits = f"[0-9]{{1,{whole}}}" if whole > 0 else "0"
    fraction = f"([.][0-9]{{1,{min(scale, _MOST_DIGITS)}}})?" if scale else ""
    return Said(t, (speech.matches(t, f"-?{digits}{fraction}"),))


def _float(speech: Speech, request: CastRequest, t: str) -> Said:
    guards = [
        speech.matches(t, "-?[0-9]{1,15}([.][0-9]{1,15})?"),
        f"{speech.characters(t)} <= {_EXACT_CHARACTERS}",
    ]
    if not request.limits.negative_zero:
        guards.append(f"NOT {speech.matches(t, '-[0.]+')}")
    return Said(t, tuple(guards))


def _boolean(speech: Speech, _: CastRequest, t: str) -> Said:
    word = speech.lower(t)
    value = f"CASE WHEN {speech.is_one_of(word, _TRUE)} THEN 't' WHEN {t} IS NOT NULL THEN 'f' END"
    return Said(value, (speech.is_one_of(word, (*_TRUE, *_FALSE)),))


def check_years(limits: TypeLimits) -> None:
    """Raise CannotSay for a target that does not hold all years of four digits."""
    if limits.min_year > _SMALLEST_YEAR or limits.max_year < _LARGEST_YEAR:
        raise CannotSay(f"the target holds the years {limits.min_year} to {limits.max_year} only")


def _date(speech: Speech, request: CastRequest, t: str) -> Said:
    check_years(request.limits)
    return Said(t, (speech.matches(t, DATE),))


def _timestamp(speech: Speech, request: CastRequest, t: str) -> Said:
    check_years(request.limits)
    return Said(speech.clock_of(t), (speech.matches(t, f"{DATE}([ T]{CLOCK}Z?)?"),))


def _timestamptz(speech: Speech, request: CastRequest, t: str) -> Said:
    check_years(request.limits)
    zone = "Z?" if request.session_time_zone == "UTC" else "Z"
    return Said(
        speech.joined((speech.clock_of(t), speech.literal("+00"))),
        (speech.matches(t, f"{DATE}[ T]{CLOCK}{zone}"),),
    )


def _time(speech: Speech, _: CastRequest, t: str) -> Said:
    return Said(t, (speech.matches(t, CLOCK),))


def _binary(speech: Speech, request: CastRequest, t: str) -> Said:
    limit = checked_bytes(longest_binary(request))
    size = () if limit is None else (f"{speech.bytes_in(t)} <= {limit}",)
    return Said(t, (speech.matches(t, _HEXADECIMAL), *size))


def _uuid(speech: Speech, _: CastRequest, t: str) -> Said:
    return Said(t, (speech.matches(t, _UUID),))


def _json(_: Speech, request: CastRequest, __: str) -> Said:
    raise CannotSay(f"the JSON of field {request.field.name!r} is checked by a parser")


_CASTS: dict[DataType, Callable[[Speech, CastRequest, str], Said]] = {
    DataType.INTEGER: _integer,
    DataType.DECIMAL: _decimal,
    DataType.FLOAT: _float,
    DataType.BOOLEAN: _boolean,
    DataType.DATE: _date,
    DataType.TIMESTAMP: _timestamp,
    DataType.TIMESTAMPTZ: _timestamptz,
    DataType.TIME: _time,
    DataType.BINARY: _binary,
    DataType.JSON: _json,
    DataType.UUID: _uuid,
}
