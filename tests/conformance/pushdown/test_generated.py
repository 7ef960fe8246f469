"""On generated mappings and rows: what a source is sure of is what the line mapper gives, and it is sure of most."""

import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import HypothesisProvider

from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import ColumnMappingSpec
from shared.types import Kind, TargetField
from tests.conformance.column_mappings.test_lines_and_rows import specs_over
from tests.conformance.pushdown.selects import check_rows, compile_both, open_source, read_rows
from tests.conformance.values.conftest import OpenDatabase
from tests.conformance.values.gears import PUSHED_FLAVOURS
from tests.conformance.values.source_tables import fill_columns
from tests.conformance.values.test_preview_plan_run import (
    DATES,
    DECIMALS,
    FLOATS,
    HEXADECIMAL,
    INSTANTS,
    INTEGERS,
    TEXTS,
    TIMES,
    UUIDS,
)
from tests.unit.shared.column_mappings.mapping_cases import column

EXAMPLES = int(os.environ.get("PUSHDOWN_EXAMPLES", "60"))  # for each target; more to look harder
SURE_OF_VALID = 0.9

SMALL = st.integers(-99, 999).map(str)
WORDS = st.text("abcxyz ä🙂", max_size=8)
CUT = st.lists(st.one_of(SMALL, WORDS, DATES), max_size=5).flatmap(
    lambda parts: st.sampled_from(["|", ",", " ", "||"]).map(lambda delimiter: delimiter.join(parts))
)
ANY_TEXT = st.one_of(
    SMALL, WORDS, CUT, TEXTS, DATES, INSTANTS, TIMES, UUIDS, DECIMALS, st.text("\x01a\t\\", max_size=3)
)
SOURCES: Mapping[Flavour, Sequence[tuple[str, Kind, st.SearchStrategy[str]]]] = {
    "postgresql": (
        ("bigint", Kind.INTEGER, SMALL | INTEGERS),
        ("integer", Kind.INTEGER, SMALL),
        ("numeric", Kind.DECIMAL, DECIMALS | SMALL | st.sampled_from(["NaN", "1e-20", "Infinity", "7.50"])),
        ("numeric(14,2)", Kind.DECIMAL, SMALL | st.just("NaN")),
        (
            "double precision",
            Kind.FLOAT,
            SMALL | FLOATS | st.sampled_from(["NaN", "-Infinity", "-0", "1e20"]),
        ),
        ("real", Kind.FLOAT, SMALL | st.sampled_from(["0.1", "NaN", "1e20", "16777216", "123456790000"])),
        ("boolean", Kind.BOOLEAN, st.sampled_from(["t", "f"])),
        ("date", Kind.DATE, DATES | st.sampled_from(["infinity", "0044-03-15 BC", "12024-01-01"])),
        (
            "timestamp",
            Kind.TIMESTAMP,
            INSTANTS | DATES | st.sampled_from(["-infinity", "0044-03-15 10:00:00.5 BC"]),
        ),
        (
            "timestamptz",
            Kind.TIMESTAMPTZ,
            INSTANTS | DATES | st.sampled_from(["infinity", "20240-01-01 00:00:00"]),
        ),
        ("time", Kind.TIME, TIMES | st.just("24:00:00")),
        ("text", Kind.STRING, ANY_TEXT),
        ("varchar(12)", Kind.STRING, WORDS | SMALL | DATES),
        ("char(3)", Kind.STRING, st.text("ab ", max_size=3)),
        ("bytea", Kind.BINARY, HEXADECIMAL),
        ("jsonb", Kind.JSON, st.sampled_from(['{"a": 1}', "[]", '"x\\ty"', "7"])),
        ("uuid", Kind.UUID, UUIDS),
    ),
    "mariadb": (
        ("BIGINT", Kind.INTEGER, SMALL | INTEGERS),
        ("BIGINT UNSIGNED", Kind.INTEGER, st.integers(0, 2**64 - 1).map(str) | st.integers(0, 99).map(str)),
        ("SMALLINT(5) ZEROFILL", Kind.INTEGER, st.integers(0, 999).map(str)),
        ("DECIMAL(30,2)", Kind.DECIMAL, DECIMALS | SMALL),
        ("DECIMAL(10,4) UNSIGNED ZEROFILL", Kind.DECIMAL, st.integers(0, 999).map(str) | st.just("0.5")),
        ("DOUBLE", Kind.FLOAT, SMALL | FLOATS),
        ("FLOAT", Kind.FLOAT, SMALL | st.sampled_from(["0.1", "16777216"])),
        ("DATE", Kind.DATE, DATES | st.sampled_from(["0000-00-00", "2024-00-10", "2024-02-30"])),
        ("DATETIME(6)", Kind.TIMESTAMP, INSTANTS | DATES | st.just("0000-00-00 00:00:00")),
        ("DATETIME", Kind.TIMESTAMP, DATES),
        (
            "TIMESTAMP(6) NULL",
            Kind.TIMESTAMPTZ,
            st.sampled_from(["2024-01-02 10:00:00.5", "2024-01-02", "0000-00-00"]),
        ),
        ("TIME(6)", Kind.TIME, TIMES | st.sampled_from(["838:59:59", "-01:00:00", "24:00:00"])),
        ("TIME", Kind.TIME, st.sampled_from(["10:20:30", "-00:00:01"])),
        ("LONGTEXT", Kind.STRING, ANY_TEXT | st.just("a\0b")),
        ("VARCHAR(12) CHARACTER SET latin1", Kind.STRING, st.text("abä ", max_size=8) | SMALL | DATES),
        ("VARCHAR(12) COLLATE utf8mb4_general_ci", Kind.STRING, WORDS | SMALL | DATES),
        ("CHAR(3)", Kind.STRING, st.text("ab ", max_size=3)),
        ("ENUM('a','true ','1')", Kind.STRING, st.sampled_from(["a", "true ", "1"])),
        ("BIT(3)", Kind.STRING, st.sampled_from(["101", "000"])),
        ("YEAR", Kind.INTEGER, st.just("2024")),
        ("LONGBLOB", Kind.BINARY, HEXADECIMAL),
        ("VARBINARY(5)", Kind.BINARY, HEXADECIMAL),
    ),
}
SOURCES = {**SOURCES, "mysql": SOURCES["mariadb"]}  # fmt: skip


