"""Rejected rows: kept whole with the data, with every error; read in blocks; stopped at their limits."""

import pytest

from executor.context import RunOutcome
from executor.pipeline import execute_run
from local_servers import Database
from local_servers.access import Flavour
from shared import rejected_rows
from shared.column_mappings import Direct, Split, SplitConfig
from shared.documents.mapping import ErrorPolicy
from shared.errors import CastFailed, RejectLimitExceeded
from shared.rejected_rows import read_rejected_block, read_rejected_rows
from tests import conftest, factories
from tests.conformance.values.runs import run
from tests.factories import connection_settings, field
from tests.recording_context import RecordingContext

FIELDS = (
    field("id", "integer", nullable=False),
    field("day", "date"),
    field("a", "integer"),
    field("b", "boolean"),
)
SPECS = (
    Direct(source_columns=("id",), target_fields=("id",)),
    Direct(source_columns=("day",), target_fields=("day",)),
    Split(source_columns=("parts",), target_fields=("a", "b"), config=SplitConfig(delimiter="|")),
)
UNUSED = "\t\\N \U0001f642 'left alone'"


def fill(source: Database, rows: int, bad: int) -> None:
    """Make rows of which the first `bad` have errors in three fields of two column mappings."""
    text = {"postgresql": "text", "sqlite": "TEXT"}.get(source.flavour, "VARCHAR(100)")
    with source.cursor() as cursor:
        cursor.execute(f"CREATE TABLE source_rows (id INTEGER, day {text}, parts {text}, unused {text})")
        mark = "?" if source.flavour == "sqlite" else "%s"
        insert = f"INSERT INTO source_rows VALUES ({', '.join([mark] * 4)})"
        cursor.execute("BEGIN")
        for number in range(1, rows + 1):
            wrong = number <= bad
            parts = "x|tr" if wrong else "7|yes"
            cursor.execute(
                insert, (number, "today" if wrong else "2024-02-29", parts, UNUSED if wrong else None)
            )
        cursor.execute("COMMIT")


@pytest.mark.parametrize("pair", conftest.ALL_PAIRS)
def test_a_rejected_row_is_kept_whole_with_every_error_and_the_version(
    pair: tuple[Flavour, Flavour], create_database: conftest.DatabaseFactory
) -> None:
    source, target = create_database(pair[0]), create_database(pair[1])
    fill(source, rows=3, bad=1)
    outcome = run(source, target, "SELECT * FROM source_rows ORDER BY id", FIELDS, SPECS)
    assert (outcome.progress.rows_written, outcome.progress.rows_rejected) == (2, 1)
    [kept] = outcome.rejected
    assert (kept.row_number, kept.mapping_version) == (1, 1)
    assert kept.source_row == {"id": 1, "day": "today", "parts": "x|tr", "unused": UNUSED}
    assert [(one["target_field"], one["source_columns"], one["code"]) for one in kept.errors] == [
        ("day", ["day"], "not_a_date"),
        ("a", ["parts"], "not_an_integer"),
        ("b", ["parts"], "not_a_boolean"),
    ]
    assert all("legal" in one["message"] for one in kept.errors)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (ErrorPolicy(policy="quarantine", max_rows=2), "3 rows were rejected, max_rows is 2"),
        (
            ErrorPolicy(policy="quarantine", max_percent=29.9),
            "3 rows were rejected, max_percent is 29.9 of 10 rows",
        ),
    ],
)
def test_beyond_its_limits_nothing_is_published_and_the_rejected_rows_are_kept(
    policy: ErrorPolicy, message: str, any_database: Database
) -> None:
    fill(any_database, rows=10, bad=3)
    context = started(any_database, policy)
    with pytest.raises(RejectLimitExceeded, match=message) as stopped:
        execute(context)
    assert (stopped.value.row, stopped.value.column) == (1, "day")
    rows, total = read_rejected_rows(context.target, str(context.run.id), limit=10)
    assert total == 3
    assert [row.row_number for row in rows] == [1, 2, 3]
    assert any_database.rows("SELECT * FROM facts") == []


@pytest.mark.parametrize(
    "policy",
    [
        ErrorPolicy(policy="quarantine", max_rows=3),
        ErrorPolicy(policy="quarantine", max_percent=30),
        ErrorPolicy(policy="quarantine", max_rows=3, max_percent=30),
    ],
)
def test_up_to_its_limits_a_run_goes_on(policy: ErrorPolicy, any_database: Database) -> None:
    fill(any_database, rows=10, bad=3)
    assert execute(started(any_database, policy)).progress.rows_written == 7


def test_under_fail_the_first_hundred_are_kept(any_database: Database) -> None:
    fill(any_database, rows=150, bad=120)
    context = started(any_database, ErrorPolicy(policy="fail"))
    with pytest.raises(CastFailed) as failed:
        execute(context)
    assert (failed.value.row, failed.value.column, failed.value.code) == (1, "day", "not_a_date")
    rows, total = read_rejected_rows(context.target, str(context.run.id), limit=1000)
    assert total == 100
    assert [row.row_number for row in rows] == list(range(1, 101))
    assert any_database.rows("SELECT * FROM facts") == []


def test_all_rejected_rows_are_read_in_blocks(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(any_database, rows=60, bad=60)
    context = started(any_database, ErrorPolicy(policy="quarantine"))
    execute(context)
    monkeypatch.setattr(rejected_rows, "BLOCK_ROWS", 25)
    assert blocks(context) == [25, 25, 10]
    monkeypatch.setattr(rejected_rows, "BLOCK_CHARACTERS", 1)
    assert blocks(context) == [1] * 60


def blocks(context: RecordingContext) -> list[int]:
    sizes, after, run_id = [], 0, str(context.run.id)
    while rows := read_rejected_block(context.target, run_id, after=after):
        assert [row.row_number for row in rows] == list(range(after + 1, after + 1 + len(rows)))
        sizes.append(len(rows))
        after = rows[-1].row_number
    return sizes


def test_a_target_without_the_tables_of_the_engine_has_none(any_database: Database) -> None:
    any_database.execute("CREATE TABLE t (a INTEGER)")
    settings = connection_settings(any_database)
    assert read_rejected_rows(settings, "0" * 24, limit=10) == ([], 0)
    assert read_rejected_block(settings, "0" * 24, after=0) == []


def started(database: Database, policy: ErrorPolicy) -> RecordingContext:
    query = "SELECT * FROM source_rows ORDER BY id"
    version = factories.mapping_version(query, FIELDS, SPECS, on_error=policy, guards={"allow_empty": True})
    settings = connection_settings(database)
    return RecordingContext(factories.run(version), version, settings, settings)


def execute(context: RecordingContext) -> RunOutcome:
    return execute_run(context)


def test_the_columns_are_kept_once(any_database: Database) -> None:
    fill(any_database, rows=5, bad=4)
    execute(started(any_database, ErrorPolicy(policy="quarantine")))
    kept = any_database.rows("SELECT COUNT(*), COUNT(source_columns) FROM etl_engine_rejected_rows")
    assert [tuple(row) for row in kept] == [(4, 1)]
