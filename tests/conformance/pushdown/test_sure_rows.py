"""The casts of docs/column_mappings.md in the source's own SQL: which legal values it leaves to the line mapper."""

import contextlib

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import ColumnMappingSpec, Direct, DirectConfig
from shared.types import DataType
from tests import conftest
from tests.conformance.pushdown.selects import check_rows, compile_both, open_source, read_rows
from tests.conformance.values.cast_cases import Mode, cast_families
from tests.conformance.values.families import Family
from tests.conformance.values.gears import PUSHED_FLAVOURS
from tests.conformance.values.source_tables import SOURCE, fill
from tests.factories import field

# Data type and text of the values that are legal and in doubt all the same, all of them from text columns.
LEFT_TO_THE_LINE_MAPPER = {
    ("integer", "2.0"),
    ("integer", "9223372036854775807"),
    ("integer", "-9223372036854775808"),
    ("decimal", "0012.3"),
    ("float", "1e-5"),
    ("float", "-Infinity"),
    ("date", "2024-02-29"),
    ("date", "2000-02-29"),
    ("date", "0001-01-01"),
    ("date", "2024-01-02T00:00:00"),
    ("timestamp", "2024-01-02 10:00:00.123456000"),
    ("timestamp", "2024-01-02T10:00:00+05:45"),
    ("timestamptz", "2024-01-02T10:00:00.25-0330"),
    ("timestamptz", "2024-01-02 10:00:00+00:19:32"),
    ("binary", "\\x00FF"),
    ("uuid", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"),
}
# The same of columns with a type of their own, by flavour.
LEFT_OF_TYPED: dict[Flavour, set[tuple[str, str]]] = {
    "postgresql": {
        ("integer", "1e+18"),
        ("integer", "4.611686018427388e+18"),
        ("decimal", "NaN"),
        ("decimal", "1e+20"),
    },
    "mariadb": set(),
    "mysql": set(),
}


@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize("flavour", PUSHED_FLAVOURS)
def test_only_rare_values_are_left_to_the_line_mapper(
    flavour: Flavour, mode: Mode, create_database: conftest.DatabaseFactory
) -> None:
    database = create_database(flavour)
    families = [
        one
        for one in cast_families(mode)
        if flavour in one.types and one.field.data_type is not DataType.JSON and is_said(one, flavour)
    ]
    placed = fill(database, families)
    fields = [one.field for one in families]
    specs: list[ColumnMappingSpec] = [
        Direct(source_columns=(one.name,), target_fields=(one.name,), config=DirectConfig(cast=mode))
        for one in families
    ]
    query = f"SELECT {', '.join(one.name for one in families)} FROM {SOURCE} ORDER BY number"
    with contextlib.closing(open_source(database)) as session:
        compiled = compile_both(session, query, fields, specs, "postgresql")
        rows = read_rows(session, query, compiled)
    assert compiled.pushed.unsaid == ()
    check_rows(rows, fields)
    left = {
        (one.family.field.data_type.value, one.value.text)
        for one, row in zip(placed, rows, strict=True)
        if row.mapped is not None and not row.is_sure
    }
    if mode == "strict":
        assert left == LEFT_TO_THE_LINE_MAPPER | LEFT_OF_TYPED[flavour]
    else:
        assert left >= LEFT_TO_THE_LINE_MAPPER - {("float", "-Infinity")}


def is_said(family: Family, flavour: Flavour) -> bool:
    """MySQL prints a double in its own way, so that only the number itself travels."""
    return family.types[flavour] != "DOUBLE" or family.field.data_type is DataType.FLOAT


PASSING: list[tuple[str, str, dict[str, int]]] = [
    ("smallint", "integer", {}),
    ("numeric(15,2)", "decimal", {"precision": 18, "scale": 4}),
    ("integer", "decimal", {"precision": 10, "scale": 0}),
    ("integer", "float", {}),
    ("numeric(15,2)", "float", {}),
    ("numeric(15,2)", "string", {"length": 18}),
    ("bigint", "string", {"length": 20}),
    ("varchar(10)", "string", {"length": 10}),
    ("text", "string", {}),
    ("uuid", "string", {"length": 36}),
    ("timestamptz", "string", {}),
    ("date", "date", {}),
    ("timestamp", "timestamp", {}),
    ("boolean", "integer", {}),
    ("jsonb", "json", {}),
]


@pytest.mark.parametrize(("column", "data_type", "size"), PASSING)
def test_no_guard_is_left_where_the_types_say_that_every_value_fits(
    column: str, data_type: str, size: dict[str, int], postgresql_database: Database
) -> None:
    query = f"SELECT 1 AS number, NULL::{column} AS v"
    fields = [field("number", "integer"), field("v", data_type, **size)]
    with contextlib.closing(open_source(postgresql_database)) as session:
        pushed = compile_both(session, query, fields, (), "postgresql").pushed
    assert pushed.unsaid == ()
    assert "FALSE" not in pushed.select(query)
