"""Two rows of one key in one window: the highest cursor wins, contradictions are refused."""

import pytest

from shared.documents.mapping import WriteMode
from shared.errors import DuplicateKey
from tests.conformance.incremental.conftest import KEYED, Events, windowed


@pytest.mark.parametrize("mode", [WriteMode.UPSERT, WriteMode.APPEND])
def test_the_highest_cursor_of_a_key_wins_and_the_others_count_as_collapsed(
    events: Events, mode: WriteMode
) -> None:
    events.create("integer")
    events.put((1, "new", 30), (1, "old", 10), (2, "b", 20), (1, "middle", 20))
    progress = events.run(windowed(mode, KEYED)).progress
    assert events.loaded() == [(1, "new"), (2, "b")]
    assert (progress.rows_read, progress.rows_written, progress.rows_collapsed) == (4, 2, 2)


def test_append_leaves_a_key_that_was_there_and_counts_all(events: Events) -> None:
    events.create("integer")
    of = windowed(WriteMode.APPEND, KEYED)
    events.put((1, "first", 1))
    events.run(of)
    events.put((1, "later", 2), (1, "latest", 3))
    progress = events.run(of).progress
    assert events.loaded() == [(1, "first")]
    assert (progress.rows_unchanged, progress.rows_collapsed) == (1, 1)


def test_equal_rows_with_the_same_cursor_are_one(events: Events) -> None:
    events.create("integer")
    events.put((1, "same", 5), (1, "same", 5), (1, "older", 4))
    progress = events.run(windowed(WriteMode.UPSERT, KEYED)).progress
    assert events.loaded() == [(1, "same")]
    assert progress.rows_collapsed == 2


def test_different_rows_with_the_same_highest_cursor_are_refused(events: Events) -> None:
    events.create("integer")
    events.put((1, "a", 5), (1, "A", 5), (2, "b", 1), (2, "c", 1), (2, "d", 2))
    with pytest.raises(DuplicateKey, match="1 keys in"):
        events.run(windowed(WriteMode.UPSERT, KEYED))
    assert events.loaded() == []
