"""Casts between the wire text of every kind of source column and every data type of a target (DESIGN §9 in docs).

A cast takes one non-NULL cell and returns the wire text of the field's type, or raises CastFailed with a code
and the legal form; never the value. Strict casts change no value; lossy ones round and cut.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from shared.errors import CastFailed
from shared.types import DataType, Kind, TargetField, TypeLimits
from shared.wire import instant_text

Function = Callable[[bytes], bytes]
Mode = Literal["strict", "lossy"]

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1

LEGAL_FORMS = {
    "not_an_integer": "legal: whole numbers such as -12, without plus sign, spaces or leading zeros",
    "not_a_number": "legal: numbers such as -12.50 or 1.5e3, without plus sign, spaces or leading zeros",
    "not_a_boolean": "legal: true/false, t/f, yes/no, y/n, on/off in any case, and the numbers 0 and 1",
    "not_a_date": "legal: YYYY-MM-DD, a day that exists, and instants at midnight",
    "not_a_timestamp": "legal: YYYY-MM-DD HH:MM:SS with up to six fraction digits and a zone, or T between",
    "no_such_local_time": "the wall-clock time does not exist, or exists twice, in the connection's session_time_zone",
    "not_a_time": "legal: HH:MM:SS with up to six fraction digits, from 00:00:00 to 23:59:59.999999",
    "not_a_uuid": "legal: 32 hexadecimal digits as 8-4-4-4-12",
    "not_json": "legal: one JSON value (RFC 8259)",
    "duplicate_json_key": "a JSON object must not name a key twice",
    "not_binary": "legal: \\x and two hexadecimal digits a byte",
    "binary_has_no_text": "bytes have no text; map the column to a binary field",
    "out_of_range": "the value is beyond what the field can hold",
    "too_precise": "the value has more digits than the field keeps; a lossy cast rounds",
    "too_long": "the text has more characters than the field's length; a lossy cast cuts",
    "not_representable": "the target database cannot hold this value",
    "incompatible_type": "values of this type cannot become the field's type",
    "invalid_utf8": "the text is no valid UTF-8",
}


def failed(code: str) -> CastFailed:
    return CastFailed(LEGAL_FORMS[code], code=code)


@dataclass(frozen=True)
class Cast:
    """`function` maps one cell; with `identity` every possible cell of the kind passes unchanged."""

    function: Function
    identity: bool
    reason: str = ""

    def __call__(self, cell: bytes) -> bytes:
        return self.function(cell)


_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_WHOLE = re.compile(rb"(-?(?:0|[1-9][0-9]*))(?:\.0*)?")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_DATE = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_INSTANT = re.compile(
    rb"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
    rb"(Z|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)?)?"
)
_TIME = re.compile(rb"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?")
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(rb"\\x(?:[0-9a-fA-F]{2})*")
_TRUE = frozenset({b"true", b"t", b"yes", b"y", b"on"})
_FALSE = frozenset({b"false", b"f", b"no", b"n", b"off"})
_SPECIALS = frozenset({b"NaN", b"Infinity", b"-Infinity"})


# -- text of a value ---------------------------------------------------------------------------


def float_text(cell: bytes) -> bytes:
    """Return a float as PostgreSQL prints it: shortest digits that read back, exponent from 1e+15 and below 1e-04."""
    if cell in _SPECIALS:
        return cell
    value = float(cell)
    if value == 0:
        return b"-0" if cell.lstrip().startswith(b"-") else b"0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    scientific = len(digits) + int(exponent) - 1
    prefix = "-" if sign else ""
    if -4 <= scientific < 15:
        return (prefix + _plain(text, scientific)).encode()
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{prefix}{text[0]}{fraction}e{'-' if scientific < 0 else '+'}{abs(scientific):02d}".encode()


def _plain(digits: str, scientific: int) -> str:
    if scientific < 0:
        return "0." + "0" * (-scientific - 1) + digits
    if len(digits) <= scientific + 1:
        return digits.ljust(scientific + 1, "0")
    return f"{digits[: scientific + 1]}.{digits[scientific + 1 :]}"


def _same(cell: bytes) -> bytes:
    return cell


def _boolean_text(cell: bytes) -> bytes:
    return b"true" if cell == b"t" else b"false"


def _time_text(cell: bytes) -> bytes:
    return cell.rstrip(b"0").rstrip(b".") if b"." in cell else cell


def _no_text(_cell: bytes) -> bytes:
    raise failed("binary_has_no_text")


_TEXTS: dict[Kind, Function] = {
    Kind.INTEGER: _same,
    Kind.DECIMAL: _same,
    Kind.FLOAT: float_text,
    Kind.BOOLEAN: _boolean_text,
    Kind.DATE: _same,
    Kind.TIMESTAMP: instant_text,
    Kind.TIMESTAMPTZ: instant_text,
    Kind.TIME: _time_text,
    Kind.STRING: _same,
    Kind.BINARY: _no_text,
    Kind.JSON: _same,
    Kind.UUID: _same,
}
_CLASS_KINDS = {b"i": Kind.INTEGER, b"r": Kind.FLOAT, b"t": Kind.STRING, b"b": Kind.BINARY}


def text_of(kind: Kind) -> Function:
    """Return the function from a cell of this kind to its documented text, for string fields, split and join."""
    if kind is Kind.DYNAMIC:
        return lambda cell: _TEXTS[_CLASS_KINDS[cell[:1]]](cell[1:])
    return _TEXTS[kind]


# -- numbers -----------------------------------------------------------------------------------


def _in_range(text: bytes) -> bytes:
    if len(text) > 18 and not MIN_INTEGER <= int(text) <= MAX_INTEGER:
        raise failed("out_of_range")
    return b"0" if text == b"-0" else text


def _integer_from_integer(cell: bytes) -> bytes:
    return _in_range(cell)


def _integer_from_number(cell: bytes, *, mode: Mode) -> bytes:
    whole = _WHOLE.fullmatch(cell)
    if whole is not None:
        return _in_range(whole.group(1))
    number = _number(cell, "not_an_integer")
    if number != number.to_integral_value() and mode == "strict":
        raise failed("not_an_integer")
    if number.adjusted() > 20:
        raise failed("out_of_range")
    return _in_range(str(int(number.to_integral_value(ROUND_HALF_UP))).encode())


def _integer_from_boolean(cell: bytes) -> bytes:
    return b"1" if cell == b"t" else b"0"


def _number(cell: bytes, code: str) -> Decimal:
    if not _NUMBER.fullmatch(cell):
        raise failed(code)
    return Decimal(cell.decode())


def _float(cell: bytes, *, limits: TypeLimits) -> bytes:
    if cell in _SPECIALS:
        if limits.float_specials:
            return cell
        raise failed("not_representable")
    if not _NUMBER.fullmatch(cell):
        raise failed("not_a_number")
    value = float(cell)
    if value - value != 0:
        raise failed("out_of_range")
    if value == 0 and _NONZERO.search(cell.lower().partition(b"e")[0]):
        raise failed("out_of_range")
    return cell


_NONZERO = re.compile(rb"[1-9]")


def _exact_float(cell: bytes, *, limits: TypeLimits, mode: Mode) -> bytes:
    """An integer or decimal must be what the double reads back as; lossy takes the nearest double."""
    _float(cell, limits=limits)
    if mode == "strict" and cell not in _SPECIALS and not _is_same_double(cell):
        raise failed("too_precise")
    return cell


def _is_same_double(cell: bytes) -> bool:
    """Up to 15 significant digits always read back; beyond, the double's shortest text must be the number."""
    if len(cell) <= 15:
        return True
    number = Decimal(cell.decode())
    return Decimal(repr(float(cell))) == number


