"""Columns of PostgreSQL that are no texts, into the types of target fields, and the text of every column."""

from collections.abc import Callable

from shared.column_mappings.cast_tables import CastRequest, checked_bytes
from shared.column_mappings.texts import integer_digits
from shared.pushdown.speech import CannotSay, Said, Speech
from shared.pushdown.text_casts import cast_text, check_years
from shared.types import DataType, Kind, SourceColumn

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_EXACT_INTEGER = 2**53
_EXACT_DIGITS = 15
_ISO_DATE_CHARACTERS = 10

Builder = Callable[[CastRequest, str], Said]


def text_of(column: SourceColumn, x: str) -> str:
    """Say the text of a value."""
    match column.kind:
        case Kind.BINARY:
            raise CannotSay("bytes have no text")
        case Kind.STRING if column.database_type.partition("(")[0] in ("text", "character varying"):
            text = x
        case Kind.STRING:
            # A cast to text is not what is printed: char(n) would lose its blanks, inet gain a prefix.
            text = f"CASE WHEN {x} IS NOT NULL THEN concat({x}) END"
        case Kind.FLOAT:
            text = f"{_double(column, x)}::text"
        case Kind.TIMESTAMP:
            text = f"regexp_replace({x}::text, ' ', 'T')"
        case Kind.TIMESTAMPTZ:
            text = f"regexp_replace(regexp_replace({x}::text, ' ', 'T'), '[+]00$', 'Z')"
        case _:
            text = f"{x}::text"
    return f'({text} COLLATE "C")'


def _double(column: SourceColumn, x: str) -> str:
    """A real is the double that its digits say, which casting it would not give."""
    return x if column.database_type == "double precision" else f"{x}::text::float8"


def cast(speech: Speech, request: CastRequest, x: str) -> Said:
    """Say the cast of a column that is no text. Raises CannotSay."""
    column, field = request.column, request.field
    if field.data_type is DataType.STRING:
        return _string(speech, request, x)
    builder = _CASTS.get((field.data_type, column.kind))
    if builder is None:
        raise CannotSay(f"the cast of {column.database_type} to field {field.name!r} is not said in SQL")
    return builder(request, x)


def _string(speech: Speech, request: CastRequest, x: str) -> Said:
    length = request.field.length
    if request.column.kind is Kind.DATE and length is not None and length >= _ISO_DATE_CHARACTERS:
        return Said(x, (_within_years(x),), "cast")
    return cast_text(speech, request, text_of(request.column, x))


def _within_years(x: str) -> str:
    """Years of four digits: no infinity, none before Christ."""
    return f"{x} BETWEEN '0001-01-01' AND '9999-12-31'"


def _within_instants(x: str) -> str:
    return f"{x} BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999'"


# -- numbers -------------------------------------------------------------------------------------


def _integer_of_decimal(request: CastRequest, x: str) -> Said:
    """NaN is greater than all numbers."""
    whole = f"round({x})" if request.lossy else f"trunc({x})"
    in_range = f"{whole} BETWEEN {_LOWEST} AND {_HIGHEST}"
    exact = () if request.lossy or request.column.scale == 0 else (f"{x} = {whole}",)
    return Said(whole, (*exact, in_range), "cast")


def _integer_of_float(request: CastRequest, x: str) -> Said:
    value = _double(request.column, x)
    if request.lossy:
        digits = f"{value}::text::numeric"
        return Said(
            f"CASE WHEN abs({value}) < 1e15 THEN round({digits}) END", (f"abs({value}) < 1e15",), "cast"
        )
    in_range = f"abs({value}) <= {_EXACT_INTEGER}"
    return Said(
        f"CASE WHEN {in_range} THEN {value}::bigint END", (in_range, f"{value} = trunc({value})"), "cast"
    )


def _integer_of_boolean(_: CastRequest, x: str) -> Said:
    return Said(f"{x}::integer", form="cast")


def _below(request: CastRequest) -> str:
    """The power of ten that a decimal field does not reach."""
    return f"1e{(request.field.precision or 0) - (request.field.scale or 0)}::numeric"


def _decimal_of_integer(request: CastRequest, x: str) -> Said:
    whole_digits = (request.field.precision or 0) - (request.field.scale or 0)
    if integer_digits(request.column) <= whole_digits:
        return Said(x, form="cast")
    if whole_digits <= 0:
        return Said(x, (f"{x} = 0",), "cast")
    largest = "9" * whole_digits
    return Said(x, (f"{x} BETWEEN -{largest} AND {largest}",), "cast")


def _decimal_of_decimal(request: CastRequest, x: str) -> Said:
    column, scale = request.column, request.field.scale or 0
    specials = request.limits.float_specials
    if column.precision is not None and column.scale is not None and 0 <= column.scale <= scale:
        fits = column.precision - column.scale <= (request.field.precision or 0) - scale
        if fits:
            return Said(x, () if specials else (f"{x} <> 'NaN'",), "cast")
    rounded = f"round({x}, {scale})"
    guards = (f"abs({rounded}) < {_below(request)}",)
    return Said(rounded, guards if request.lossy else (f"{x} = {rounded}", *guards), "cast")


def _decimal_of_float(request: CastRequest, x: str) -> Said:
    value, scale = _double(request.column, x), request.field.scale or 0
    in_range = f"abs({value}) < 1e15"
    digits = f"CASE WHEN {in_range} THEN {value}::text::numeric END"
    rounded = f"round({digits}, {scale})"
    guards = (in_range, f"abs({rounded}) < {_below(request)}")
    return Said(rounded, guards if request.lossy else (*guards, f"{digits} = {rounded}"), "cast")


