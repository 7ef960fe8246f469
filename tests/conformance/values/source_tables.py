"""Source tables filled, and target tables read, by the databases' own drivers: the engine has no part in it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from local_servers import Database
from local_servers.access import Flavour
from shared.types import DataType, TargetField
from tests.conformance.values.families import Family, Value

SOURCE = "source_values"


@dataclass(frozen=True)
class Placed:
    """A value in its row of the source, which holds NULL in every other column."""

    number: int
    family: Family
    value: Value


def placed_values(families: Sequence[Family], source: Flavour) -> list[Placed]:
    """Give every value that the source holds a row of its own, counted from 1."""
    pairs = [(one, value) for one in families if source in one.types for value in one.values_of(source)]
    return [Placed(number, one, value) for number, (one, value) in enumerate(pairs, start=1)]


def fill(source: Database, families: Sequence[Family], table: str = SOURCE) -> list[Placed]:
    """Make a table with a column for each family and a row for each value."""
    here = [one for one in families if source.flavour in one.types]
    placed = placed_values(here, source.flavour)
    columns = ", ".join(f"{one.field.name} {one.types[source.flavour]}" for one in here)
    with source.cursor() as cursor:
        _as_it_is(source, cursor)
        for one in here:
            if statement := one.setup.get(source.flavour):
                cursor.execute(statement)
        cursor.execute(f"CREATE TABLE {table} (number INTEGER, {columns})")
        cursor.execute("BEGIN")
        for row in placed:
            name, type_name = row.family.field.name, row.family.types[source.flavour]
            sql, parameter = _written(source.flavour, type_name, row.value)
            cursor.execute(f"INSERT INTO {table} (number, {name}) VALUES ({row.number}, {sql})", parameter)
        cursor.execute("COMMIT")
    return placed


def fill_columns(
    source: Database,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, str | None]],
    table: str = SOURCE,
) -> None:
    """Make the table with these columns, and rows that hold texts in some of them, numbered from 1."""
    declared = ", ".join(f"{name} {type_name}" for name, type_name in columns.items())
    with source.cursor() as cursor:
        _as_it_is(source, cursor)
        cursor.execute(f"CREATE TABLE {table} (number INTEGER, {declared})")
        cursor.execute("BEGIN")
        for number, row in enumerate(rows, start=1):
            texts = {name: text for name, text in row.items() if text is not None}
            written = [_written(source.flavour, columns[name], Value(text)) for name, text in texts.items()]
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(['number', *texts])})"
                f" VALUES ({', '.join([str(number), *(sql for sql, _ in written)])})",
                tuple(parameter for _, parameters in written for parameter in parameters),
            )
        cursor.execute("COMMIT")


def _as_it_is(database: Database, cursor: Any) -> None:
    """UTC; and let MySQL keep what its strict mode would refuse."""
    if database.db_type == "mysql":
        cursor.execute("SET SESSION sql_mode = '', time_zone = '+00:00'")
    if database.flavour == "postgresql":
        cursor.execute("SET TIME ZONE 'UTC'")


def _written(flavour: Flavour, type_name: str, value: Value) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL of a value, and its parameter when it has one."""
    if value.sql is not None:
        return value.sql, ()
    if type_name.startswith("BIT"):
        return f"b'{value.text}'", ()
    if flavour == "postgresql":
        return f"%s::{type_name}", (_POSTGRESQL.get(type_name, str)(value.text),)
    return ("?" if flavour == "sqlite" else "%s"), (_converter(type_name)(value.text),)


_POSTGRESQL: dict[str, Callable[[str], Any]] = {"bytea": bytes.fromhex}


def _converter(type_name: str) -> Callable[[str], Any]:
    if "BLOB" in type_name or "BINARY" in type_name:
        return bytes.fromhex
    if type_name == "REAL":
        return float
    if type_name in ("INTEGER", "YEAR") or "INT" in type_name:
        return lambda text: {"t": 1, "f": 0}[text] if text in ("t", "f") else int(text)
    return str


# -- reading -------------------------------------------------------------------------------------------


def read(
    target: Database, table: str, fields: Sequence[TargetField], number: str = "number"
) -> dict[int, dict[str, str]]:
    """Return what is not NULL in each row of a target table, by its number, as canonical text."""
    selected = ", ".join(_expression(target.flavour, one) for one in fields)
    with target.cursor() as cursor:
        _as_it_is(target, cursor)
        cursor.execute(f"SELECT {number}, {selected} FROM {table}")
        rows = [tuple(row) for row in cursor.fetchall()]
    found = {int(row[0]): dict(_texts(fields, row[1:])) for row in rows}
    assert len(found) == len(rows), "a row number stands twice"
    return found


def _expression(flavour: Flavour, one: TargetField) -> str:
    if flavour == "sqlite":
        return one.name
    if flavour == "postgresql":
        return f"encode({one.name}, 'hex')" if one.data_type is DataType.BINARY else f"{one.name}::text"
    if one.data_type in (DataType.BINARY, DataType.FLOAT, DataType.BOOLEAN):
        return one.name
    return f"CAST({one.name} AS CHAR)"


def _texts(fields: Sequence[TargetField], values: Sequence[Any]) -> Iterator[tuple[str, str]]:
    for one, value in zip(fields, values, strict=True):
        if value is not None:
            text = value.hex() if isinstance(value, bytes) else str(value)
            yield one.name, canonical(one.data_type, text)


def canonical(data_type: DataType, text: str) -> str:
    """Return a database's text of a value in the form of the type matrix."""
    match data_type:
        case DataType.BOOLEAN:
            return {"true": "t", "false": "f", "1": "t", "0": "f"}.get(text, text)
        case DataType.FLOAT:
            return repr(float(text))
        case DataType.TIMESTAMP | DataType.TIMESTAMPTZ:
            plain = text.replace("T", " ").removesuffix("Z").replace("+00", "")
            return _without_zeros(plain)
        case DataType.TIME:
            return _without_zeros(text)
        case DataType.JSON:
            return _json_text(json.loads(text, parse_float=Decimal, parse_int=Decimal))
        case _:
            return text


def _without_zeros(text: str) -> str:
    clock, mark, era = text.partition(" BC")
    return (clock.rstrip("0").rstrip(".") if "." in clock else clock) + mark + era


def _json_text(value: Any) -> str:
    """Write JSON in one form: sorted keys, numbers without an exponent and without zeros at their end."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_json_text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_json_text(one) for one in value) + "]"
    if isinstance(value, Decimal):
        digits = f"{value:f}"
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    return json.dumps(value)


# -- expecting -----------------------------------------------------------------------------------------


def expected_rows(rows: Sequence[Placed], target: Flavour) -> dict[int, dict[str, str]]:
    """Return what `read` must give."""
    return {
        row.number: {row.family.name: canonical(row.family.field.data_type, row.value.canonical)}
        for row in rows
        if target in row.value.targets
    }


def expected_codes(rows: Sequence[Placed], target: Flavour) -> dict[int, dict[str, str]]:
    """Return by row number which field must have been wrong, and why."""
    return {row.number: {row.family.name: row.value.code} for row in rows if target not in row.value.targets}