def _decimal(cell: bytes, *, field: TargetField, mode: Mode) -> bytes:
    if cell in _SPECIALS:
        raise failed("not_representable")
    precision, scale = field.precision or 0, field.scale or 0
    number = _number(cell, "not_a_number")
    if number.adjusted() > precision + 5 or number.adjusted() < -5000:
        raise failed("out_of_range" if number.adjusted() > 0 else "too_precise")
    with localcontext() as context:
        context.prec = precision + scale + 60 + len(cell)
        try:
            rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
        except InvalidOperation:
            raise failed("out_of_range") from None
        if mode == "strict" and rounded != number:
            raise failed("too_precise")
    if rounded.adjusted() >= precision - scale and rounded != 0:
        raise failed("out_of_range")
    text = format(rounded, "f")
    return (text[1:] if rounded == 0 and text.startswith("-") else text).encode()


def _decimal_from_boolean(cell: bytes, *, field: TargetField, mode: Mode) -> bytes:
    return _decimal(_integer_from_boolean(cell), field=field, mode=mode)


def _boolean_from_text(cell: bytes) -> bytes:
    lower = cell.lower()
    if lower in _TRUE:
        return b"t"
    if lower in _FALSE:
        return b"f"
    raise failed("not_a_boolean")


def _boolean_from_number(cell: bytes) -> bytes:
    whole = _WHOLE.fullmatch(cell)
    if whole is not None and whole.group(1) in (b"0", b"1"):
        return b"t" if whole.group(1) == b"1" else b"f"
    raise failed("not_a_boolean")


