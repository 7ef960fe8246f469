"""Preview, plan and run are one: on generated rows, schemas and mappings, in real databases.

The rows and errors that a preview shows are the rows and rejected rows that the run leaves, read back by the
databases' own drivers; the SQL, gear and problems of the plan are those of the run.
"""

import base64
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executor.pipeline import execute_run
from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import ColumnMappingSpec, Direct
from shared.dialects.base import ConnectionSettings
from shared.documents.mapping import WriteMode
from shared.errors import InvalidMapping
from shared.plan import make_plan
from shared.preview import Preview, Wanted, preview_query
from shared.rejected_rows import RejectedRow, read_rejected_rows
from shared.types import DataType, Kind, TargetField
from tests import conftest, factories
from tests.conformance.column_mappings.test_lines_and_rows import specs_over
from tests.conformance.values.conftest import OpenDatabase
from tests.conformance.values.gears import MAPPING_RUNS, Gears
from tests.conformance.values.runs import QUARANTINE
from tests.conformance.values.source_tables import canonical, fill_columns, read
from tests.recording_context import RecordingContext
from tests.unit.shared.column_mappings.mapping_cases import column

EXAMPLES = int(os.environ.get("VALUES_EXAMPLES", "6"))  # for each pair; more to look harder
NUMBER = factories.field("number", "integer", nullable=False)
FASTEST = [
    pytest.param(*one.values, "pass_through", marks=one.marks, id=f"fastest-{one.id}")
    for one in conftest.ALL_PAIRS
]
PUSHED_DOWN = [one for one in MAPPING_RUNS if one.values[1] == "pushed_down"]
ZONES = st.sampled_from(["UTC", "Europe/Berlin"])

TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10),
    st.text(alphabet="|.🙂\t\n\\,N ab0", max_size=10),
    st.sampled_from(
        ["", "\\N", "\\.", "12", "-0", "2.5", "yes", "2024-02-29", "2023-02-29", "NaN", "[1]", "a|b|c"]
    ),
)
INTEGERS = st.integers(-(2**63), 2**63 - 1).map(str)
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, places=2, min_value=1 - 10**12, max_value=10**12 - 1
).map(str)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False).map(repr)
DATES = st.dates().map(lambda day: day.isoformat())
INSTANTS = st.datetimes().map(lambda moment: moment.isoformat(" "))
TIMES = st.times().map(lambda moment: moment.isoformat())
HEXADECIMAL = st.binary(max_size=5).map(bytes.hex)
UUIDS = st.uuids().map(str)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=5),  # no jsonb holds NUL
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3)
    ),
    max_leaves=4,
).map(json.dumps)
# In each flavour: column types, the kind of their cells, and texts that such a column takes.
COLUMNS: Mapping[Flavour, Sequence[tuple[str, Kind, st.SearchStrategy[str]]]] = {
    "postgresql": (
        ("bigint", Kind.INTEGER, INTEGERS),
        ("numeric", Kind.DECIMAL, DECIMALS | st.sampled_from(["NaN", "1e-20", "Infinity"])),
        ("numeric(14,2)", Kind.DECIMAL, DECIMALS | st.just("NaN")),
        ("double precision", Kind.FLOAT, FLOATS | st.sampled_from(["NaN", "-Infinity", "-0", "5e-324"])),
        ("boolean", Kind.BOOLEAN, st.sampled_from(["t", "f"])),
        ("date", Kind.DATE, DATES | st.sampled_from(["infinity", "0044-03-15 BC", "12024-01-01"])),
        ("timestamp", Kind.TIMESTAMP, INSTANTS | st.sampled_from(["2024-03-31 02:30:00", "-infinity"])),
        ("timestamptz", Kind.TIMESTAMPTZ, INSTANTS),
        ("time", Kind.TIME, TIMES | st.just("24:00:00")),
        ("text", Kind.STRING, TEXTS),
        ("char(3)", Kind.STRING, st.text("ab ", max_size=3)),
        ("bytea", Kind.BINARY, HEXADECIMAL),
        ("jsonb", Kind.JSON, JSON),
        ("uuid", Kind.UUID, UUIDS),
    ),
    "mariadb": (
        ("BIGINT", Kind.INTEGER, INTEGERS),
        ("BIGINT UNSIGNED", Kind.INTEGER, st.integers(0, 2**64 - 1).map(str)),
        ("DECIMAL(30,2)", Kind.DECIMAL, DECIMALS),
        ("DOUBLE", Kind.FLOAT, FLOATS),
        ("DATE", Kind.DATE, DATES | st.sampled_from(["0000-00-00", "2024-00-10"])),
        ("DATETIME(6)", Kind.TIMESTAMP, INSTANTS | st.just("0000-00-00 00:00:00")),
        ("TIME(6)", Kind.TIME, TIMES | st.sampled_from(["838:59:59", "-01:00:00"])),
        ("LONGTEXT", Kind.STRING, TEXTS | st.just("a\0b")),
        ("LONGBLOB", Kind.BINARY, HEXADECIMAL),
    ),
    "sqlite": (
        ("INTEGER", Kind.DYNAMIC, INTEGERS),
        ("REAL", Kind.DYNAMIC, FLOATS | st.just("Infinity")),
        ("TEXT", Kind.DYNAMIC, TEXTS | DATES | INSTANTS | DECIMALS | st.just("a\0b")),
        ("BLOB", Kind.DYNAMIC, HEXADECIMAL),
    ),
}


