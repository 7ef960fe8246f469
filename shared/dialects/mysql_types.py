"""MySQL's types: what a query's columns are, what a schema's fields become."""

import re
from collections.abc import Sequence
from typing import Any

from pymysql.constants import FIELD_TYPE, FLAG

from shared.dialects.base import TargetColumn
from shared.errors import InvalidQuery, UnsupportedCapability
from shared.types import DataType, Kind, SourceColumn, TargetField

_BINARY_CHARSET = 63
_BYTES_PER_CHARACTER = 4  # lengths are in bytes of the session's utf8mb4
KEY_LENGTH = 255
LONGEST_VARCHAR = 16383
_UNBOUNDED_DECIMALS = 31

# number: (kind, name). BIT comes as its digits, YEAR as an integer; GEOMETRY and VECTOR are refused.
_TYPES: dict[int, tuple[Kind, str]] = {
    FIELD_TYPE.DECIMAL: (Kind.DECIMAL, "decimal"),
    FIELD_TYPE.NEWDECIMAL: (Kind.DECIMAL, "decimal"),
    FIELD_TYPE.TINY: (Kind.INTEGER, "tinyint"),
    FIELD_TYPE.SHORT: (Kind.INTEGER, "smallint"),
    FIELD_TYPE.INT24: (Kind.INTEGER, "mediumint"),
    FIELD_TYPE.LONG: (Kind.INTEGER, "int"),
    FIELD_TYPE.LONGLONG: (Kind.INTEGER, "bigint"),
    FIELD_TYPE.YEAR: (Kind.INTEGER, "year"),
    FIELD_TYPE.FLOAT: (Kind.FLOAT, "float"),
    FIELD_TYPE.DOUBLE: (Kind.FLOAT, "double"),
    FIELD_TYPE.NULL: (Kind.STRING, "null"),
    FIELD_TYPE.TIMESTAMP: (Kind.TIMESTAMPTZ, "timestamp"),
    FIELD_TYPE.DATETIME: (Kind.TIMESTAMP, "datetime"),
    FIELD_TYPE.DATE: (Kind.DATE, "date"),
    FIELD_TYPE.NEWDATE: (Kind.DATE, "date"),
    FIELD_TYPE.TIME: (Kind.TIME, "time"),
    FIELD_TYPE.BIT: (Kind.STRING, "bit"),
    FIELD_TYPE.JSON: (Kind.JSON, "json"),
    FIELD_TYPE.ENUM: (Kind.STRING, "enum"),
    FIELD_TYPE.SET: (Kind.STRING, "set"),
}
_REFUSED = {FIELD_TYPE.GEOMETRY: "geometry", 242: "vector"}
_TEXTS = {
    FIELD_TYPE.VARCHAR: ("varchar", "varbinary"),
    FIELD_TYPE.VAR_STRING: ("varchar", "varbinary"),
    FIELD_TYPE.STRING: ("char", "binary"),
    FIELD_TYPE.TINY_BLOB: ("tinytext", "tinyblob"),
    FIELD_TYPE.BLOB: ("text", "blob"),
    FIELD_TYPE.MEDIUM_BLOB: ("mediumtext", "mediumblob"),
    FIELD_TYPE.LONG_BLOB: ("longtext", "longblob"),
}
_BOUNDED_TEXTS = frozenset((FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING))

_COLUMN_TYPES = {
    DataType.INTEGER: "BIGINT",
    DataType.FLOAT: "DOUBLE",
    DataType.BOOLEAN: "BOOLEAN",
    DataType.DATE: "DATE",
    DataType.TIMESTAMP: "DATETIME(6)",
    DataType.TIMESTAMPTZ: "DATETIME(6)",
    DataType.TIME: "TIME(6)",
    DataType.BINARY: "LONGBLOB",
    DataType.JSON: "JSON",
    DataType.UUID: "CHAR(36)",
}


def source_column(field: Any) -> SourceColumn:
    """Turn a result's column description into a source column. Raises InvalidQuery for a type refused by name."""
    if field.type_code in _TEXTS:
        return _text_column(field)
    if field.type_code not in _TYPES:
        name = _REFUSED.get(field.type_code, f"type {field.type_code}")
        raise InvalidQuery(
            f"column {field.name!r} is of type {name}, which is not taken; select a text of it (ST_AsText, ...)",
            code="type_refused",
            column=field.name,
        )
    kind, name = _TYPES[field.type_code]
    unsigned = bool(field.flags & FLAG.UNSIGNED)
    if kind is Kind.DECIMAL:
        return _decimal_column(field, unsigned=unsigned)
    if field.type_code == FIELD_TYPE.BIT:
        return SourceColumn(field.name, kind, f"bit({field.length})", length=field.length)
    return SourceColumn(field.name, kind, name + _suffix(field), unsigned=unsigned)