# -- dates and instants ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Moment:
    """A parsed instant; `offset` None means wall-clock. Microseconds may be 1,000,000 after rounding."""

    day: date
    seconds: int
    micros: int
    offset: timedelta | None
    dated_only: bool


def _day(year: bytes, month: bytes, day: bytes, code: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise failed(code) from None


def _micros(fraction: bytes | None, mode: Mode) -> int:
    if not fraction:
        return 0
    if len(fraction) <= 6:
        return int(fraction.ljust(6, b"0"))
    rest = fraction[6:].strip(b"0")
    if rest and mode == "strict":
        raise failed("too_precise")
    return int(fraction[:6]) + (1 if fraction[6:7] >= b"5" else 0)


def _clock_seconds(hours: bytes, minutes: bytes, seconds: bytes | None, code: str) -> int:
    values = (int(hours), int(minutes), int(seconds or 0))
    if values[0] > 23 or values[1] > 59 or values[2] > 59:
        raise failed(code)
    return values[0] * 3600 + values[1] * 60 + values[2]


def _offset(text: bytes | None) -> timedelta | None:
    if text is None:
        return None
    if text == b"Z":
        return timedelta(0)
    digits = text[1:].replace(b":", b"").ljust(6, b"0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    if hours > 15 or minutes > 59 or seconds > 59:
        raise failed("not_a_timestamp")
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -offset if text.startswith(b"-") else offset


def _moment(cell: bytes, code: str, mode: Mode) -> _Moment:
    match = _INSTANT.fullmatch(cell)
    if match is None:
        raise failed(code)
    year, month, day, hours, minutes, seconds, fraction, zone = match.groups()
    at = _day(year, month, day, code)
    if hours is None:
        return _Moment(at, 0, 0, None, dated_only=True)
    return _Moment(
        at, _clock_seconds(hours, minutes, seconds, code), _micros(fraction, mode), _offset(zone), dated_only=False
    )


def _as_datetime(moment: _Moment) -> datetime:
    try:
        wall = datetime(moment.day.year, moment.day.month, moment.day.day)  # noqa: DTZ001 - wall-clock
        return wall + timedelta(seconds=moment.seconds, microseconds=moment.micros)
    except OverflowError:
        raise failed("out_of_range") from None


def _instant_wire(at: datetime, suffix: bytes) -> bytes:
    fraction = f".{at.microsecond:06d}".rstrip("0") if at.microsecond else ""
    day = f"{at.year:04d}-{at.month:02d}-{at.day:02d}"
    return f"{day} {at.hour:02d}:{at.minute:02d}:{at.second:02d}{fraction}".encode() + suffix


def _check_year(at: date, limits: TypeLimits) -> None:
    if not limits.min_year <= at.year <= limits.max_year:
        raise failed("not_representable")


def _date(cell: bytes, *, limits: TypeLimits, mode: Mode) -> bytes:
    moment = _moment(cell, "not_a_date", mode)
    if mode == "strict" and (moment.seconds or moment.micros):
        raise failed("not_a_date")
    _check_year(moment.day, limits)
    return cell[:10]


def _timestamp(cell: bytes, *, limits: TypeLimits, mode: Mode) -> bytes:
    moment = _moment(cell, "not_a_timestamp", mode)
    at = _as_datetime(moment)
    if moment.offset is not None:
        at = _shift(at, moment.offset)
    _check_year(at, limits)
    return _instant_wire(at, b"")


def _timestamptz(cell: bytes, *, limits: TypeLimits, mode: Mode, zone: ZoneInfo | None) -> bytes:
    moment = _moment(cell, "not_a_timestamp", mode)
    at = _as_datetime(moment)
    at = _shift(at, moment.offset) if moment.offset is not None else _local_to_utc(at, zone, mode)
    _check_year(at, limits)
    return _instant_wire(at, b"+00")


def _shift(at: datetime, offset: timedelta) -> datetime:
    try:
        return at - offset
    except OverflowError:
        raise failed("out_of_range") from None


def _local_to_utc(at: datetime, zone: ZoneInfo | None, mode: Mode) -> datetime:
    """Return the UTC instant of a wall-clock time; strict refuses times that are skipped or exist twice."""
    if zone is None:
        return at
    first, second = at.replace(tzinfo=zone, fold=0), at.replace(tzinfo=zone, fold=1)
    if mode == "strict" and first.utcoffset() != second.utcoffset():
        raise failed("no_such_local_time")
    try:
        return first.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise failed("out_of_range") from None


def _time(cell: bytes, *, mode: Mode) -> bytes:
    match = _TIME.fullmatch(cell)
    if match is None:
        raise failed("not_a_time")
    hours, minutes, seconds, fraction = match.groups()
    total = _clock_seconds(hours, minutes, seconds, "not_a_time")
    micros = _micros(fraction, mode)
    if micros == 1_000_000:
        total, micros = total + 1, 0
        if total == 86400:
            raise failed("out_of_range")
    text = f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"
    return (text + (f".{micros:06d}".rstrip("0") if micros else "")).encode()


def _time_of_instant(cell: bytes, *, mode: Mode) -> bytes:
    if mode == "strict":
        raise failed("incompatible_type")
    return _instant_wire(_as_datetime(_moment(cell, "not_a_time", mode)), b"")[11:]


# -- texts, bytes, JSON, UUID --------------------------------------------------------------------


def _text(cell: bytes, *, of: Function, limits: TypeLimits, length: int | None, mode: Mode) -> bytes:
    text = of(cell)
    if not limits.nul_in_text and b"\0" in text:
        raise failed("not_representable")
    if length is not None and len(text) > length:
        text = _within(text, length, mode)
    if limits.max_text_bytes is not None and len(text) > limits.max_text_bytes:
        raise failed("not_representable")
    return text


def _within(text: bytes, length: int, mode: Mode) -> bytes:
    try:
        characters = text.decode()
    except UnicodeDecodeError:
        raise failed("invalid_utf8") from None
    if len(characters) <= length:
        return text
    if mode == "strict":
        raise failed("too_long")
    return characters[:length].encode()


def _binary(cell: bytes, *, limits: TypeLimits) -> bytes:
    if not _HEX.fullmatch(cell):
        raise failed("not_binary")
    if limits.max_binary_bytes is not None and (len(cell) - 2) // 2 > limits.max_binary_bytes:
        raise failed("not_representable")
    return cell.lower()


def _uuid(cell: bytes) -> bytes:
    if not _UUID.fullmatch(cell):
        raise failed("not_a_uuid")
    return cell.lower()


class _DuplicateKey(ValueError):
    pass


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKey
    return found


def _refuse_constant(_name: str) -> Any:
    raise ValueError


_CHECK_JSON = json.JSONDecoder(
    object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant, parse_int=str, parse_float=str
)


def _json(cell: bytes, *, limits: TypeLimits) -> bytes:
    try:
        text = cell.decode()
        _, end = _CHECK_JSON.raw_decode(text.lstrip(" \t\n\r"))
        if text.lstrip(" \t\n\r")[end:].strip(" \t\n\r"):
            raise failed("not_json")
    except _DuplicateKey:
        raise failed("duplicate_json_key") from None
    except (ValueError, RecursionError):
        raise failed("not_json") from None
    if not limits.nul_in_text and _JSON_NUL.search(cell):
        raise failed("not_representable")
    return cell


_JSON_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def _quoted(cell: bytes, *, of: Function) -> bytes:
    """A value that is no JSON becomes a JSON string of its text."""
    return json.dumps(of(cell).decode(), ensure_ascii=False).encode()


# -- choosing ------------------------------------------------------------------------------------


def _incompatible(_cell: bytes) -> bytes:
    raise failed("incompatible_type")


_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)
_INSTANTS = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)


