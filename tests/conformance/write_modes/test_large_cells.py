"""Rows with cells of 10 MiB arrive whole, and a run's memory is a few times the line of the longest row."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from executor.pipeline import execute_run
from executor.worker_process import _keep_heap_small
from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import ColumnMappingSpec, Direct, Split
from shared.column_mappings.split import SplitConfig
from shared.dialects.base import ConnectionSettings
from shared.documents.mapping import ErrorPolicy, MappingVersion, WriteMode
from shared.ledger_tables import REJECTED_ROWS
from shared.types import TargetField
from tests import factories
from tests.conftest import DatabaseFactory
from tests.factories import field
from tests.recording_context import RecordingContext

CELL_MIB = 10
ROWS = 8
LINE_MIB = 3 * CELL_MIB  # text, and bytes as two hexadecimal digits each
LINES = {"pass_through": 8, "pushed_down": 10, "line_mapper": 14}
REJECTED_LINES = 20
FILL = {
    "postgresql": (
        "CREATE TABLE source_rows (id bigint, pair text, raw bytea)",
        "INSERT INTO source_rows SELECT i, i || E'|\\\\ \\t \"ä\" ' || repeat(md5(i::text), {times}),"
        " decode(repeat(md5(i::text), 2 * {times}), 'hex') FROM generate_series({first}, {last}) AS i",
    ),
    "mariadb": (
        "CREATE TABLE source_rows (id BIGINT, pair LONGTEXT, raw LONGBLOB) CHARACTER SET utf8mb4",
        "INSERT INTO source_rows SELECT seq, CONCAT(seq, '|\\\\ \\t \"ä\" ', REPEAT(MD5(seq), {times})),"
        " UNHEX(REPEAT(MD5(seq), 2 * {times})) FROM seq_{first}_to_{last}",
    ),
}
PAIRS: list[tuple[Flavour, Flavour]] = [
    ("postgresql", "postgresql"),
    ("postgresql", "mariadb"),
    ("mariadb", "postgresql"),
]
WHOLE = (field("id", "integer"), field("pair"), field("raw", "binary"))
CUT = (field("id", "integer"), field("number", "integer"), field("rest"), field("raw", "binary"))


SPLIT: list[ColumnMappingSpec] = [
    Direct(source_columns=("id",), target_fields=("id",)),
    Split(source_columns=("pair",), target_fields=("number", "rest"), config=SplitConfig(delimiter="|")),
    Direct(source_columns=("raw",), target_fields=("raw",)),
]
# JSON is checked by the worker, which is why the row goes through the line mapper.
CHECKED: ColumnMappingSpec = Direct(source_columns=("doc",), target_fields=("doc",))
GEARS: dict[str, tuple[tuple[TargetField, ...], list[ColumnMappingSpec]]] = {
    "pass_through": (WHOLE, []),
    "pushed_down": (CUT, SPLIT),
    "line_mapper": ((*CUT, field("doc", "json")), [*SPLIT, CHECKED]),
}


def high_water_mib() -> float:
    """The peak of this process alone: `ru_maxrss` counts its parent in."""
    [line] = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def measure(
    source: ConnectionSettings, target: ConnectionSettings, *versions: MappingVersion
) -> list[tuple[str | None, float]]:
    """In a process of its own: the gear and the peak after each run."""
    _keep_heap_small()
    seen = []
    for version in versions:
        context = RecordingContext(factories.run(version), version, source, target)
        execute_run(context)
        seen.append((context.gear, high_water_mib()))
    return seen


def run_alone(
    source: Database, target: Database, gear: str, pair: str = "pair", **more: Any
) -> list[tuple[str | None, float]]:
    """One run that reads the small row, and one that reads the large ones."""
    columns, specs = GEARS[gear]
    doc = ", '[]' AS doc" if gear == "line_mapper" else ""
    query = f"SELECT id, {pair} AS pair, raw{doc} FROM source_rows"
    small, large = (
        factories.mapping_version(
            f"{query} WHERE {which}", columns, specs, write_mode=WriteMode.APPEND, **more
        )
        for which in ("id = 0", "id > 0")
    )
    read, write = factories.connection_settings(source), factories.connection_settings(target)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        return alone.submit(measure, read, write, small, large).result()


def fill(source: Database) -> None:
    """A small row, and then large ones."""
    create, insert = FILL[source.flavour]
    times = CELL_MIB * 1024 * 1024 // 32
    source.execute(
        create, insert.format(first=0, last=0, times=1), insert.format(first=1, last=ROWS, times=times)
    )


def check_memory(before: float, after: float, lines: int) -> None:
    """docs/gears.md: how many times the longest line a run may take."""
    seen = (after - before) / LINE_MIB
    assert seen < lines, f"{before:.0f} MiB with a small row, {after:.0f} MiB with large ones"


@pytest.mark.parametrize("gear", GEARS)
@pytest.mark.parametrize(("source_flavour", "target_flavour"), PAIRS)
def test_cells_of_ten_mib_arrive_whole_in_bounded_memory(
    create_database: DatabaseFactory, source_flavour: Flavour, target_flavour: Flavour, gear: str
) -> None:
    source, target = create_database(source_flavour), create_database(target_flavour)
    fill(source)
    (_, before), (chosen, after) = run_alone(source, target, gear)
    pair = "pair" if gear == "pass_through" else "CONCAT(number, '|', rest)"
    arrived = target.rows(f"SELECT id, MD5({pair}), MD5(raw) FROM facts ORDER BY id")
    assert arrived == source.rows("SELECT id, MD5(pair), MD5(raw) FROM source_rows ORDER BY id")
    assert chosen == gear
    check_memory(before, after, LINES[gear])


@pytest.mark.parametrize("gear", ["pushed_down", "line_mapper"])
def test_rejected_rows_with_cells_of_ten_mib_are_kept_in_bounded_memory(
    create_database: DatabaseFactory, gear: str
) -> None:
    source, target = create_database("postgresql"), create_database("postgresql")
    fill(source)
    quarantine = ErrorPolicy(policy="quarantine")
    (_, before), (chosen, after) = run_alone(source, target, gear, "'x' || pair", on_error=quarantine)
    kept = target.rows(f"SELECT octet_length(source_row::text) > {CELL_MIB * 2**20} FROM {REJECTED_ROWS}")
    assert sorted(kept) == [(False,), *[(True,)] * ROWS]
    assert chosen == gear
    check_memory(before, after, REJECTED_LINES)