def _suffix(field: Any) -> str:
    """Name what changes how a number prints."""
    kind = _TYPES[field.type_code][0]
    if kind is Kind.FLOAT:
        return f"({field.length},{field.scale})" if field.scale < _UNBOUNDED_DECIMALS else ""
    if kind is not Kind.INTEGER or field.type_code == FIELD_TYPE.YEAR:
        return ""
    if field.flags & FLAG.ZEROFILL:
        return " unsigned zerofill"
    return " unsigned" if field.flags & FLAG.UNSIGNED else ""


def _decimal_column(field: Any, *, unsigned: bool) -> SourceColumn:
    # The length counts the digits, the point when there is one, and the sign when there may be one.
    precision = field.length - (1 if field.scale else 0) - (0 if unsigned else 1)
    zerofill = " unsigned zerofill" if field.flags & FLAG.ZEROFILL else " unsigned" if unsigned else ""
    name = f"decimal({precision},{field.scale}){zerofill}"
    return SourceColumn(field.name, Kind.DECIMAL, name, precision, field.scale, unsigned=unsigned)


def _text_column(field: Any) -> SourceColumn:
    text, binary = _TEXTS[field.type_code]
    if field.flags & FLAG.ENUM or field.flags & FLAG.SET:
        return SourceColumn(field.name, Kind.STRING, "enum" if field.flags & FLAG.ENUM else "set")
    bounded = field.type_code in _BOUNDED_TEXTS
    if field.charsetnr == _BINARY_CHARSET:
        length = field.length if bounded else None
        return SourceColumn(
            field.name, Kind.BINARY, f"{binary}({length})" if bounded else binary, length=length
        )
    length = field.length // _BYTES_PER_CHARACTER if bounded else None
    return SourceColumn(field.name, Kind.STRING, f"{text}({length})" if bounded else text, length=length)


def wire_expression(column: SourceColumn, name: str) -> str:
    """Return the SQL that prints a column as wire text; BLOBs become hexadecimal in the reader.

    FLOAT would print six digits, DOUBLE(M,D) its decimals, ZEROFILL its zeros: arithmetic drops them. The
    factor keeps the sign of -0.0, which adding would lose.
    """
    if column.kind is Kind.FLOAT:
        return f"{name} * 1e0" if column.database_type != "double" else name
    if column.kind is Kind.TIMESTAMPTZ:
        return f"CONCAT({name}, '+00')"
    if column.database_type.startswith("bit("):
        return f"LPAD(BIN({name} + 0), {column.length}, '0')"
    if column.database_type == "year" or column.database_type.endswith("zerofill"):
        return f"{name} + 0"
    return name


def beyond_type(column: SourceColumn, name: str) -> str:
    """Return the condition that a value is no date, or no time of day: zeros in a date, a TIME beyond 24 hours."""
    if column.kind is Kind.TIME:
        return f"{name} < TIME'00:00:00' OR {name} >= TIME'24:00:00'"
    return f"YEAR({name}) = 0 OR MONTH({name}) = 0 OR DAYOFMONTH({name}) = 0"


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?\Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")


def cursor_literal(kind: Kind, text: str) -> str:
    """Return the literal of a cursor's wire text. Raises UnsupportedCapability for another kind or form."""
    if kind is Kind.FLOAT:
        return f"{float(text)!r}" if "e" in repr(float(text)) else f"{float(text)!r}e0"
    if kind in (Kind.INTEGER, Kind.DECIMAL) and _NUMBER.match(text):
        return text
    if kind is Kind.DATE and _DATE.match(text):
        return f"DATE'{text}'"
    instant = text.removesuffix("+00") if kind is Kind.TIMESTAMPTZ else text
    if kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ) and _INSTANT.match(instant):
        return f"TIMESTAMP'{instant}'"
    raise UnsupportedCapability(f"a column of kind {kind} with this form cannot be a cursor")