@dataclass(frozen=True)
class Generated:
    columns: dict[str, str]
    rows: list[dict[str, str | None]]
    fields: list[TargetField]
    specs: list[ColumnMappingSpec]
    keys: list[str]
    zone: str


@st.composite
def generated(draw: st.DrawFn, flavour: Flavour) -> Generated:
    chosen = draw(st.lists(st.sampled_from(SOURCES[flavour]), min_size=1, max_size=4))
    named = [(f"s{place}", *one) for place, one in enumerate(chosen)]
    columns = [column(name, kind) for name, _, kind, _ in named]
    fields: list[TargetField] = []
    specs: list[ColumnMappingSpec] = []
    for _ in range(draw(st.integers(1, 3))):
        spec, filled = draw(specs_over(columns, len(fields)))
        specs.append(spec)
        fields += filled
    row = st.fixed_dictionaries(
        {name: st.one_of(texts, texts, texts, st.none()) for name, _, _, texts in named}
    )
    return Generated(
        {name: type_name for name, type_name, _, _ in named},
        draw(st.lists(row, min_size=8, max_size=12)),
        draw(st.permutations(fields)),
        specs,
        [one.name for one in fields if draw(st.integers(0, 9)) == 0],
        draw(st.sampled_from(["UTC", "UTC", "Europe/Berlin"])),
    )


@pytest.mark.parametrize("target", ["postgresql", "mysql", "mariadb"])
@pytest.mark.parametrize("flavour", PUSHED_FLAVOURS)
def test_what_the_source_is_sure_of_is_what_the_line_mapper_gives(
    flavour: Flavour, target: str, lasting_database: OpenDatabase
) -> None:
    check_flavour(lasting_database(flavour), flavour, target, derandomize=False)


@pytest.mark.parametrize("flavour", PUSHED_FLAVOURS)
def test_the_source_is_sure_of_most(
    flavour: Flavour, lasting_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Always of the same examples: a share of a few that are drawn anew each time says little.

    Hypothesis would take some from the constants of whatever code of ours is loaded.
    """
    monkeypatch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *_, **__: None)
    seen = check_flavour(lasting_database(flavour), flavour, "postgresql", derandomize=True)
    assert seen["sure"] >= SURE_OF_VALID * seen["valid"] > 0, seen


def check_flavour(database: Database, flavour: Flavour, target: str, *, derandomize: bool) -> Counter[str]:
    """Compare both ways, and return how many rows were valid, and of how many of them the source was sure."""
    tables = itertools.count(1)
    seen: Counter[str] = Counter()
    exact = "same" if derandomize else "drawn"

    @settings(
        max_examples=EXAMPLES * (4 if derandomize else 1),
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    @given(generated(flavour))
    def check(made: Generated) -> None:
        table = f"generated_{exact}_{target}_{next(tables)}"
        fill_columns(database, made.columns, made.rows, table)
        query = f"SELECT {', '.join(made.columns)} FROM {table} ORDER BY number"
        with contextlib.closing(open_source(database)) as session:
            compiled = compile_both(
                session, query, made.fields, made.specs, target, keys=made.keys, zone=made.zone
            )
            rows = read_rows(session, query, compiled)
        check_rows(rows, made.fields)
        if not compiled.pushed.unsaid:
            seen["valid"] += sum(row.mapped is not None for row in rows)
            seen["sure"] += sum(row.is_sure for row in rows)

    check()
    return seen
