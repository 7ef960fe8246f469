"""Values at the edges of what a source may be sure of, each into each target: sure and right, or in doubt."""

import contextlib

import pytest

from local_servers import Database
from shared.column_mappings import ColumnMappingSpec, Direct, DirectConfig
from shared.types import TargetField
from tests.conformance.pushdown.selects import check_rows, compile_both, open_source, read_rows
from tests.factories import field

D52 = field("v", "decimal", precision=5, scale=2)
D1 = field("v", "decimal", precision=30, scale=30)
# A PostgreSQL expression, and the fields that it goes into.
EDGES: list[tuple[str, list[TargetField]]] = [
    ("real '0.1'", [field("v", "float"), field("v"), field("v", "decimal", precision=20, scale=19)]),
    ("real '123456790528'", [field("v", "integer"), field("v"), field("v", "decimal", precision=20, scale=0)]),
    ("float8 '-0'", [field("v", "float"), field("v", "integer"), field("v"), field("v", "boolean"), D52]),
    ("float8 'NaN'", [field("v", "float"), field("v", "integer"), field("v", "boolean"), D52]),
    ("float8 '-Infinity'", [field("v", "float"), field("v", "integer"), field("v", "boolean"), D52]),
    ("float8 '9007199254740993'", [field("v", "integer"), field("v")]),
    ("float8 '2.675'", [D52, field("v", "integer")]),
    ("float8 '0.49999999999999994'", [field("v", "integer")]),
    ("float8 '1e22'", [field("v"), field("v", "decimal", precision=38, scale=0)]),
    ("numeric 'NaN'", [field("v", "float"), field("v", "integer"), field("v", "boolean"), D52]),
    ("'NaN'::numeric(5,2)", [field("v", "float"), field("v", "integer"), D52]),
    ("numeric '999.995'", [D52, field("v", "integer")]),
    ("numeric '-999.995'", [D52, field("v", "integer")]),
    ("numeric '0.5'", [field("v", "integer"), field("v", "boolean"), D1]),
    ("numeric '-0.5'", [field("v", "integer")]),
    ("numeric '9223372036854775807.5'", [field("v", "integer")]),
    ("numeric '0.1000000000000000055511'", [field("v", "float")]),
    ("'1e-999'::numeric(5,1000)", [field("v", "float")]),
    ("9223372036854775807", [field("v", "float"), D52, field("v", length=18)]),
    ("-9223372036854775808", [field("v", "float"), field("v", length=20)]),
    ("text '0.1000000000000000055511'", [field("v", "float")]),
    ("text '12345678.123456789012'", [field("v", "float")]),
    ("text '123456789012345678'", [field("v", "float"), field("v", "integer")]),
    ("text '9999999999999999999'", [field("v", "integer")]),
    ("text '-0'", [field("v", "float"), field("v", "integer"), D52]),
    ("text '-0.00'", [field("v", "float"), D52]),
    ("text '1' || chr(10)", [field("v", "integer"), field("v", "boolean"), D52, field("v", "float")]),
    ("text '٣'", [field("v", "integer"), field("v", "float"), D52]),
    ("text 'ＹＥＳ'", [field("v", "boolean")]),
    ("text 'oN'", [field("v", "boolean")]),
    ("text '2023-02-29'", [field("v", "date"), field("v", "timestamp")]),
    ("text '2024-06-31'", [field("v", "date"), field("v", "timestamptz")]),
    ("text '2024-01-02' || chr(10)", [field("v", "date"), field("v", "timestamp")]),
    ("text '2024-01-02Z'", [field("v", "date"), field("v", "timestamp"), field("v", "timestamptz")]),
    ("text '2024-01-02'", [field("v", "timestamp"), field("v", "timestamptz")]),
    ("text '2024-01-02T10:00:00.1234567'", [field("v", "timestamp")]),
    ("text '24:00:00'", [field("v", "time")]),
    ("time '24:00:00'", [field("v", "time"), field("v")]),
    ("text '\\xAB'", [field("v", "binary")]),
    ("text '\\xabc'", [field("v", "binary")]),
    ("text 'ä🙂ab'", [field("v", length=4), field("v", length=3)]),
    ("'ab'::char(5)", [field("v"), field("v", length=4), field("v", "boolean")]),
    ("'10.0.0.1'::inet", [field("v"), field("v", length=8)]),
    ("ARRAY['a,b', NULL]", [field("v")]),
    ("text ''", [field("v"), field("v", "integer"), field("v", "boolean"), field("v", "binary")]),
    ("chr(1) || 'x'", [field("v")]),
    ("date 'infinity'", [field("v", "date"), field("v", "timestamp"), field("v", length=10), field("v")]),
    ("date '5874897-12-31'", [field("v", "date"), field("v", "timestamp"), field("v", "timestamptz")]),
    ("date '0001-01-01' - 1", [field("v", "date"), field("v", "timestamp"), field("v", length=13)]),
    ("timestamp '-infinity'", [field("v", "timestamp"), field("v", "date"), field("v", "timestamptz"), field("v")]),
    ("timestamp '9999-12-31 23:59:59.999999'", [field("v", "timestamp"), field("v", "date"), field("v")]),
    ("timestamp '10000-01-01'", [field("v", "timestamp"), field("v", "date"), field("v", "timestamptz"), field("v")]),
    ("timestamptz '0044-03-15 00:00:00+00 BC'", [field("v", "timestamptz"), field("v", "timestamp"), field("v")]),
    ("timestamptz '2024-01-02 00:00:00+00'", [field("v", "date"), field("v", "timestamp"), field("v")]),
    ("NULL::text", [field("v", nullable=False), field("v", "integer", nullable=False), field("v", "date")]),
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize("target", ["postgresql", "mysql", "mariadb"])
def test_an_edge_is_sure_and_right_or_in_doubt(
    target: str, mode: str, zone: str, postgresql_database: Database
) -> None:
    config = DirectConfig(cast="strict" if mode == "strict" else "lossy")
    with contextlib.closing(open_source(postgresql_database)) as session:
        for expression, fields in EDGES:
            query = f"SELECT {expression} AS v"
            named = [one.model_copy(update={"name": f"f{place}"}) for place, one in enumerate(fields)]
            for one in named:
                specs: list[ColumnMappingSpec] = [
                    Direct(source_columns=("v",), target_fields=(one.name,), config=config)
                ]
                compiled = compile_both(session, query, [one], specs, target, zone=zone)
                check_rows(read_rows(session, query, compiled), [one])
