"""For every data type, the casts from each kind of source column that can become it (DESIGN.md §9)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from shared.column_mappings import instants, numbers, texts
from shared.column_mappings.cast_errors import failure
from shared.column_mappings.json_check import JsonCheck
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits

Convert = Callable[[bytes], bytes]

# A longer cell does not travel or is refused by the load itself: no check of its own is needed from here on.
_LARGEST_CELL_BYTES = 999_999_999


class Passes(IntEnum):
    """Which cells a cast leaves unchanged."""

    NOT_ALL = 0
    WITHOUT_ODD_NUMBERS = 1  # all numbers but NaN, the infinities and -0.0, which the target takes for 0
    WHEN_TAKEN = 2  # all those that the target does not refuse by itself
    WITHOUT_SPECIALS = 3  # all numbers but NaN, the infinities and -0.0
    WITHOUT_NUL = 4  # all those without a NUL character
    ALWAYS = 5


@dataclass(frozen=True)
class CastRequest:
    """What a cast is compiled from."""

    column: SourceColumn
    field: TargetField
    lossy: bool
    limits: TypeLimits
    session_time_zone: str
    in_key: bool
    text_may_hold_nul: bool


Compiled = tuple[Convert, Passes]
Builder = Callable[[CastRequest], Compiled]


@dataclass(frozen=True)
class Plain:
    """The builder of a conversion that needs nothing but the mode."""

    strict: Convert
    lossy: Convert | None = None

    def __call__(self, request: CastRequest) -> Compiled:
        return (self.lossy or self.strict) if request.lossy else self.strict, Passes.NOT_ALL


def _unchanged(_: CastRequest) -> Compiled:
    return texts.same, Passes.ALWAYS


# -- string, binary, json, uuid ------------------------------------------------------------------


def string_cast(request: CastRequest) -> Compiled:
    """Every kind but bytes becomes its text, without NUL where the target has none, within its length."""
    text, nul_check, length_check = (
        texts.text_of(request.column.kind),
        _nul_check(request),
        _length_check(request),
    )
    convert = texts.chain(text, nul_check, length_check, _bytes_check(request.limits.max_text_bytes))
    if convert is texts.same:
        return convert, Passes.ALWAYS
    if convert is nul_check:
        return convert, Passes.WITHOUT_NUL
    if text is texts.same and isinstance(length_check, texts.AtMostCharacters):
        convert = texts.FittingText(convert, within=_within(length_check.length, request))
        refused = length_check.length <= request.limits.longest_refusing_text and not length_check.lossy
        if convert.convert is length_check and refused:
            return convert, Passes.WHEN_TAKEN
    return convert, Passes.NOT_ALL


def _within(length: int, request: CastRequest) -> int:
    limit = request.limits.max_text_bytes
    return length if limit is None else min(length, limit)


def _nul_check(request: CastRequest) -> Convert:
    may_hold = request.column.kind is Kind.STRING and request.text_may_hold_nul
    return texts.without_nul if may_hold and not request.limits.nul_in_text else texts.same


def longest_allowed(request: CastRequest) -> tuple[int, bool] | None:
    """Return how many characters a field takes, and whether a longer text is cut; None where all texts fit."""
    length, lossy = request.field.length, request.lossy
    if length is None and request.in_key:
        length, lossy = request.limits.string_key_length, False
    longest = texts.longest_text(request.column)
    if length is None or (longest is not None and longest <= length):
        return None
    return length, lossy


def _length_check(request: CastRequest) -> Convert:
    allowed = longest_allowed(request)
    return texts.same if allowed is None else texts.AtMostCharacters(allowed[0], lossy=allowed[1])


def checked_bytes(limit: int | None) -> int | None:
    """Return a limit of bytes, None where no cell that travels can pass it."""
    return None if limit is None or limit >= _LARGEST_CELL_BYTES else limit


def _bytes_check(limit: int | None) -> Convert:
    checked = checked_bytes(limit)
    return texts.same if checked is None else texts.at_most_bytes(checked)


_HEXADECIMAL = re.compile(rb"\\x(?:[0-9a-fA-F]{2})*+")
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _form_check(form: "re.Pattern[bytes]", code: str) -> Convert:
    def convert(cell: bytes) -> bytes:
        if form.fullmatch(cell) is None:
            raise failure(code)
        return cell.lower()

    return convert


def longest_binary(request: CastRequest) -> int | None:
    """Return how many bytes the wire text of a binary field may have, before any check is left out."""
    limit = request.limits.max_binary_bytes
    return None if limit is None else 2 + 2 * limit


def _binary_size(request: CastRequest) -> Convert:
    return _bytes_check(longest_binary(request))


def _binary_of_binary(request: CastRequest) -> Compiled:
    convert = _binary_size(request)
    return convert, Passes.ALWAYS if convert is texts.same else Passes.NOT_ALL


def _binary_of_text(request: CastRequest) -> Compiled:
    return texts.chain(_form_check(_HEXADECIMAL, "not_binary"), _binary_size(request)), Passes.NOT_ALL


def _json_cast(request: CastRequest) -> Compiled:
    # PostgreSQL's jsonb has neither duplicate keys nor NUL; a text's JSON has what somebody wrote.
    if request.column.database_type == "jsonb" and not request.limits.json_numbers_are_doubles:
        return texts.same, Passes.ALWAYS
    return JsonCheck(request.limits), Passes.NOT_ALL


# -- numbers -------------------------------------------------------------------------------------


def _integer_of_integer(request: CastRequest) -> Compiled:
    if request.column.beyond_64_bits:
        return numbers.integer_of_integer, Passes.WHEN_TAKEN
    return texts.same, Passes.ALWAYS


def _integer_of_boolean(cell: bytes) -> bytes:
    return b"1" if cell == b"t" else b"0"


def _size(request: CastRequest) -> tuple[int, int]:
    return request.field.precision or 0, request.field.scale or 0


def _decimal_of_digits(request: CastRequest) -> Compiled:
    precision, scale = _size(request)
    return numbers.decimal_of_text(precision, scale, lossy=request.lossy), Passes.NOT_ALL


def _decimal_of_integer(request: CastRequest) -> Compiled:
    precision, scale = _size(request)
    if texts.integer_digits(request.column) > precision - scale:
        return _decimal_of_digits(request)
    if scale == 0:
        return texts.same, Passes.ALWAYS
    return numbers.Padding(b"." + b"0" * scale, takes_nan=False), Passes.NOT_ALL


def _decimal_of_float(request: CastRequest) -> Compiled:
    precision, scale = _size(request)
    return numbers.decimal_of_float(precision, scale, lossy=request.lossy), Passes.NOT_ALL


def _decimal_of_decimal(request: CastRequest) -> Compiled:
    """Keep NaN where the target has it; a numeric with a size has no infinities."""
    convert, _ = _decimal_of_digits(request)
    specials = request.limits.float_specials
    precision, scale = _size(request)
    fits = request.column.scale == scale and 0 < (request.column.precision or 0) <= precision
    if _is_padded(request.column, precision, scale):
        zeros = b"0" * (scale - (request.column.scale or 0))
        return numbers.Padding(
            (b"" if request.column.scale else b".") + zeros, takes_nan=specials
        ), Passes.NOT_ALL
    if fits and specials:
        return texts.same, Passes.ALWAYS
    if fits:
        return numbers.float_of(texts.same, specials=False), Passes.WITHOUT_SPECIALS
    return (numbers.or_nan(convert) if specials else convert), Passes.NOT_ALL


def _is_padded(column: SourceColumn, precision: int, scale: int) -> bool:
    """Tell whether every number of a column fits once zeros are added to its fraction."""
    if column.precision is None or column.scale is None or not 0 <= column.scale < scale:
        return False
    return column.precision - column.scale <= precision - scale


def _float_of_float(request: CastRequest) -> Compiled:
    if request.limits.float_specials and request.limits.negative_zero:
        return texts.same, Passes.ALWAYS
    passes = Passes.WITHOUT_SPECIALS if request.limits.negative_zero else Passes.WITHOUT_ODD_NUMBERS
    return _held_float(texts.same, request), passes


def _float_of_digits(request: CastRequest) -> Compiled:
    return _held_float(
        numbers.nearest_float if request.lossy else numbers.float_of_digits, request
    ), Passes.NOT_ALL


def _held_float(convert: Convert, request: CastRequest) -> Convert:
    held = numbers.float_of(convert, specials=request.limits.float_specials)
    if request.limits.negative_zero:
        return held
    return numbers.without_negative_zero(held, lossy=request.lossy)


_TRUE = frozenset((b"true", b"t", b"yes", b"y", b"on", b"1"))
_FALSE = frozenset((b"false", b"f", b"no", b"n", b"off", b"0"))


def _boolean_of_text(cell: bytes) -> bytes:
    word = cell.lower()
    if word in _TRUE:
        return b"t"
    if word in _FALSE:
        return b"f"
    raise failure("not_a_boolean")


def _boolean_of_number(cell: bytes) -> bytes:
    value = numbers.zero_or_one(cell)
    if value is None:
        raise failure("not_a_boolean")
    return b"t" if value else b"f"


# -- instants ------------------------------------------------------------------------------------


def _within_years(convert: Convert, limits: TypeLimits) -> Convert:
    low, high = limits.min_year, limits.max_year
    if (low, high) == (1, 9999):
        return convert

    def convert_within(cell: bytes) -> bytes:
        result = convert(cell)
        if not low <= int(result[:4]) <= high:
            raise failure("out_of_range", range=f"years {low} to {high}")
        return result

    return convert_within


@dataclass(frozen=True)
class InstantCast:
    """The builder of a cast to a date, a time or an instant; `big` is the form of the type's own large values."""

    make: Callable[[CastRequest], Convert]
    big: "re.Pattern[bytes] | None" = None

    def __call__(self, request: CastRequest) -> Compiled:
        convert = self.make(request)
        if self.big is None:
            return convert, Passes.NOT_ALL
        if request.limits.big_dates:
            convert = instants.or_big(convert, self.big)
        held = self.big is not instants.END_OF_DAY or request.limits.refuses_long_times
        return convert, Passes.WHEN_TAKEN if held else Passes.NOT_ALL


