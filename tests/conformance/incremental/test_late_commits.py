"""Rows that are committed late on PostgreSQL: a time cursor waits for them, where the source shows who writes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest

from local_servers import Database
from shared.cursors import Cursor
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, SessionLimits
from shared.documents.mapping import WriteMode
from shared.late_commits import HeldBack, OpenTransactions, hold_back, late_commits_reason
from shared.plan import make_plan
from shared.types import Kind, SourceColumn
from tests.conformance.incremental.conftest import FIELDS, Events, windowed

NOW = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)
EARLIER = datetime(2024, 1, 1, 11, 30, tzinfo=UTC)


@contextmanager
def writer(database: Database) -> Iterator[Any]:
    connection = psycopg2.connect(
        host=database.host, port=database.port, dbname=database.database,
        user=database.username, password=database.password,
    )  # fmt: skip
    try:
        yield connection.cursor()
        connection.commit()
    finally:
        connection.close()


@pytest.fixture
def events(postgresql_database: Database) -> Events:
    return Events(postgresql_database)


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_a_row_committed_late_is_read_once_it_is_there(events: Events, kind: str) -> None:
    events.create(kind)
    of = windowed()
    with writer(events.database) as late:
        in_utc = "now() AT TIME ZONE 'UTC'" if kind == "timestamp" else "now()"
        late.execute(f"INSERT INTO events VALUES (1, 'late', {in_utc})")
        events.execute(f"INSERT INTO events VALUES (2, 'on time', {in_utc})")
        _, context = events.run_in(of)
        assert events.loaded() == []
        assert any("a transaction is open in the source" in text for _, text in context.lines)
    events.run(of)
    assert events.loaded() == [(1, "late"), (2, "on time")]


def test_a_transaction_counts_from_its_beginning_not_from_its_first_write(events: Events) -> None:
    events.create("timestamptz")
    of = windowed()
    with writer(events.database) as late:
        late.execute("SELECT 1")
        events.execute("INSERT INTO events VALUES (2, 'on time', now())")
        events.run(of)
        late.execute("INSERT INTO events VALUES (1, 'late', now())")
    events.run(of)
    assert events.loaded() == [(1, "late"), (2, "on time")]


def test_nothing_is_lost_or_doubled_beside_writers_that_commit_late(events: Events) -> None:
    """Three writers commit out of order while windows follow each other."""
    events.create("timestamptz")
    of = windowed(WriteMode.APPEND, FIELDS)
    ended = threading.Event()
    failures: list[BaseException] = []

    def write(first: int) -> None:
        try:
            for number in range(first, 1000, 3):
                if ended.is_set():
                    return
                with writer(events.database) as late:
                    late.execute("INSERT INTO events VALUES (%s, 'x', now())", (number,))
                    late.execute("SELECT pg_sleep(%s)", (0.05 * (number % 4),))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        events.run(of)
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []
    events.run(of)
    assert events.loaded() == sorted(events.fetch("SELECT id, name FROM events"))
    assert events.loaded()


def test_a_prepared_transaction_stops_the_window() -> None:
    looks = OpenTransactions(NOW, None, prepared=True, snapshot="1:1:")
    held = hold_back(looks, "1:1:", looks, "UTC")
    assert held.stopped


def test_what_both_looks_missed_is_held_back_to_the_first_look() -> None:
    before = OpenTransactions(EARLIER, None, prepared=False, snapshot="1:1:")
    after = OpenTransactions(NOW, None, prepared=False, snapshot="1:3:")
    assert hold_back(before, "1:2:", after, "UTC").before == EARLIER
    assert hold_back(before, "1:3:", after, "UTC").before is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.TIMESTAMPTZ, "2024-01-01 23:30:00+00"),
        (Kind.TIMESTAMP, "2024-01-02 00:30:00"),
        (Kind.DATE, "2024-01-02"),
        (Kind.INTEGER, None),
    ],
)
def test_the_bound_stands_in_the_clock_of_the_column(kind: Kind, text: str | None) -> None:
    held = HeldBack(datetime(2024, 1, 1, 23, 30, tzinfo=UTC), stopped=False, time_zone="Europe/Berlin")
    assert held.text(kind) == text


def test_the_plan_shows_the_window_and_warns_where_late_commits_can_be_missed(any_database: Database) -> None:
    events = Events(any_database)
    events.create("integer")
    events.put((1, "a", 4))
    plan = make_plan(windowed(initial="2"), events.settings, events.settings)
    assert plan.window is not None
    assert (plan.window.low, plan.window.high) == ("integer:2", "integer:4")
    expected = [] if any_database.flavour == "sqlite" else ["late_commits"]
    assert [warning.code for warning in plan.warnings] == expected
    looking_back = make_plan(windowed(initial="2", lookback=3), events.settings, events.settings)
    assert looking_back.warnings == ()


def test_a_time_cursor_is_warned_of_where_transactions_are_not_shown(any_database: Database) -> None:
    events = Events(any_database)
    events.create("timestamp")
    session = dialect_for(events.settings.db_type).connect(events.settings, Purpose.PREVIEW, SessionLimits())
    try:
        column = SourceColumn("at", Kind.TIMESTAMP, "timestamp")
        reason = late_commits_reason(session, Cursor(column, Kind.TIMESTAMP))
    finally:
        session.close()
    assert (reason is not None) == (any_database.db_type == "mysql")
