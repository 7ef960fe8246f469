"""Windows of every kind of cursor: what is read, once, and what the ledger remembers."""

from typing import Any

import pytest

from shared.column_mappings import Split, SplitConfig
from shared.documents.mapping import ErrorPolicy, WriteMode
from shared.errors import InvalidMapping, UnsupportedCapability, WatermarkConflict
from shared.rejected_rows import read_rejected_rows
from tests import factories
from tests.conformance.incremental.conftest import KEYED, Events, windowed
from tests.conformance.values.gears import PUSHED_SOURCES

VALUES: dict[str, tuple[Any, ...]] = {
    "integer": (-5, 7, 7, 12),
    "decimal": ("-0.500000", "7.000001", "7.000001", "12345678901234567890.123456"),
    "date": ("2023-12-31", "2024-01-01", "2024-01-01", "2024-02-29"),
    "timestamp": (
        "2024-01-01 10:00:00.000001",
        "2024-01-01 10:00:00.000002",
        "2024-01-01 10:00:00.000002",
        "2024-01-01 10:00:01.000000",
    ),
    "timestamptz": (
        "2024-01-01 10:00:00.000001",
        "2024-01-01 10:00:00.000002",
        "2024-01-01 10:00:00.000002",
        "2024-01-01 10:00:01.000000",
    ),
}
KINDS = list(VALUES)


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_is_read_once_in_the_window_it_belongs_to(events: Events, kind: str) -> None:
    events.create(kind)
    first, second, tie, last = VALUES[kind]
    of = windowed()
    events.put((1, "a", first), (2, "b", second), (3, "tie", tie))
    one = events.run(of)
    assert (one.progress.rows_read, events.loaded()) == (3, [(1, "a"), (2, "b"), (3, "tie")])
    events.put((4, "d", last))
    two = events.run(of)
    assert two.progress.rows_read == 1
    assert two.window is not None
    assert one.window is not None
    assert two.window.low == one.window.high
    assert events.loaded() == [(1, "a"), (2, "b"), (3, "tie"), (4, "d")]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_window_keeps_the_watermark(events: Events, kind: str) -> None:
    events.create(kind)
    of = windowed()
    events.put((1, "a", VALUES[kind][3]))
    one, two, three = events.run(of), events.run(of), events.run(of)
    assert one.window is not None
    assert [outcome.window and outcome.window.high for outcome in (two, three)] == [one.window.high] * 2
    assert (two.progress.rows_read, three.progress.rows_read) == (0, 0)
    assert events.loaded() == [(1, "a")]


def test_without_any_row_there_is_no_watermark_yet(events: Events) -> None:
    events.create("integer")
    of = windowed()
    empty = events.run(of)
    assert empty.window is not None
    assert (empty.window.low, empty.window.high) == (None, None)
    events.put((1, "a", 1))
    assert events.run(of).progress.rows_written == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_initial_value_is_exclusive(events: Events, kind: str) -> None:
    events.create(kind)
    first, second, _, last = VALUES[kind]
    of = windowed(initial=str(second))
    events.put((1, "before", first), (2, "at it", second), (3, "after", last))
    events.run(of)
    assert events.loaded() == [(3, "after")]


@pytest.mark.parametrize(
    ("kind", "lookback", "late", "too_late", "high"),
    [
        ("integer", 2, 9, 8, 10),
        ("date", 86400, "2024-01-10", "2024-01-09", "2024-01-10"),
        (
            "timestamp",
            60,
            "2024-01-01 09:59:00.000001",
            "2024-01-01 09:59:00.000000",
            "2024-01-01 10:00:00.000000",
        ),
        ("decimal", 0.5, "9.500001", "9.5", "10"),
    ],
)
def test_a_lookback_reads_the_last_stretch_again(
    events: Events, kind: str, lookback: float, late: Any, too_late: Any, high: Any
) -> None:
    events.create(kind)
    of = windowed(WriteMode.UPSERT, KEYED, lookback=lookback)
    events.put((1, "a", high))
    events.run(of)
    events.put((2, "late", late), (3, "too late", too_late))
    outcome = events.run(of)
    assert events.loaded() == [(1, "a"), (2, "late")]
    assert (outcome.progress.rows_read, outcome.progress.rows_unchanged) == (2, 1)