def column_type(field: TargetField, collation: str, *, in_key: bool) -> str:
    """Return the column type of DESIGN.md §9; keys compare byte by byte."""
    exact = f" CHARACTER SET utf8mb4 COLLATE {collation}" if in_key else ""
    if field.data_type is DataType.STRING:
        return _string_type(field.length, in_key=in_key) + exact
    if field.data_type is DataType.DECIMAL:
        return f"DECIMAL({field.precision or 65},{field.scale if field.scale is not None else 30})"
    if in_key and field.data_type is DataType.JSON:
        raise UnsupportedCapability(
            f"column {field.name!r}: a JSON column cannot be a key", column=field.name
        )
    if in_key and field.data_type is DataType.BINARY:
        return f"VARBINARY({KEY_LENGTH})"
    return _COLUMN_TYPES[field.data_type] + (exact if field.data_type is DataType.UUID else "")


def _string_type(length: int | None, *, in_key: bool) -> str:
    if length is None:
        return f"VARCHAR({KEY_LENGTH})" if in_key else "LONGTEXT"
    return f"VARCHAR({length})" if length <= LONGEST_VARCHAR else "LONGTEXT"


# The column types that hold a schema type's values unchanged.
_HOLDING = {
    "bigint": DataType.INTEGER,
    "bigint(20)": DataType.INTEGER,
    "double": DataType.FLOAT,
    "tinyint(1)": DataType.BOOLEAN,
    "date": DataType.DATE,
    "datetime(6)": DataType.TIMESTAMP,
    "time(6)": DataType.TIME,
    "longblob": DataType.BINARY,
    "json": DataType.JSON,
    "uuid": DataType.UUID,
}
_TEXT_LENGTHS = {"longtext": None, "mediumtext": 4_194_303, "text": 16_383, "tinytext": 63}
_SIZED = re.compile(r"(varchar|decimal|varbinary)\((\d+)(?:,(\d+))?\)\Z")


def target_field(name: str, column_type: str, character_set: str | None) -> TargetField | None:
    """Return the schema field whose values a column holds unchanged, or None."""
    if not 0 < len(name) <= 63 or (character_set not in (None, "utf8mb4") and column_type != "char(36)"):
        return None
    if column_type in _TEXT_LENGTHS:
        return TargetField(name=name, data_type=DataType.STRING, length=_TEXT_LENGTHS[column_type])
    if column_type == "char(36)":
        return TargetField(name=name, data_type=DataType.UUID)
    if sized := _SIZED.match(column_type):
        return _sized_field(name, sized)
    data_type = _HOLDING.get(column_type)
    return TargetField(name=name, data_type=data_type) if data_type else None


def _sized_field(name: str, sized: re.Match[str]) -> TargetField:
    size = int(sized.group(2))
    if sized.group(1) == "varchar":
        return TargetField(name=name, data_type=DataType.STRING, length=size)
    if sized.group(1) == "varbinary":
        return TargetField(name=name, data_type=DataType.BINARY, length=size)
    return TargetField(name=name, data_type=DataType.DECIMAL, precision=size, scale=int(sized.group(3) or 0))


def column_holds(column: TargetColumn, field: TargetField, *, in_key: bool) -> bool:
    """Tell whether a column takes every value of the field as it is: same family, same or wider size."""
    held = column.field
    if held is None:
        return False
    if field.data_type is DataType.TIMESTAMPTZ:
        return held.data_type is DataType.TIMESTAMP
    if field.data_type is DataType.JSON:
        return column.database_type in ("json", "longtext")
    if held.data_type is not field.data_type:
        return False
    if field.data_type is DataType.DECIMAL:
        return _decimal_holds(held, field)
    limit = KEY_LENGTH if in_key and field.length is None else field.length
    return held.length is None or (limit is not None and limit <= held.length)


def _decimal_holds(held: TargetField, field: TargetField) -> bool:
    precision, scale = field.precision or 65, field.scale if field.scale is not None else 30
    held_precision, held_scale = held.precision or 0, held.scale or 0
    return held_scale >= scale and held_precision - held_scale >= precision - scale


def data_type_name(data_type: str) -> str:
    """Return the kind of an information_schema type, for lists."""
    for kind, names in _LISTED.items():
        if data_type in names:
            return kind.value
    return Kind.STRING.value


_LISTED: dict[Kind, Sequence[str]] = {
    Kind.INTEGER: ("tinyint", "smallint", "mediumint", "int", "bigint", "year"),
    Kind.DECIMAL: ("decimal",),
    Kind.FLOAT: ("float", "double"),
    Kind.DATE: ("date",),
    Kind.TIMESTAMP: ("datetime",),
    Kind.TIMESTAMPTZ: ("timestamp",),
    Kind.TIME: ("time",),
    Kind.BINARY: ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
    Kind.JSON: ("json",),
}
