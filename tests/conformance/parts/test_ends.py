"""However a part ends, nothing half read is published, and no statement of any part is left on the server."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from executor.extract import Feed
from executor.interrupts import Interrupts
from executor.pipeline import execute_run
from local_servers import Database
from local_servers.access import Flavour
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Session
from shared.dialects.binary_copy import BINARY_HEADER
from shared.documents.mapping import MappingVersion
from shared.documents.run import Run
from shared.errors import (
    ControlSignal,
    RunCancelled,
    RunTimedOut,
    SourceUnavailable,
    TargetUnavailable,
    TooManyConnections,
)
from tests import conftest, factories
from tests.chaos.waiting import until
from tests.conformance.parts.scene import context_of, in_parts, said_of_parts, statements_on
from tests.conformance.values.gears import Gears
from tests.factories import field
from tests.recording_context import RecordingContext

# More than pipe and sockets hold of each part, so that every statement is still at it in the middle.
ROWS, WIDTH = 40_000, 1500
FIELDS = (field("id", "integer"), field("name"))
QUERY = f"SELECT id, repeat('x', {WIDTH}) AS name FROM made"
# One row of the third part takes longer than any test, and its part sends nothing until then.
SILENT_QUERY = "SELECT id, slow(id) AS name FROM few"
SILENT_ROW = 70
MIDDLE_BLOCK = 4
WAYS: list[tuple[Flavour, str]] = [
    ("postgresql", "pass_through"),
    ("postgresql", "pass_through_text"),
    ("mariadb", "pass_through"),
    ("postgresql", "line_mapper"),
]


class Broken(Exception):
    """What a test breaks a side with."""


class InterruptedContext(RecordingContext):
    """A context whose run can be ended from outside, as a worker's is."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.interrupts = Interrupts()

    def check(self) -> None:
        self.interrupts.check()

    def hold(self, settings: ConnectionSettings, session: Session) -> None:
        super().hold(settings, session)
        self.interrupts.hold(session)

    def release(self, session: Session) -> None:
        super().release(session)
        self.interrupts.release(session)