def test_null_cursors_are_rejected_rows(events: Events) -> None:
    events.create("integer")
    of = windowed(on_error=ErrorPolicy(policy="quarantine"))
    run = factories.run(of)
    events.put((1, "a", 1), (2, "nowhere", None))
    progress = events.run(of, run).progress
    assert (progress.rows_read, progress.rows_written, progress.rows_rejected) == (2, 1, 1)
    rows, _ = read_rejected_rows(events.settings, str(run.id), limit=10)
    assert rows[0].source_row == {"id": 2, "name": "nowhere", "at": None}
    assert [error["code"] for error in rows[0].errors] == ["null_cursor"]


@pytest.mark.parametrize("kind", KINDS)
def test_markers_in_the_query_take_the_window(events: Events, kind: str) -> None:
    events.create(kind)
    first, second, _, last = VALUES[kind]
    inner = "SELECT id, name, at FROM events WHERE at > {{low}} AND at <= {{ high }}"
    of = windowed(query=inner, initial=str(first))
    events.put((1, "before", first), (2, "b", second))
    events.run(of)
    assert events.loaded() == [(2, "b")]
    events.put((3, "c", last))
    outcome = events.run(of)
    assert outcome.progress.rows_read == 1
    assert events.loaded() == [(2, "b"), (3, "c")]


def test_one_marker_alone_leaves_the_other_bound_around_the_query(events: Events) -> None:
    events.create("integer")
    of = windowed(query="SELECT id, name, at FROM events WHERE at > {{low}}", initial="0")
    events.put((1, "a", 1))
    events.run(of)
    events.put((2, "b", 2))
    assert events.run(of).progress.rows_read == 1


def test_markers_need_a_first_bound(events: Events) -> None:
    events.create("integer")
    of = windowed(query="SELECT id, name, at FROM events WHERE at > {{low}}")
    with pytest.raises(InvalidMapping, match="initial_value") as caught:
        events.run(of)
    assert caught.value.code == "initial_value_needed"


def test_another_cursor_column_needs_a_decision(events: Events) -> None:
    events.create("integer")
    of = windowed()
    events.put((1, "a", 1))
    events.run(of)
    other = windowed(cursor="id")
    other = other.model_copy(update={"mapping_id": of.mapping_id})
    with pytest.raises(WatermarkConflict, match="'at'"):
        events.run(other)


def test_a_text_column_of_a_server_is_no_cursor(events: Events) -> None:
    events.create("integer")
    events.put((1, "2024-01-01", 1))
    if events.database.flavour == "sqlite":
        events.run(windowed(cursor="name"))
        return
    with pytest.raises(InvalidMapping, match="legal kinds"):
        events.run(windowed(cursor="name"))


@pytest.mark.parametrize(
    "values",
    [
        (1, "2024-01-01"),
        ("2024-01-01", "2024-01-01T00:00:00"),
        (1.5, 2),
        ("a", "b"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00.5Z"),
    ],
)
def test_a_sqlite_column_of_several_forms_is_refused(sqlite_database: Any, values: tuple[Any, ...]) -> None:
    events = Events(sqlite_database)
    events.execute("CREATE TABLE events (id INTEGER, name TEXT, at)")
    events.put(*((number, "x", value) for number, value in enumerate(values)))
    with pytest.raises(UnsupportedCapability) as caught:
        events.run(windowed())
    assert caught.value.code == "mixed_cursor_values"


def test_a_window_is_read_through_a_pushed_down_mapping(events: Events) -> None:
    events.create("integer")
    split = Split(source_columns=("name",), target_fields=("id", "name"), config=SplitConfig(delimiter="-"))
    of = windowed(specs=[split], on_error=ErrorPolicy(policy="quarantine"))
    events.put((0, "1-a", 1), (0, "x-b", 2), (0, "3-c", None))
    first, context = events.run_in(of)
    assert context.gear == ("pushed_down" if events.database.flavour in PUSHED_SOURCES else "line_mapper")
    assert (first.progress.rows_read, first.progress.rows_rejected) == (3, 2)
    events.put((0, "4-d", 3))
    second = events.run(of)
    assert (second.progress.rows_read, second.progress.rows_rejected) == (2, 1)  # the NULL cursor again
    assert events.loaded() == [(1, "a"), (4, "d")]
    rejected, _ = read_rejected_rows(context.target, str(context.run.id), limit=10)
    assert [(row.row_number, row.source_row["name"]) for row in rejected] == [(1, "3-c"), (3, "x-b")]