def _float_of_integer(request: CastRequest, x: str) -> Said:
    if integer_digits(request.column) <= _EXACT_DIGITS:
        return Said(x, form="cast")
    return Said(x, (f"{x} BETWEEN -{_EXACT_INTEGER} AND {_EXACT_INTEGER}",), "cast")


def _float_of_decimal(request: CastRequest, x: str) -> Said:
    column, specials = request.column, request.limits.float_specials
    not_special = () if specials else (f"abs({x}) < 1e15",)
    if (column.precision or 99) <= _EXACT_DIGITS and 0 <= (column.scale or 0) <= _EXACT_DIGITS:
        return Said(x, not_special, "cast")
    return Said(x, (f"char_length({x}::text) <= {_EXACT_DIGITS}", *not_special), "cast")


def _float_of_float(request: CastRequest, x: str) -> Said:
    limits = request.limits
    guards = []
    if not limits.float_specials:
        guards.append(f"abs({x}) < 'Infinity'")
    if not limits.negative_zero:
        guards.append(f"{x}::text <> '-0'")
    return Said(x, tuple(guards), "cast")


def _boolean_of_number(_: CastRequest, x: str) -> Said:
    return Said(f"({x} = 1)", (f"{x} IN (0, 1)",), "printed")


# -- instants ------------------------------------------------------------------------------------


def _date_of_date(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    return Said(x, () if request.limits.big_dates else (_within_years(x),), "cast")


def _date_of_timestamp(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    guards = (_within_instants(x),)
    return Said(f"{x}::date", guards if request.lossy else (*guards, f"{x}::date = {x}"), "cast")


def _wall_clock(x: str) -> str:
    return f"({x} AT TIME ZONE 'UTC')"


def _date_of_timestamptz(request: CastRequest, x: str) -> Said:
    return _date_of_timestamp(request, _wall_clock(x))


def _timestamp_of_date(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    return Said(f"CASE WHEN {_within_years(x)} THEN {x}::timestamp END", (_within_years(x),), "cast")


def _timestamp_of_timestamp(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    return Said(x, () if request.limits.big_dates else (_within_instants(x),), "cast")


def _timestamp_of_timestamptz(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    return Said(_wall_clock(x), (_within_instants(_wall_clock(x)),), "cast")


def _timestamptz_of_timestamptz(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    return Said(x, () if request.limits.big_dates else (_within_instants(_wall_clock(x)),), "cast")


def _timestamptz_of_timestamp(request: CastRequest, x: str) -> Said:
    _check_zone(request)
    check_years(request.limits)
    return Said(_wall_clock(x), (_within_instants(x),), "cast")


def _timestamptz_of_date(request: CastRequest, x: str) -> Said:
    _check_zone(request)
    said = _timestamp_of_date(request, x)
    return Said(_wall_clock(said.value), said.guards, "cast")


def _check_zone(request: CastRequest) -> None:
    """The two programs' rules of one zone may differ, and PostgreSQL takes what stands twice or not at all."""
    if request.session_time_zone != "UTC":
        raise CannotSay(f"field {request.field.name!r} reads clocks of {request.session_time_zone}")


def _time_of_time(request: CastRequest, x: str) -> Said:
    return Said(x, () if request.limits.big_dates else (f"{x} < '24:00:00'",), "cast")


def _binary_of_binary(request: CastRequest, x: str) -> Said:
    limit = checked_bytes(request.limits.max_binary_bytes)
    return Said(x, () if limit is None else (f"octet_length({x}) <= {limit}",), "printed")


_CASTS: dict[tuple[DataType, Kind], Builder] = {
    (DataType.INTEGER, Kind.DECIMAL): _integer_of_decimal,
    (DataType.INTEGER, Kind.FLOAT): _integer_of_float,
    (DataType.INTEGER, Kind.BOOLEAN): _integer_of_boolean,
    (DataType.DECIMAL, Kind.INTEGER): _decimal_of_integer,
    (DataType.DECIMAL, Kind.DECIMAL): _decimal_of_decimal,
    (DataType.DECIMAL, Kind.FLOAT): _decimal_of_float,
    (DataType.FLOAT, Kind.INTEGER): _float_of_integer,
    (DataType.FLOAT, Kind.DECIMAL): _float_of_decimal,
    (DataType.FLOAT, Kind.FLOAT): _float_of_float,
    (DataType.BOOLEAN, Kind.INTEGER): _boolean_of_number,
    (DataType.BOOLEAN, Kind.DECIMAL): _boolean_of_number,
    (DataType.BOOLEAN, Kind.FLOAT): _boolean_of_number,
    (DataType.DATE, Kind.DATE): _date_of_date,
    (DataType.DATE, Kind.TIMESTAMP): _date_of_timestamp,
    (DataType.DATE, Kind.TIMESTAMPTZ): _date_of_timestamptz,
    (DataType.TIMESTAMP, Kind.DATE): _timestamp_of_date,
    (DataType.TIMESTAMP, Kind.TIMESTAMP): _timestamp_of_timestamp,
    (DataType.TIMESTAMP, Kind.TIMESTAMPTZ): _timestamp_of_timestamptz,
    (DataType.TIMESTAMPTZ, Kind.DATE): _timestamptz_of_date,
    (DataType.TIMESTAMPTZ, Kind.TIMESTAMP): _timestamptz_of_timestamp,
    (DataType.TIMESTAMPTZ, Kind.TIMESTAMPTZ): _timestamptz_of_timestamptz,
    (DataType.TIME, Kind.TIME): _time_of_time,
    (DataType.BINARY, Kind.BINARY): _binary_of_binary,
}
