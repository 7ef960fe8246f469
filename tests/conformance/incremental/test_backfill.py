"""A backfill reads its range and leaves the watermark where it was."""

from shared.cursors import split_range
from shared.documents.mapping import WriteMode
from tests import factories
from tests.conformance.incremental.conftest import KEYED, Events, windowed


def test_a_backfill_brings_in_its_range_and_leaves_the_watermark(events: Events) -> None:
    events.create("timestamp")
    of = windowed(WriteMode.UPSERT, KEYED)
    days = [(1, "a", "01"), (2, "b", "02"), (3, "c", "05")]
    events.put(*((number, name, f"2024-01-{day} 00:00:00.000000") for number, name, day in days))
    forward = events.run(of)
    events.execute("UPDATE events SET name = 'mended'")
    chunks = split_range("2024-01-01 00:00:00.000000", "2024-01-03 00:00:00.000000", 86400)
    runs = [factories.run(of, trigger="backfill", fixed_window=chunk) for chunk in chunks]
    assert [events.run(of, run).progress.rows_read for run in runs] == [2, 0]
    assert events.loaded() == [(1, "mended"), (2, "mended"), (3, "c")]
    events.put((4, "d", "2024-01-06 00:00:00.000000"))
    after = events.run(of)
    assert after.progress.rows_read == 1
    assert after.window is not None
    assert forward.window is not None
    assert after.window.low == forward.window.high
