"""The engine's tables in a target keep nothing beyond its retention, and all that somebody still needs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from executor.load.ledger import Ledger, LedgerState
from executor.load.purge import Cutoffs, Purged, purge_target
from local_servers import Database
from shared.documents.mapping import ErrorPolicy, WriteMode
from shared.documents.run import RunStatus
from shared.ledger_tables import KIND_BACKFILL, KIND_CURSOR, KIND_RUN, STAGING_PREFIX
from shared.rejected_rows import read_rejected_rows
from shared.watermarks import Watermark
from tests import factories
from tests.conformance.write_modes.test_leftovers import leave_behind
from tests.conformance.write_modes.test_write_modes import Pair, version
from tests.conftest import DatabaseFactory
from tests.factories import field

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CUTOFFS = Cutoffs(runs=NOW - timedelta(days=90), rejected_rows=NOW - timedelta(days=30))
MAPPING = "a" * 24


@pytest.fixture
def pair(any_database: Database) -> Pair:
    made = Pair(any_database)
    with made.session() as session:
        Ledger(session, made.settings).ensure_tables()
    return made


def days_ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def add_row(pair: Pair, fence: int, closed_days_ago: float | None, **fields: Any) -> str:
    """A ledger row of a run; None days: it is open."""
    row = {
        "run_id": str(ObjectId()),
        "fence": fence,
        "state": "open" if closed_days_ago is None else "committed",
        "format": 1,
        "mapping_id": MAPPING,
        "mapping_version": 1,
        "target_table": "facts",
        "write_mode": "append",
        "kind": KIND_RUN,
        "cursor_column": None,
        "opened_at": days_ago(200),
        "closed_at": None if closed_days_ago is None else days_ago(closed_days_ago),
        **fields,
    }
    mark = "?" if pair.database.flavour == "sqlite" else "%s"
    marks = ", ".join([mark] * len(row))
    pair.execute(f"INSERT INTO etl_engine_runs ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    return str(row["run_id"])


def purge(pair: Pair, **states: RunStatus) -> Purged:
    def ask(run_ids: Sequence[str]) -> Mapping[str, RunStatus]:
        return {run_id: states[run_id] for run_id in run_ids if run_id in states}

    return purge_target(pair.settings, CUTOFFS, ask)


def rows(pair: Pair) -> set[str]:
    return {row[0] for row in pair.fetch("SELECT run_id FROM etl_engine_runs")}


def test_old_rows_go_but_for_the_newest_of_a_mapping_and_table(pair: Pair) -> None:
    old = [add_row(pair, fence, 100 - fence) for fence in (1, 2)]
    newest = add_row(pair, 3, 95)
    other_table = add_row(pair, 1, 95, target_table="others")
    other_mapping = add_row(pair, 1, 95, mapping_id="b" * 24)
    add_row(pair, 4, 95, state="aborted")
    assert purge(pair) == Purged(runs=3)
    assert rows(pair) == {newest, other_table, other_mapping}
    assert not rows(pair) & set(old)
    assert purge(pair) == Purged()


def test_rows_within_the_retention_stay_and_so_do_open_ones(pair: Pair) -> None:
    young = [add_row(pair, fence, 89) for fence in (1, 2)]
    still_open = add_row(pair, 3, None)
    assert purge(pair) == Purged()
    assert rows(pair) == {*young, still_open}


def test_the_row_that_a_window_starts_from_stays(pair: Pair) -> None:
    """Runs without a cursor, and backfills, have come after it."""
    add_row(pair, 1, 100, cursor_column="id", watermark_high="integer:10")
    add_row(pair, 2, 99, cursor_column="id", watermark_high="integer:20")
    add_row(pair, 3, 98)
    add_row(pair, 4, 97, kind=KIND_BACKFILL, cursor_column="id", watermark_high="integer:7")
    purge(pair)
    with pair.session() as session:
        ledger = Ledger(session, pair.settings)
        assert ledger.last_watermark(MAPPING, "facts") == Watermark("integer:20", "id", moved=False)
        last = ledger.last_committed(MAPPING, "facts")
        assert last is not None
        assert last.fence == 3


def test_a_moved_cursor_that_is_the_newest_stays(pair: Pair) -> None:
    add_row(pair, 1, 100, cursor_column="id", watermark_high="integer:10")
    add_row(pair, 2, 99, kind=KIND_CURSOR, cursor_column="id", watermark_high="integer:5")
    purge(pair)
    with pair.session() as session:
        found = Ledger(session, pair.settings).last_watermark(MAPPING, "facts")
    assert found == Watermark("integer:5", "id", moved=True)


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.COMMITTING])
def test_nothing_of_a_run_that_is_not_over_goes(pair: Pair, status: RunStatus) -> None:
    """One that has committed and whose report is still to come: without its row it would be loaded again."""
    unreported = add_row(pair, 1, 100)
    add_row(pair, 2, 99)
    add_rejected(pair, unreported)
    assert purge(pair, **{unreported: status}) == Purged()
    assert unreported in rows(pair)
    assert purge(pair, **{unreported: RunStatus.SUCCEEDED}) == Purged(runs=1, rejected=1)


def add_rejected(pair: Pair, run_id: str) -> None:
    name = "`row_number`" if pair.database.flavour in ("mysql", "mariadb") else "row_number"
    pair.execute(
        f"INSERT INTO etl_engine_rejected_rows (run_id, {name}, mapping_version, source_row, errors)"
        f" VALUES ('{run_id}', 1, 1, '{{}}', '[]'), ('{run_id}', 2, 1, '{{}}', '[]')"
    )


def rejected(pair: Pair) -> set[str]:
    return {row[0] for row in pair.fetch("SELECT run_id FROM etl_engine_rejected_rows")}


def test_rejected_rows_have_a_retention_of_their_own(pair: Pair) -> None:
    """Those of the newest run too; those of a run without a row go by the time that its id says."""
    old, young = add_row(pair, 1, 31), add_row(pair, 2, 29)
    without_row = [str(ObjectId.from_datetime(NOW - timedelta(days=days))) for days in (31, 29)]
    for run_id in (old, young, *without_row):
        add_rejected(pair, run_id)
    assert purge(pair) == Purged(rejected=2)
    assert rejected(pair) == {young, without_row[1]}
    assert rows(pair) == {old, young}


def test_a_real_run_is_purged_by_what_it_wrote_itself(pair: Pair) -> None:
    of = version(
        WriteMode.APPEND,
        (field("id", "integer", nullable=False), field("name")),
        on_error=ErrorPolicy(policy="quarantine"),
    )
    pair.put((1, "a"), (None, "b"))
    first, second = factories.run(of), factories.run(of, fence=2)
    pair.run(of, first)
    pair.run(of, second)
    later = Cutoffs(datetime(2100, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert purge_target(pair.settings, later, lambda _: {}) == Purged(runs=1, rejected=2)
    assert rows(pair) == {str(second.id)}
    assert read_rejected_rows(pair.settings, str(first.id), limit=10) == ([], 0)


def test_a_target_that_the_engine_never_wrote_to_is_left_alone(any_database: Database) -> None:
    settings = factories.connection_settings(any_database)
    assert purge_target(settings, CUTOFFS, lambda _: {}) == Purged()


@pytest.mark.parametrize("flavour", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_tables_of_a_run_that_is_over_go_and_nobody_elses(
    flavour: Any, create_database: DatabaseFactory
) -> None:
    pair = Pair(create_database(flavour))
    of = version(WriteMode.REPLACE)
    over, live = factories.run(of), factories.run(of)
    leave_behind(pair, over, LedgerState.OPEN)
    kept = leave_behind(pair, live, LedgerState.OPEN)
    unknown = f"{STAGING_PREFIX}{ObjectId()}_7"
    pair.execute(f"CREATE TABLE {unknown} (a INTEGER)")
    states = {str(over.id): RunStatus.FAILED, str(live.id): RunStatus.RUNNING}
    assert purge(pair, **states) == Purged(leftovers=1)
    assert set(pair.leftovers()) == {*kept, unknown}
    states_in_ledger = dict(pair.fetch("SELECT run_id, state FROM etl_engine_runs"))
    assert states_in_ledger == {str(over.id): "committed", str(live.id): "open"}  # its marker says so