@dataclass(frozen=True)
class CastSource:
    """What is known of the cells: `unsigned` integers may pass 2^63, `may_hold_nul` text a NUL character."""

    kind: Kind
    unsigned: bool = False
    may_hold_nul: bool = True
    length: int | None = None
    precision: int | None = None
    scale: int | None = None


def compile_cast(
    source: CastSource, field: TargetField, mode: Mode, limits: TypeLimits, session_time_zone: str = "UTC"
) -> Cast:
    """Return the cast of a source column into a field.

    Raises: nothing; kinds that no value of can become the type give a cast that rejects every cell.
    """
    if source.kind is Kind.DYNAMIC:
        return _dynamic(field, mode, limits, session_time_zone)
    function = _function(source.kind, field, mode, limits, session_time_zone)
    identity, reason = _identity(source, field, limits)
    return Cast(function, identity, reason)


def _dynamic(field: TargetField, mode: Mode, limits: TypeLimits, zone: str) -> Cast:
    by_class = {
        letter: _function(kind, field, mode, limits, zone) for letter, kind in _CLASS_KINDS.items()
    }

    def cast(cell: bytes) -> bytes:
        return by_class[cell[:1]](cell[1:])

    return Cast(cast, identity=False, reason="SQLite's values have their own types, row by row")


