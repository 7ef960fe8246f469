"""What a run does when ledger, target and MongoDB do not agree about a watermark."""

import pytest

from shared.cursor_moves import move_cursor, undo_move
from shared.documents.mapping import MappingVersion
from shared.documents.run import Window
from shared.errors import InvalidMapping, WatermarkConflict
from tests.conformance.incremental.conftest import Events, windowed

SHOWN = Window(low=None, high="integer:1")


def _loaded_once(events: Events) -> MappingVersion:
    events.create("integer")
    of = windowed()
    events.put((1, "a", 1))
    events.run(of)
    return of


def _move(events: Events, of: MappingVersion, value: str | None) -> str:
    events.fence += 1
    return move_cursor(of, events.settings, events.settings, value, events.fence).move_id


def test_a_ledger_that_is_gone_stops_the_run_until_a_decision(events: Events) -> None:
    of = _loaded_once(events)
    events.execute("DROP TABLE etl_engine_runs")
    with pytest.raises(WatermarkConflict, match="ledger"):
        events.run(of, shown_window=SHOWN)
    _move(events, of, "1")
    events.put((2, "b", 2))
    assert events.run(of, shown_window=SHOWN).progress.rows_read == 1
    assert events.loaded() == [(1, "a"), (2, "b")]


def test_a_table_that_is_gone_stops_the_run_until_a_decision(events: Events) -> None:
    of = _loaded_once(events)
    events.execute("DROP TABLE facts")
    with pytest.raises(WatermarkConflict, match="'facts' is gone"):
        events.run(of, shown_window=SHOWN)
    _move(events, of, None)
    assert events.run(of, shown_window=SHOWN).progress.rows_read == 1
    assert events.run(of, shown_window=SHOWN).progress.rows_read == 0


def test_a_changed_target_stops_the_run(events: Events) -> None:
    of = _loaded_once(events)
    moved = of.model_copy(update={"mapping": of.mapping.model_copy(update={"target_table": "elsewhere"})})
    with pytest.raises(WatermarkConflict, match="target was changed"):
        events.run(moved, shown_window=SHOWN)


def test_a_mapping_that_never_ran_has_no_conflict(events: Events) -> None:
    _loaded_once(events)
    assert events.loaded() == [(1, "a")]


def test_a_moved_cursor_is_read_again_from_there(events: Events) -> None:
    of = _loaded_once(events)
    events.put((2, "b", 2), (3, "c", 3))
    events.run(of)
    _move(events, of, "2")
    assert events.run(of).progress.rows_read == 1
    assert events.loaded() == [(1, "a"), (2, "b"), (3, "c"), (3, "c")]


def test_a_move_that_is_undone_never_was(events: Events) -> None:
    of = _loaded_once(events)
    undo_move(events.settings, _move(events, of, None))
    assert events.run(of).progress.rows_read == 0


def test_a_value_of_another_form_is_refused(events: Events) -> None:
    of = _loaded_once(events)
    with pytest.raises(InvalidMapping) as caught:
        _move(events, of, "yesterday")
    assert caught.value.loc == ("value",)