def _timestamp(request: CastRequest) -> Convert:
    return _within_years(instants.timestamp_of_text(lossy=request.lossy), request.limits)


def _timestamptz(request: CastRequest) -> Convert:
    convert = instants.timestamptz_of_text(request.session_time_zone, lossy=request.lossy)
    return _within_years(convert, request.limits)


def _date(request: CastRequest) -> Convert:
    return _within_years(instants.valid_date, request.limits)


def _date_of_instant(request: CastRequest) -> Convert:
    return _within_years(instants.date_of_instant(lossy=request.lossy), request.limits)


def _time(request: CastRequest) -> Convert:
    return instants.rounded_time if request.lossy else instants.valid_time


# -- all -----------------------------------------------------------------------------------------

CASTS: dict[DataType, dict[Kind, Builder]] = {
    DataType.STRING: {kind: string_cast for kind in Kind if kind not in (Kind.DYNAMIC, Kind.BINARY)},
    DataType.INTEGER: {
        Kind.INTEGER: _integer_of_integer,
        Kind.DECIMAL: Plain(numbers.integer_of_text, numbers.rounded_integer),
        Kind.FLOAT: Plain(numbers.integer_of_float, numbers.rounded_integer_of_float),
        Kind.BOOLEAN: Plain(_integer_of_boolean),
        Kind.STRING: Plain(numbers.integer_of_text, numbers.rounded_integer),
    },
    DataType.DECIMAL: {
        Kind.INTEGER: _decimal_of_integer,
        Kind.DECIMAL: _decimal_of_decimal,
        Kind.FLOAT: _decimal_of_float,
        Kind.STRING: _decimal_of_digits,
    },
    DataType.FLOAT: {
        Kind.INTEGER: _float_of_digits,
        Kind.DECIMAL: _float_of_digits,
        Kind.FLOAT: _float_of_float,
        Kind.STRING: _float_of_digits,
    },
    DataType.BOOLEAN: {
        Kind.INTEGER: Plain(_boolean_of_number),
        Kind.DECIMAL: Plain(_boolean_of_number),
        Kind.FLOAT: Plain(_boolean_of_number),
        Kind.BOOLEAN: _unchanged,
        Kind.STRING: Plain(_boolean_of_text),
    },
    DataType.DATE: {
        Kind.DATE: InstantCast(_date, instants.BIG_DATE),
        Kind.TIMESTAMP: InstantCast(_date_of_instant),
        Kind.TIMESTAMPTZ: InstantCast(_date_of_instant),
        Kind.STRING: InstantCast(_date_of_instant),
    },
    DataType.TIMESTAMP: {
        Kind.DATE: InstantCast(_timestamp),
        Kind.TIMESTAMP: InstantCast(_timestamp, instants.BIG_TIMESTAMP),
        Kind.TIMESTAMPTZ: InstantCast(_timestamp),
        Kind.STRING: InstantCast(_timestamp),
    },
    DataType.TIMESTAMPTZ: {
        Kind.DATE: InstantCast(_timestamptz),
        Kind.TIMESTAMP: InstantCast(_timestamptz),
        Kind.TIMESTAMPTZ: InstantCast(_timestamptz, instants.BIG_TIMESTAMPTZ),
        Kind.STRING: InstantCast(_timestamptz),
    },
    DataType.TIME: {Kind.TIME: InstantCast(_time, instants.END_OF_DAY), Kind.STRING: InstantCast(_time)},
    DataType.BINARY: {Kind.BINARY: _binary_of_binary, Kind.STRING: _binary_of_text},
    DataType.JSON: {Kind.JSON: _json_cast, Kind.STRING: _json_cast},
    DataType.UUID: {Kind.UUID: _unchanged, Kind.STRING: Plain(_form_check(_UUID, "not_a_uuid"))},
}