@dataclass(frozen=True)
class Generated:
    """A source table, a schema and column mappings over it."""

    columns: dict[str, str]
    rows: list[dict[str, str | None]]
    fields: list[TargetField]
    specs: list[ColumnMappingSpec]
    keyed: bool
    zone: str


@st.composite
def generated(draw: st.DrawFn, flavour: Flavour) -> Generated:
    choices = COLUMNS["mariadb" if flavour == "mysql" else flavour]
    chosen = draw(st.lists(st.sampled_from(choices), min_size=1, max_size=4))
    named = [(f"s{place}", *one) for place, one in enumerate(chosen)]
    columns = [column(name, kind) for name, _, kind, _ in named]
    fields: list[TargetField] = []
    specs: list[ColumnMappingSpec] = []
    for _ in range(draw(st.integers(1, 4))):
        spec, filled = draw(specs_over(columns, len(fields)))
        specs.append(spec)
        fields += filled
    row = st.fixed_dictionaries({name: st.none() | texts for name, _, _, texts in named})
    return Generated(
        {name: type_name for name, type_name, _, _ in named},
        draw(st.lists(row, min_size=1, max_size=6)),
        draw(st.permutations(fields)),
        specs,
        draw(st.booleans()),
        draw(ZONES),
    )


@pytest.mark.parametrize(("pair", "gear"), [*FASTEST, *PUSHED_DOWN])
def test_what_is_seen_is_what_runs(
    pair: tuple[Flavour, Flavour], gear: str, lasting_database: OpenDatabase, gears: Gears
) -> None:
    source, target = lasting_database(pair[0]), lasting_database(pair[1])
    tables = itertools.count(1)
    gears.ask_for(gear)

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(generated(pair[0]))
    def check(made: Generated) -> None:
        number = next(tables)
        fill_columns(source, made.columns, made.rows, f"source_{number}")
        check_one(source, target, made, f"source_{number}", f"target_{number}", gears)

    check()


def check_one(
    source: Database, target: Database, made: Generated, source_table: str, table: str, gears: Gears
) -> None:
    names = ", ".join(["number", *made.columns])
    version = factories.mapping_version(
        f"SELECT {names} FROM {source_table} ORDER BY number",
        (NUMBER, *made.fields),
        [Direct(source_columns=("number",), target_fields=("number",)), *made.specs],
        table=table,
        write_mode=WriteMode.UPSERT if made.keyed else WriteMode.REPLACE,
        key_columns=("number",) if made.keyed else None,
        on_error=QUARANTINE,
        guards={"allow_empty": True},
    )
    reading = factories.connection_settings(source, session_time_zone=made.zone)
    context = RecordingContext(
        factories.run(version), version, reading, factories.connection_settings(target)
    )
    wanted = Wanted(
        version.target_schema.columns,
        version.column_mappings,
        ("number",) if made.keyed else None,
        context.target,
    )
    plan = make_plan(version, reading, context.target)
    preview, refusal = looked(reading, version.mapping.source_query, wanted)
    if preview is None:
        assert [(one.code, one.loc) for one in plan.problems] == [refusal]
        with pytest.raises(InvalidMapping) as failed:
            execute_run(context)
        assert (failed.value.code, failed.value.loc) == refusal
        return
    assert plan.problems == ()
    gears.taken.clear()
    progress = execute_run(context).progress
    if gears.asked_for == "pushed_down":
        assert gears.taken[0].gear == "pushed_down"
    else:
        assert (gears.taken[0].gear, gears.taken[0].sql) == (plan.gear, plan.statements[0].sql)
    assert (progress.rows_read, preview.row_count) == (len(made.rows), len(made.rows))
    rejected, _ = read_rejected_rows(context.target, str(context.run.id), limit=1000)
    assert [seen_errors(row) for row in rejected] == shown_errors(preview)
    assert [row.source_row for row in rejected] == [preview.rows[row.row_number - 1] for row in rejected]
    assert read(target, table, made.fields) == shown_rows(preview, made.fields)


def looked(
    reading: ConnectionSettings, query: str, wanted: Wanted
) -> tuple[Preview | None, tuple[str, tuple[str | int, ...]]]:
    """Return the preview, or the code and place of its refusal."""
    try:
        return preview_query(reading, query, 1000, wanted), ("", ())
    except InvalidMapping as refused:
        return None, (refused.code, refused.loc)


def seen_errors(row: RejectedRow) -> tuple[int, list[tuple[str, list[str], str, str]]]:
    return row.row_number, [
        (one["target_field"], one["source_columns"], one["code"], one["message"]) for one in row.errors
    ]


def shown_errors(preview: Preview) -> list[tuple[int, list[tuple[str, list[str], str, str]]]]:
    assert preview.target is not None
    return [
        (row, [(one.target_field, list(one.source_columns), one.code, one.message) for one in errors])
        for row, errors in itertools.groupby(preview.target.errors, key=lambda one: one.row)
    ]


def shown_rows(preview: Preview, fields: Sequence[TargetField]) -> dict[int, dict[str, str]]:
    """Return the mapped rows of a preview without those with errors, as `read` gives them."""
    assert preview.target is not None
    bad = {one.row for one in preview.target.errors}
    types = {one.name: one.data_type for one in fields}
    return {
        number: {
            name: shown_text(types[name], value)
            for name, value in row.items()
            if name != "number" and value is not None
        }
        for number, row in enumerate(preview.target.rows, start=1)
        if number not in bad
    }


def shown_text(data_type: DataType, value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if data_type is DataType.BINARY:
        return base64.b64decode(value).hex()
    return canonical(data_type, str(value))
