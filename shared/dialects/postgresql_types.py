"""PostgreSQL's types: what a query's columns are, what a schema's fields become."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.dialects.base import TargetColumn
from shared.errors import InvalidQuery
from shared.types import DataType, Kind, SourceColumn, TargetField

NUMERIC, VARCHAR, BPCHAR = 1700, 1043, 1042

# Everything else arrives as its text: money, intervals, arrays, enums, ranges, network and bit types, xml, timetz.
KINDS = {
    16: Kind.BOOLEAN,
    17: Kind.BINARY,
    20: Kind.INTEGER,
    21: Kind.INTEGER,
    23: Kind.INTEGER,
    26: Kind.INTEGER,  # oid
    114: Kind.JSON,
    3802: Kind.JSON,
    700: Kind.FLOAT,
    701: Kind.FLOAT,
    1082: Kind.DATE,
    1083: Kind.TIME,
    1114: Kind.TIMESTAMP,
    1184: Kind.TIMESTAMPTZ,
    NUMERIC: Kind.DECIMAL,
    2950: Kind.UUID,
}

_COLUMN_TYPES = {
    DataType.STRING: "text",
    DataType.INTEGER: "bigint",
    DataType.FLOAT: "double precision",
    DataType.BOOLEAN: "boolean",
    DataType.DATE: "date",
    DataType.TIMESTAMP: "timestamp",
    DataType.TIMESTAMPTZ: "timestamptz",
    DataType.TIME: "time",
    DataType.BINARY: "bytea",
    DataType.JSON: "jsonb",
    DataType.UUID: "uuid",
}

# The types that hold every value of a schema type unchanged, by OID. int4 and float4 are not among them.
_FIELD_TYPES = {
    25: DataType.STRING,
    VARCHAR: DataType.STRING,
    20: DataType.INTEGER,
    701: DataType.FLOAT,
    16: DataType.BOOLEAN,
    1082: DataType.DATE,
    1083: DataType.TIME,
    1114: DataType.TIMESTAMP,
    1184: DataType.TIMESTAMPTZ,
    17: DataType.BINARY,
    114: DataType.JSON,
    3802: DataType.JSON,
    2950: DataType.UUID,
    NUMERIC: DataType.DECIMAL,
}
_SUBSECOND = frozenset((1083, 1114, 1184))


@dataclass(frozen=True)
class TypeFacts:
    """One row of pg_type."""

    name: str
    category: str  # pg_type.typtype


def column_type(field: TargetField) -> str:
    """Return the column type of DESIGN.md §9."""
    if field.data_type is DataType.DECIMAL:
        return f"numeric({field.precision},{field.scale})" if field.precision is not None else "numeric"
    if field.data_type is DataType.STRING and field.length is not None:
        return f"varchar({field.length})"
    return _COLUMN_TYPES[field.data_type]


def source_columns(description: Sequence[Any], facts: dict[int, TypeFacts]) -> tuple[SourceColumn, ...]:
    """Turn a cursor's description into source columns. Raises InvalidQuery for a type without a plain text."""
    return tuple(_source_column(column, facts) for column in description)


def _source_column(column: Any, facts: dict[int, TypeFacts]) -> SourceColumn:
    oid: int = column.type_code
    fact = facts.get(oid, TypeFacts(f"type {oid}", "p"))
    if fact.category in ("c", "p"):
        raise InvalidQuery(
            f"column {column.name!r} is of type {fact.name}, which is not taken; select its parts or cast it to text",
            code="type_refused",
            column=column.name,
        )
    precision, scale = _numeric_size(column) if oid == NUMERIC else (None, None)
    length = _length(column) if oid in (VARCHAR, BPCHAR) else None
    size = f"({precision},{scale})" if precision is not None else f"({length})" if length is not None else ""
    return SourceColumn(column.name, KINDS.get(oid, Kind.STRING), fact.name + size, precision, scale, length)


def _numeric_size(column: Any) -> tuple[int | None, int | None]:
    # psycopg2 shows an unbounded numeric as 65535, and a negative scale as its eleven bits.
    precision, scale = column.precision, column.scale
    if precision is None or scale is None or precision > 1000:
        return None, None
    return precision, ((scale & 0x7FF) ^ 1024) - 1024


def _length(column: Any) -> int | None:
    size = column.internal_size
    return size if size is not None and size > 0 else None


def target_field(name: str, oid: int, modifier: int) -> TargetField | None:
    """Return the schema field whose values a column holds unchanged, or None."""
    data_type = _FIELD_TYPES.get(oid)
    if data_type is None or (oid in _SUBSECOND and modifier not in (-1, 6)) or not 0 < len(name) <= 63:
        return None
    if oid == NUMERIC and modifier >= 4:
        size = modifier - 4
        scale = ((size & 0x7FF) ^ 1024) - 1024
        return TargetField(name=name, data_type=data_type, precision=(size >> 16) & 0xFFFF, scale=scale)
    length = modifier - 4 if oid == VARCHAR and modifier >= 4 else None
    return TargetField(name=name, data_type=data_type, length=length)


def column_holds(column: TargetColumn, field: TargetField) -> bool:
    """Tell whether a column takes every value of the field as it is: same family, same or wider size."""
    held = column.field
    if held is None or held.data_type is not field.data_type:
        return False
    if field.data_type is DataType.DECIMAL:
        return _decimal_holds(held, field)
    return held.length is None or (field.length is not None and field.length <= held.length)


def _decimal_holds(held: TargetField, field: TargetField) -> bool:
    if held.precision is None:
        return True
    if field.precision is None:
        return False
    scale, held_scale = field.scale or 0, held.scale or 0
    return held_scale >= scale and held.precision - held_scale >= field.precision - scale