def _function(
    kind: Kind, field: TargetField, mode: Mode, limits: TypeLimits, session_time_zone: str
) -> Function:
    zone = None if session_time_zone.upper() == "UTC" else ZoneInfo(session_time_zone)
    builders: dict[DataType, Callable[[], Function]] = {
        DataType.STRING: lambda: partial(
            _text, of=text_of(kind), limits=limits, length=field.length, mode=mode
        ),
        DataType.INTEGER: lambda: _integer_function(kind, mode),
        DataType.FLOAT: lambda: _float_function(kind, mode, limits),
        DataType.DECIMAL: lambda: _decimal_function(kind, field, mode),
        DataType.BOOLEAN: lambda: _boolean_function(kind),
        DataType.DATE: lambda: _of_kinds(
            kind, (*_INSTANTS, Kind.STRING), partial(_date, limits=limits, mode=mode)
        ),
        DataType.TIMESTAMP: lambda: _of_kinds(
            kind, (*_INSTANTS, Kind.STRING), partial(_timestamp, limits=limits, mode=mode)
        ),
        DataType.TIMESTAMPTZ: lambda: _of_kinds(
            kind, (*_INSTANTS, Kind.STRING), partial(_timestamptz, limits=limits, mode=mode, zone=zone)
        ),
        DataType.TIME: lambda: _time_function(kind, mode),
        DataType.BINARY: lambda: _of_kinds(kind, (Kind.BINARY, Kind.STRING), partial(_binary, limits=limits)),
        DataType.JSON: lambda: _of_kinds(kind, (Kind.JSON, Kind.STRING), partial(_json, limits=limits)),
        DataType.UUID: lambda: _of_kinds(kind, (Kind.UUID, Kind.STRING), _uuid),
    }
    return builders[field.data_type]()


def _of_kinds(kind: Kind, kinds: tuple[Kind, ...], function: Function) -> Function:
    return function if kind in kinds else _incompatible


def _integer_function(kind: Kind, mode: Mode) -> Function:
    if kind is Kind.INTEGER:
        return _integer_from_integer
    if kind is Kind.BOOLEAN:
        return _integer_from_boolean
    return _of_kinds(kind, (Kind.DECIMAL, Kind.FLOAT, Kind.STRING), partial(_integer_from_number, mode=mode))


def _float_function(kind: Kind, mode: Mode, limits: TypeLimits) -> Function:
    if kind in (Kind.FLOAT, Kind.STRING):
        return partial(_float, limits=limits)
    return _of_kinds(kind, (Kind.INTEGER, Kind.DECIMAL), partial(_exact_float, limits=limits, mode=mode))


def _decimal_function(kind: Kind, field: TargetField, mode: Mode) -> Function:
    if kind is Kind.BOOLEAN:
        return _incompatible
    return _of_kinds(kind, (*_NUMBERS, Kind.STRING), partial(_decimal, field=field, mode=mode))


def _boolean_function(kind: Kind) -> Function:
    if kind is Kind.BOOLEAN:
        return _same
    if kind in _NUMBERS:
        return _boolean_from_number
    return _of_kinds(kind, (Kind.STRING,), _boolean_from_text)


def _time_function(kind: Kind, mode: Mode) -> Function:
    if kind in (Kind.TIME, Kind.STRING):
        return partial(_time, mode=mode)
    return _of_kinds(kind, (Kind.TIMESTAMP, Kind.TIMESTAMPTZ), partial(_time_of_instant, mode=mode))


def _identity(source: CastSource, field: TargetField, limits: TypeLimits) -> tuple[bool, str]:
    """Tell whether every cell of the column passes unchanged, and why not."""
    kind, data_type = source.kind, field.data_type
    if kind.value != data_type.value:
        return False, f"{kind} becomes {data_type}"
    if kind is Kind.INTEGER:
        return not source.unsigned, "unsigned integers may be beyond the field's range"
    if kind in (Kind.BOOLEAN, Kind.UUID):
        return True, ""
    if kind is Kind.FLOAT:
        return limits.float_specials, "the target cannot hold NaN and the infinities"
    if kind is Kind.STRING:
        return _text_identity(source, field, limits)
    if kind is Kind.DECIMAL:
        return False, "NaN, infinity and the field's precision are checked"
    return False, f"each {data_type} is checked for what the target cannot hold"


def _text_identity(source: CastSource, field: TargetField, limits: TypeLimits) -> tuple[bool, str]:
    if source.may_hold_nul and not limits.nul_in_text:
        return False, "the target's text cannot hold the NUL character"
    if field.length is not None and (source.length is None or source.length > field.length):
        return False, f"texts may be longer than the field's {field.length} characters"
    return True, ""
