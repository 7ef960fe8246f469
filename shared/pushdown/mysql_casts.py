"""Columns of MySQL and MariaDB that are no texts, into the types of target fields, and the text of every column."""

from collections.abc import Callable

from shared.column_mappings.cast_tables import CastRequest
from shared.column_mappings.texts import integer_digits
from shared.dialects.mysql_types import wire_expression
from shared.pushdown.speech import CannotSay, Said, Speech
from shared.pushdown.text_casts import cast_text, check_years
from shared.types import DataType, Kind, SourceColumn

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_EXACT_INTEGER = 2**53
_EXACT_DIGITS = 15

Builder = Callable[[CastRequest, str], Said]


def literal(text: str) -> str:
    """Quote a text (a backslash is an escape in every session of ours)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def text_of(column: SourceColumn, x: str) -> str:
    """Say the text of a value."""
    printed = f"CAST({wire_expression(column, x)} AS CHAR)"
    match column.kind:
        case Kind.BINARY:
            raise CannotSay("bytes have no text")
        case Kind.FLOAT:
            raise CannotSay(
                f"the text of {column.name!r}: {column.database_type} prints numbers in its own way"
            )
        case Kind.STRING:
            text = wire_expression(column, x)
        case Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            text = f"REPLACE({_without_zeros(f'CAST({x} AS CHAR)')}, ' ', 'T')"
            text = f"CONCAT({text}, 'Z')" if column.kind is Kind.TIMESTAMPTZ else text
        case Kind.TIME:
            text = _without_zeros(printed)
        case _:
            text = printed
    return f"(CONVERT({text} USING utf8mb4) COLLATE utf8mb4_bin)"


def _without_zeros(clock: str) -> str:
    """Take the zeros off the end of a fraction, and a point with nothing behind it."""
    trimmed = f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {clock}))"
    return f"IF(LOCATE('.', {clock}) > 0, {trimmed}, {clock})"


def cast(speech: Speech, request: CastRequest, x: str) -> Said:
    """Say the cast of a column that is no text. Raises CannotSay."""
    column, field = request.column, request.field
    if field.data_type is DataType.STRING:
        return cast_text(speech, request, text_of(column, x))
    builder = _CASTS.get((field.data_type, column.kind))
    if builder is None:
        raise CannotSay(f"the cast of {column.database_type} to field {field.name!r} is not said in SQL")
    return builder(request, x)


# -- numbers -------------------------------------------------------------------------------------


def _wire(request: CastRequest, x: str) -> str:
    return wire_expression(request.column, x)


def _integer_of_integer(request: CastRequest, x: str) -> Said:
    return Said(_wire(request, x), (f"{x} <= {_HIGHEST}",), "cast")


def _integer_of_decimal(request: CastRequest, x: str) -> Said:
    whole = f"ROUND({x}, 0)" if request.lossy else f"TRUNCATE({x}, 0)"
    in_range = f"{whole} BETWEEN {_LOWEST} AND {_HIGHEST}"
    return Said(whole, (in_range,) if request.lossy else (f"{x} = {whole}", in_range), "cast")


def _whole_digits(request: CastRequest) -> int:
    return (request.field.precision or 0) - (request.field.scale or 0)


def _decimal_of_integer(request: CastRequest, x: str) -> Said:
    digits = _whole_digits(request)
    if integer_digits(request.column) <= digits:
        return Said(_wire(request, x), form="cast")
    largest = "9" * digits or "0"
    return Said(_wire(request, x), (f"{x} BETWEEN -{largest} AND {largest}",), "cast")


def _decimal_of_decimal(request: CastRequest, x: str) -> Said:
    column, scale, digits = request.column, request.field.scale or 0, _whole_digits(request)
    own_scale = column.scale or 0
    if own_scale <= scale and (column.precision or 0) - own_scale <= digits:
        return Said(_wire(request, x), form="cast")
    rounded = f"ROUND({x}, {scale})"
    guards = (f"ABS({rounded}) < 1{'0' * digits}",)
    return Said(rounded, guards if request.lossy else (f"{x} = {rounded}", *guards), "cast")


def _float_of_integer(request: CastRequest, x: str) -> Said:
    if integer_digits(request.column) <= _EXACT_DIGITS:
        return Said(_wire(request, x), form="cast")
    return Said(_wire(request, x), (f"{x} BETWEEN -{_EXACT_INTEGER} AND {_EXACT_INTEGER}",), "cast")


def _float_of_decimal(request: CastRequest, x: str) -> Said:
    if (request.column.precision or 99) <= _EXACT_DIGITS:
        return Said(_wire(request, x), form="cast")
    wire = _wire(request, x)
    return Said(wire, (f"CHAR_LENGTH(CAST({wire} AS CHAR)) <= {_EXACT_DIGITS}",), "cast")


def _float_of_float(request: CastRequest, x: str) -> Said:
    wire = _wire(request, x)
    if request.limits.negative_zero:
        return Said(wire, form="float")
    return Said(wire, (f"CAST({wire} AS CHAR) NOT IN ('-0', '-0.0')",), "float")


def _boolean_of_number(_: CastRequest, x: str) -> Said:
    return Said(f"CASE WHEN {x} = 1 THEN 't' WHEN {x} = 0 THEN 'f' END", (f"{x} IN (0, 1)",))


# -- instants ------------------------------------------------------------------------------------


def _exists(x: str) -> tuple[str, ...]:
    """No zeros, no days that the calendar lacks: MySQL keeps both. LAST_DAY is NULL where the month is none."""
    return (
        f"YEAR({x}) >= 1",
        f"DAYOFMONTH({x}) BETWEEN 1 AND COALESCE(DAYOFMONTH(LAST_DAY({x})), 0)",
    )


def _instant(request: CastRequest, x: str) -> Said:
    """A date, or an instant, that stays what it is."""
    check_years(request.limits)
    return Said(_wire(request, x), _exists(x), "text" if request.column.kind is Kind.TIMESTAMPTZ else "cast")


def _date_of_timestamp(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    midnight = f"COALESCE(CAST(CAST({x} AS DATE) AS DATETIME(6)) = {x}, {x} IS NULL)"
    guards = _exists(x) if request.lossy else (*_exists(x), midnight)
    return Said(f"CAST({x} AS DATE)", guards, "cast")


def _timestamp_of_date(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    return Said(f"CONCAT({x}, ' 00:00:00')", _exists(x))


def _timestamp_of_timestamptz(request: CastRequest, x: str) -> Said:
    check_years(request.limits)
    return Said(x, _exists(x), "cast")


def _timestamptz_of_timestamp(request: CastRequest, x: str) -> Said:
    if request.session_time_zone != "UTC":
        raise CannotSay(f"field {request.field.name!r} reads clocks of {request.session_time_zone}")
    check_years(request.limits)
    clock = " 00:00:00+00" if request.column.kind is Kind.DATE else "+00"
    return Said(f"CONCAT({x}, '{clock}')", _exists(x))


def _time_of_time(_: CastRequest, x: str) -> Said:
    return Said(x, (f"{x} >= TIME'00:00:00'", f"{x} < TIME'24:00:00'"), "cast")


_CASTS: dict[tuple[DataType, Kind], Builder] = {
    (DataType.INTEGER, Kind.INTEGER): _integer_of_integer,
    (DataType.INTEGER, Kind.DECIMAL): _integer_of_decimal,
    (DataType.DECIMAL, Kind.INTEGER): _decimal_of_integer,
    (DataType.DECIMAL, Kind.DECIMAL): _decimal_of_decimal,
    (DataType.FLOAT, Kind.INTEGER): _float_of_integer,
    (DataType.FLOAT, Kind.DECIMAL): _float_of_decimal,
    (DataType.FLOAT, Kind.FLOAT): _float_of_float,
    (DataType.BOOLEAN, Kind.INTEGER): _boolean_of_number,
    (DataType.BOOLEAN, Kind.DECIMAL): _boolean_of_number,
    (DataType.DATE, Kind.DATE): _instant,
    (DataType.DATE, Kind.TIMESTAMP): _date_of_timestamp,
    (DataType.DATE, Kind.TIMESTAMPTZ): _date_of_timestamp,
    (DataType.TIMESTAMP, Kind.DATE): _timestamp_of_date,
    (DataType.TIMESTAMP, Kind.TIMESTAMP): _instant,
    (DataType.TIMESTAMP, Kind.TIMESTAMPTZ): _timestamp_of_timestamptz,
    (DataType.TIMESTAMPTZ, Kind.DATE): _timestamptz_of_timestamp,
    (DataType.TIMESTAMPTZ, Kind.TIMESTAMP): _timestamptz_of_timestamp,
    (DataType.TIMESTAMPTZ, Kind.TIMESTAMPTZ): _instant,
    (DataType.TIME, Kind.TIME): _time_of_time,
}
