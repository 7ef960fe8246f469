"""Rejected rows through the mapping as it is now: what lands leaves the rejected rows, the rest gets new errors."""

import pytest

from shared.documents.mapping import ErrorPolicy, MappingVersion, WriteMode
from shared.documents.run import Run
from shared.errors import InvalidMapping, RunCancelled
from shared.rejected_rows import RejectedRow, read_rejected_rows
from tests import factories
from tests.conformance.incremental.conftest import Events
from tests.factories import field

STRICT = (field("id", "integer", nullable=False, primary_key=True), field("name", "integer"))
LENIENT = (field("id", "integer", nullable=False, primary_key=True), field("name"))
UNKEYED = (field("id", "integer"), field("name", "integer"))
QUERY = "SELECT id, name FROM events"
QUARANTINE = ErrorPolicy(policy="quarantine")


def _rejected(events: Events, run: Run) -> list[RejectedRow]:
    return read_rejected_rows(events.settings, str(run.id), limit=100)[0]


def _reject(events: Events, mode: WriteMode, columns: tuple[object, ...]) -> tuple[MappingVersion, Run]:
    events.create("integer")
    events.put((1, "7", 1), (2, "tab\tand \\N", 2), (None, "no key", 3))  # type: ignore[arg-type]
    of = factories.mapping_version(QUERY, columns, write_mode=mode, on_error=QUARANTINE)  # type: ignore[arg-type]
    run = factories.run(of)
    events.run(of, run)
    return of, run


def _changed(of: MappingVersion, columns: tuple[object, ...]) -> MappingVersion:
    schema = of.target_schema.model_copy(update={"columns": columns})
    table = of.mapping.model_copy(update={"target_table": "replayed"})
    return of.model_copy(update={"target_schema": schema, "mapping": table, "mapping_version": 2})


def _replay(of: MappingVersion, first: Run) -> Run:
    return factories.run(of, trigger="replay", retry_of=first.id, replay_of=first.id)


@pytest.mark.parametrize("mode", list(WriteMode))
def test_what_lands_is_cleared_and_the_rest_keeps_its_new_errors(events: Events, mode: WriteMode) -> None:
    of, first = _reject(events, mode, STRICT)
    assert [row.row_number for row in _rejected(events, first)] == [2, 3]
    now = _changed(of, LENIENT)
    progress = events.run(now, _replay(now, first)).progress
    assert (progress.rows_read, progress.rows_written, progress.rows_rejected) == (2, 1, 1)
    assert events.fetch("SELECT id, name FROM replayed") == [(2, "tab\tand \\N")]
    [left] = _rejected(events, first)
    assert (left.row_number, left.mapping_version) == (3, 2)
    assert left.source_row == {"id": None, "name": "no key"}
    assert [error["code"] for error in left.errors] == ["null_in_key"]
    again = events.run(now, _replay(now, first)).progress
    assert (again.rows_read, again.rows_rejected) == (1, 1)


def test_append_without_keys_adds_the_rows(events: Events) -> None:
    of, first = _reject(events, WriteMode.APPEND, UNKEYED)
    now = _changed(of, (field("id", "integer"), field("name")))
    progress = events.run(now, _replay(now, first)).progress
    assert (progress.rows_written, progress.rows_rejected) == (2, 0)
    assert _rejected(events, first) == []
    assert events.run(now, _replay(now, first)).progress.rows_read == 0


def test_replace_without_keys_cannot_be_replayed(events: Events) -> None:
    of, first = _reject(events, WriteMode.REPLACE, UNKEYED)
    with pytest.raises(InvalidMapping) as caught:
        events.run(of, _replay(of, first))
    assert caught.value.code == "replay_needs_key"


def test_a_cancelled_replay_changes_nothing(events: Events) -> None:
    of, first = _reject(events, WriteMode.UPSERT, STRICT)
    now = _changed(of, LENIENT)
    replay = _replay(now, first)

    def cancel() -> None:
        raise RunCancelled

    with pytest.raises(RunCancelled):
        events.run(now, replay, on_committing=cancel)
    assert len(_rejected(events, first)) == 2
    assert events.fetch("SELECT id FROM replayed") == []
    events.run(now, replay.model_copy(update={"attempt": 2}))
    assert len(_rejected(events, first)) == 1
