"""The casts of docs/column_mappings.md as families: each pair of types is a column, each row of the table a value."""

import json
from collections.abc import Mapping
from typing import Literal

from local_servers.access import Flavour
from shared.column_mappings.cast_errors import LEGAL_FORMS
from shared.types import DataType
from tests.conformance.values.families import (
    ALL,
    MARIADB,
    MYSQL,
    MYSQL9,
    NONE,
    NOT_PG,
    PG,
    SQLITE,
    Family,
    Value,
    typed,
)
from tests.unit.shared.column_mappings.doc_tables import CASTS, table, target_field

Mode = Literal["strict", "lossy"]

# The column types whose cells are of a kind.
KIND_TYPES: dict[str, Mapping[Flavour, str]] = {
    "string": typed("text", "LONGTEXT", "TEXT"),
    "integer": typed("bigint", "BIGINT", "INTEGER"),
    "float": typed("double precision", "DOUBLE", "REAL"),
    "decimal": typed("numeric"),
    "boolean": typed("boolean"),
    "date": typed("date", "DATE"),
    "timestamp": typed("timestamp", "DATETIME(6)"),
    "timestamptz": typed("timestamptz"),
    "time": typed("time", "TIME(6)"),
}
# What only some sources can hold.
_SOURCES: dict[tuple[str, str], tuple[Flavour, ...]] = {
    ("float", "NaN"): PG,
    ("float", "Infinity"): (*PG, *SQLITE),
    ("float", "-0"): (*PG, *MYSQL9),
    ("time", "-01:00:00"): MYSQL,
    ("time", "838:59:59"): MYSQL,
}
# What only some targets can hold, by kind, data type and value: those, and the code of the others.
_TARGETS: dict[tuple[str, str, str], tuple[tuple[Flavour, ...], str]] = {
    ("decimal", "float", "NaN"): (PG, "not_representable"),
    ("string", "float", "-Infinity"): (PG, "not_representable"),
    ("decimal", "decimal", "NaN"): (PG, "not_a_number"),
    ("string", "json", "0.1234567890123456789012345678901"): ((*PG, *MARIADB, *SQLITE), "not_representable"),
    ("string", "json", '"\\u0000"'): (NOT_PG, "holds_nul"),
}


def cast_families(mode: Mode) -> list[Family]:
    """Return a family for each pair of types, in the order of the page whatever the mode."""
    values: dict[tuple[str, str], list[Value]] = {}
    for kind, to, value, strict, lossy in table(CASTS):
        text = json.loads(value)
        made = _value(kind, to, text, strict if mode == "strict" else lossy)
        values.setdefault((kind, to), []).append(made)
    return [
        Family(f"c{place}", target_field(to, f"c{place}"), KIND_TYPES[kind], tuple(found))
        for place, ((kind, to), found) in enumerate(values.items())
    ]


def _value(kind: str, to: str, text: str, result: str) -> Value:
    data_type = to.partition("(")[0]
    sources = _SOURCES.get((kind, text), ALL)
    targets, code = _TARGETS.get((kind, data_type, text), (ALL, ""))
    held = text if result in LEGAL_FORMS else cell_text(DataType(data_type), json.loads(result))
    if result in LEGAL_FORMS and not code:
        targets, code = NONE, result
    return Value(text, held, sources, targets, code)


def cell_text(data_type: DataType, cell: str) -> str:
    """Return the wire text of a target cell as a client reads it."""
    return cell.removeprefix("\\x") if data_type is DataType.BINARY else cell
