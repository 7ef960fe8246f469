"""Every value of every family arrives as it was, on every pair of source and target."""

import json
from typing import Any

from executor.pipeline import execute_run
from local_servers import Database
from shared.documents.mapping import WriteMode
from tests import factories
from tests.conformance.values.families import FAMILIES, Family
from tests.factories import field
from tests.recording_context import RecordingContext

NUMBER = field("number", "integer", nullable=False)


def test_every_value_arrives_as_it_was(database_pair: tuple[Database, Database]) -> None:
    source, target = database_pair
    for index, family in enumerate(FAMILIES):
        if source.flavour in family.source_types:
            _fill(source, family)
            for mode in (WriteMode.REPLACE, WriteMode.APPEND):
                table = f"target_{index}_{mode.value}"
                _run(source, target, family, table, mode)
                assert _read(target, family, table) == list(family.values), family.name


def _run(source: Database, target: Database, family: Family, table: str, mode: WriteMode) -> None:
    version = factories.mapping_version(
        "SELECT number, value FROM source_values", (NUMBER, family.field), table=table, write_mode=mode
    )
    context = RecordingContext(
        factories.run(version),
        version,
        factories.connection_settings(source),
        factories.connection_settings(target),
    )
    progress = execute_run(context).progress
    assert progress.rows_written == len(family.values)


def _fill(source: Database, family: Family) -> None:
    mark = {"sqlite": "?", "postgresql": f"%s::{family.source_types['postgresql']}"}.get(source.flavour, "%s")
    with source.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS source_values")
        cursor.execute(
            f"CREATE TABLE source_values (number INTEGER, value {family.source_types[source.flavour]})"
        )
        if source.db_type == "mysql":
            cursor.execute("SET time_zone = '+00:00'")
        if source.flavour == "postgresql":
            cursor.execute("SET TIME ZONE 'UTC'")
        for number, text in enumerate(family.values):
            value = None if text is None else _parameter(source, family, text)
            cursor.execute(
                f"INSERT INTO source_values VALUES ({number}, {mark if value is not None else 'NULL'})",
                (value,) if value is not None else (),
            )


def _parameter(source: Database, family: Family, text: str) -> Any:
    data_type = family.source_types[source.flavour]
    if data_type in ("bytea", "LONGBLOB", "BLOB"):
        return bytes.fromhex(text)
    if data_type == "REAL":
        return float(text)
    if data_type == "INTEGER" or data_type == "TINYINT(1)":
        return {"t": 1, "f": 0}.get(text) if text in "tf" else int(text)
    return text


def _read(target: Database, family: Family, table: str) -> list[str | None]:
    data_type = family.field.data_type.value
    with target.cursor() as cursor:
        if target.flavour == "postgresql":
            cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute(f"SELECT {_expression(target, data_type)} FROM {table} ORDER BY number")
        expected = iter(family.values)
        return [_canonical(value, data_type, next(expected)) for (value,) in cursor.fetchall()]


def _expression(target: Database, data_type: str) -> str:
    if data_type == "binary":
        return {
            "postgresql": "encode(value, 'hex')",
            "sqlite": "CASE WHEN value IS NOT NULL THEN lower(hex(value)) END",
        }.get(target.flavour, "LOWER(HEX(value))")
    if target.flavour == "postgresql":
        return "value::text"
    if target.flavour == "sqlite":
        return "value"
    return "value + 0" if data_type in ("boolean", "float") else "CAST(value AS CHAR)"


def _canonical(value: Any, data_type: str, expected: str | None) -> str | None:
    """Bring what an independent client read to the family's canonical text."""
    if value is None:
        return None
    if data_type == "json":  # equal as JSON is equal
        return expected if expected is not None and json.loads(value) == json.loads(expected) else value
    if data_type == "boolean":
        return {"true": "t", "false": "f", "1": "t", "0": "f"}[str(value)]
    if data_type == "float":
        return expected if expected is not None and float(value) == float(expected) else str(value)
    text = str(value)
    if data_type in ("timestamp", "timestamptz"):
        text = text.replace("T", " ").removesuffix("Z").removesuffix("+00")
    if data_type in ("timestamp", "timestamptz", "time") and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text
