"""Values at the edges of what a source may be sure of, each into each target: sure and right, or in doubt."""

import contextlib
import random

import pytest

from local_servers.access import Flavour
from shared.column_mappings import ColumnMappingSpec, Direct, DirectConfig
from shared.column_mappings.casts import can_be_cast
from shared.types import TargetField
from tests import conftest
from tests.conformance.pushdown.selects import check_rows, compile_both, open_source, read_rows
from tests.conformance.values.gears import PUSHED_FLAVOURS
from tests.factories import field

D52 = field("v", "decimal", precision=5, scale=2)
D1 = field("v", "decimal", precision=30, scale=30)
# A PostgreSQL expression, and the fields that it goes into.
POSTGRESQL_EDGES: list[tuple[str, list[TargetField]]] = [
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


_NUMBERS = [field("v", "integer"), field("v", "float"), field("v", "boolean"), D52]
MYSQL_EDGES: list[tuple[str, list[TargetField]]] = [
    *((f"'{text}'", _NUMBERS) for text in ["true ", "t\\n", "1\\n", "1 ", "٣", "-0", "-0.00", "ＹＥＳ", "oN", "7"]),
    ("'a\\0b'", [field("v"), field("v", length=3), field("v", "uuid"), field("v", "binary")]),
    ("'12345678.123456789012'", [field("v", "float")]),
    ("'9999999999999999999'", [field("v", "integer")]),
    ("'A' COLLATE utf8mb4_general_ci", [field("v"), field("v", "boolean")]),
    ("'\\\\xAB'", [field("v", "binary")]),
    ("'\\\\xabc'", [field("v", "binary")]),
    ("CONCAT('\\\\x', REPEAT('ab', 1000))", [field("v", "binary")]),
    ("'ä🙂ab'", [field("v", length=4), field("v", length=3)]),
    ("_latin1 0xE4", [field("v"), field("v", length=1)]),
    ("CHAR(1 USING utf8mb4)", [field("v")]),
    ("'2024-01-02\\n'", [field("v", "date"), field("v", "timestamp")]),
    ("'2024-01-02'", [field("v", "date"), field("v", "timestamp"), field("v", "timestamptz")]),
    ("CAST(18446744073709551615 AS UNSIGNED)", [*_NUMBERS, field("v")]),
    ("9223372036854775807", [field("v", "float"), D52, field("v", length=18)]),
    ("999.995", [*_NUMBERS, field("v", length=6)]),
    ("-0.5", _NUMBERS),
    ("-0.00", [*_NUMBERS, field("v")]),
    ("9223372036854775807.5", [field("v", "integer")]),
    ("0.1000000000000000055511", [field("v", "float")]),
    ("2.5e0", [field("v", "float"), field("v", "integer"), field("v")]),
    ("CAST('2024-01-02 10:00:00' AS DATETIME)", [field("v", "date"), field("v", "timestamp"), field("v")]),
    ("CAST('2024-01-02 00:00:00.000001' AS DATETIME(6))", [field("v", "date"), field("v")]),
    ("CAST('2024-01-02' AS DATE)", [field("v", "date"), field("v", "timestamp"), field("v", length=10)]),
    ("TIME'24:00:00'", [field("v", "time"), field("v")]),
    ("TIME'-00:00:01'", [field("v", "time"), field("v")]),
    ("CAST('10:20:30.500' AS TIME(3))", [field("v", "time"), field("v")]),
    ("b'101'", [field("v"), field("v", "integer")]),
    ("CAST(NULL AS CHAR)", [field("v", nullable=False), field("v", "integer", nullable=False), field("v")]),
]  # fmt: skip
EDGES = {"postgresql": POSTGRESQL_EDGES, "mariadb": MYSQL_EDGES, "mysql": MYSQL_EDGES}


@pytest.mark.parametrize("flavour", PUSHED_FLAVOURS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize("target", ["postgresql", "mysql", "mariadb"])
def test_an_edge_is_sure_and_right_or_in_doubt(
    flavour: Flavour, target: str, mode: str, zone: str, create_database: conftest.DatabaseFactory
) -> None:
    database = create_database(flavour)
    config = DirectConfig(cast="strict" if mode == "strict" else "lossy")
    with contextlib.closing(open_source(database)) as session:
        for expression, fields in EDGES[flavour]:
            query = f"SELECT {expression} AS v"
            named = [one.model_copy(update={"name": f"f{place}"}) for place, one in enumerate(fields)]
            [column] = session.dialect.describe(session, query)
            for one in named:
                if not can_be_cast(column.kind, one.data_type):
                    continue
                specs: list[ColumnMappingSpec] = [
                    Direct(source_columns=("v",), target_fields=(one.name,), config=config)
                ]
                compiled = compile_both(session, query, [one], specs, target, zone=zone)
                check_rows(read_rows(session, query, compiled), [one])


@pytest.mark.parametrize("flavour", [one for one in PUSHED_FLAVOURS if one.values[0] != "postgresql"])
def test_doubles_of_rows_in_doubt_keep_all_their_digits(
    flavour: Flavour, create_database: conftest.DatabaseFactory
) -> None:
    """MySQL 9 prints a double that is cast to text with a digit less, where that is longer than 22 characters."""
    database = create_database(flavour)
    made = random.Random(20261126)
    values = [made.uniform(-1, 1) * 10.0 ** made.randint(-30, 30) for _ in range(2000)]
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE made (f FLOAT, d DOUBLE, n VARCHAR(9))")
        # A legal text that is in doubt.
        cursor.executemany("INSERT INTO made VALUES (%s, %s, '2.0')", [(value, value) for value in values])
        cursor.execute("COMMIT")
    fields = [field("f", "float"), field("d", "float"), field("n", "integer")]
    query = "SELECT f, d, n FROM made"
    with contextlib.closing(open_source(database)) as session:
        compiled = compile_both(session, query, fields, (), "postgresql")
        rows = read_rows(session, query, compiled)
        sure = compile_both(
            session, "SELECT f FROM made", [field("f", "float", nullable=False)], (), "postgresql"
        )
        first = read_rows(session, "SELECT f FROM made", sure)
    assert [row.is_sure for row in rows] == [False] * len(values)
    assert [row.is_sure for row in first] == [True] * len(values)
    check_rows(first, fields[:1])