class Scene:
    """A source of many rows, one with a silent row, and a target with the rows of a good run before."""

    def __init__(self, source: Database, target: Database) -> None:
        self.source, self.target = source, target
        source.execute(
            "CREATE TABLE made AS SELECT g AS id FROM generate_series(1, 2) g",
            "CREATE TABLE few (id integer PRIMARY KEY)",
            "INSERT INTO few SELECT g FROM generate_series(1, 100) g",
            "CREATE FUNCTION slow(n integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
            f" 'BEGIN IF n = {SILENT_ROW} THEN PERFORM pg_sleep(600); END IF; RETURN n; END'",
        )
        self.version = in_parts(QUERY, FIELDS, column="id", on_error={})
        execute_run(self.context(factories.run(self.version)))
        source.execute(f"INSERT INTO made SELECT g FROM generate_series(3, {ROWS}) g", "ANALYZE made")
        assert self.rows() == 2
        self.run = factories.run(self.version, fence=2)

    def context(self, run: Run | None = None, version: MappingVersion | None = None) -> RecordingContext:
        self.last = context_of(version or self.version, self.source, self.target, run or self.run)
        return self.last

    def silent_context(self) -> InterruptedContext:
        mapping = self.version.mapping.model_copy(update={"source_query": SILENT_QUERY})
        version = self.version.model_copy(update={"mapping": mapping})
        settings = (factories.connection_settings(one) for one in (self.source, self.target))
        return InterruptedContext(self.run, version, *settings)

    def rows(self) -> int:
        [(count, distinct)] = self.target.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM facts")
        assert count == distinct
        return int(count)

    def is_silent(self) -> bool:
        """Whether the silent part is at its silent row."""
        [(sleeping,)] = self.source.rows(
            "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        return bool(sleeping)

    def all_parts_are_read(self) -> bool:
        reading = [query for state, query in statements_on(self.source) if state == "active"]
        return len([query for query in reading if query.startswith("COPY")]) == 4

    def end_session(self, place: int) -> None:
        """End one of the run's sessions: the target's is the first, the source's and its parts' follow."""
        session = self.last.held[place]
        settings = factories.connection_settings(self.target if place == 0 else self.source)
        dialect_for(settings.db_type).end_session(settings, session.session_id)

    def check_nothing_is_left(self, context: RecordingContext) -> None:
        assert context.held == []
        assert [thread.name for thread in threading.enumerate() if thread.name == "extract"] == []
        until(lambda: not self.left_on_source(), "end of the sessions on the source")
        assert self.rows() == 2
        states = self.target.rows(f"SELECT state FROM etl_engine_runs WHERE run_id = '{self.run.id}'")
        assert states == [("open",)]

    def left_on_source(self) -> list[Any]:
        return [query for _, query in statements_on(self.source)]

    def check_a_retry_is_exact(self) -> None:
        context = self.context(self.run.model_copy(update={"fence": 3, "attempt": 2}))
        execute_run(context)
        assert said_of_parts(context) == "the source is read in 4 parts by column 'id'"
        assert self.rows() == ROWS


@pytest.fixture(params=WAYS, ids="-".join)
def scene(
    request: pytest.FixtureRequest,
    create_database: conftest.DatabaseFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    flavour, gear = request.param
    Gears(monkeypatch).ask_for(gear)
    return Scene(create_database("postgresql"), create_database(flavour))


@pytest.fixture
def plain(create_database: conftest.DatabaseFactory) -> Scene:
    return Scene(create_database("postgresql"), create_database("postgresql"))


def act_in_the_middle(act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Act while one part has its turn: the feed is held, and the others wait."""
    feed_block = Feed._feed
    blocks = 0

    def feed(self: Feed, block: bytes) -> None:
        nonlocal blocks
        blocks += 1
        if blocks == MIDDLE_BLOCK:
            act()
        feed_block(self, block)

    monkeypatch.setattr(Feed, "_feed", feed)


@pytest.mark.parametrize("place", [1, 2, 4])
def test_a_part_that_dies_in_its_middle_ends_the_run_and_never_looks_like_its_end(
    place: int, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_one() -> None:
        until(scene.all_parts_are_read, "statement of each part")
        scene.end_session(place)

    with monkeypatch.context() as broken:
        act_in_the_middle(end_one, broken)
        with pytest.raises(SourceUnavailable):
            execute_run(scene.context())
    scene.check_nothing_is_left(scene.last)
    scene.check_a_retry_is_exact()


def test_a_target_that_hangs_up_ends_all_parts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        act_in_the_middle(lambda: scene.end_session(0), broken)
        with pytest.raises(TargetUnavailable):
            execute_run(scene.context())
    scene.check_nothing_is_left(scene.last)
    scene.check_a_retry_is_exact()


def test_an_error_of_the_feed_ends_a_part_that_sends_nothing(
    plain: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed_block = Feed._feed

    def fail(self: Feed, block: bytes) -> None:
        if block == BINARY_HEADER:
            feed_block(self, block)
            return
        until(plain.is_silent, "silent part")
        raise Broken

    context = plain.silent_context()
    with monkeypatch.context() as broken:
        broken.setattr(Feed, "_feed", fail)
        with pytest.raises(Broken):
            execute_run(context)
    plain.check_nothing_is_left(context)
    plain.check_a_retry_is_exact()


def test_a_loader_that_dies_ends_a_part_that_sends_nothing(
    plain: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Feed, size: int = -1) -> bytes:
        until(plain.is_silent, "silent part")
        raise Broken

    context = plain.silent_context()
    with monkeypatch.context() as broken:
        broken.setattr(Feed, "read", fail)
        with pytest.raises(Broken):
            execute_run(context)
    plain.check_nothing_is_left(context)
    plain.check_a_retry_is_exact()


@pytest.mark.parametrize(
    "signal", [RunCancelled("enough"), RunTimedOut("late")], ids=lambda one: type(one).__name__
)
def test_cancel_and_timeout_end_the_statements_of_all_parts(signal: ControlSignal, plain: Scene) -> None:
    context = plain.silent_context()

    def interrupt() -> None:
        until(plain.is_silent, "silent part")
        context.interrupts.interrupt(signal)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    # As with one session, the statement's end is what is raised; the worker tells the signal from its own record.
    with pytest.raises((SourceUnavailable, type(signal))):
        execute_run(context)
    context.interrupts.end()
    interrupter.join()
    assert context.interrupts.pending is signal
    plain.check_nothing_is_left(context)
    plain.check_a_retry_is_exact()


def test_a_part_that_cannot_be_opened_leaves_no_session(plain: Scene) -> None:
    plain.source.execute(f"ALTER DATABASE {plain.source.database} CONNECTION LIMIT 3")
    context = plain.context()
    with pytest.raises(TooManyConnections):
        execute_run(context)
    plain.source.execute(f"ALTER DATABASE {plain.source.database} CONNECTION LIMIT -1")
    plain.check_nothing_is_left(context)
    plain.check_a_retry_is_exact()
