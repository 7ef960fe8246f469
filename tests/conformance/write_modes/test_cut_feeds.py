"""Whatever ends in the middle of a load, at either end and at any time: nothing is published, and no row twice."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from executor import extract
from executor.extract import Feed
from executor.pipeline import execute_run
from local_servers import Database
from shared.column_mappings import Direct
from shared.column_mappings.direct import DirectConfig
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Session
from shared.documents.mapping import MappingVersion, WriteMode
from shared.documents.run import Run
from shared.errors import SourceUnavailable, TargetUnavailable
from tests import conftest, factories
from tests.factories import field
from tests.recording_context import RecordingContext

# More than the pipe and the sockets hold, so that the source still has some to send when it is cut off.
ROWS, WIDTH = 15_000, 1500
QUERIES = {
    "postgresql": "SELECT g AS id, repeat('x', {width}) AS name FROM generate_series(1, {rows}) AS g",
    "mariadb": "SELECT seq AS id, REPEAT('x', {width}) AS name FROM seq_1_to_{rows}",
}
FIELDS = (field("id", "integer"), field("name", length=WIDTH))
MAPPED = (
    Direct(source_columns=("id",), target_fields=("id",), config=DirectConfig(default=7)),
    Direct(source_columns=("name",), target_fields=("name",)),
)
FLAVOURS = ("postgresql", "mariadb")
PAIRS = [
    pytest.param((source, target), id=f"{source}-{target}") for source in FLAVOURS for target in FLAVOURS
]
PLACES = ("start", "middle", "end")
MIDDLE_BLOCK = 4


class Broken(Exception):
    """What a test breaks a side with."""


class Scene:
    """A source of many rows and a target with the rows of a good run before."""

    def __init__(self, source: Database, target: Database, mode: WriteMode, *, mapped: bool) -> None:
        self.target = target
        self._source, self._target = (factories.connection_settings(one) for one in (source, target))
        specs = MAPPED if mapped else ()
        self._version = factories.mapping_version(
            QUERIES[source.flavour].format(rows=ROWS, width=WIDTH), FIELDS, specs, write_mode=mode
        )
        few = self._version.mapping.model_copy(
            update={"source_query": QUERIES[source.flavour].format(rows=2, width=WIDTH)}
        )
        self.context(self._version.model_copy(update={"mapping": few}))
        execute_run(self.last)
        self.before = self.rows()
        assert self.before == 2
        self.run = factories.run(self._version, fence=2)

    def context(self, version: MappingVersion | None = None, run: Run | None = None) -> RecordingContext:
        version = version or self._version
        self.last = RecordingContext(run or factories.run(version), version, self._source, self._target)
        return self.last

    def rows(self) -> int:
        [(count, distinct)] = self.target.rows("SELECT COUNT(*), COUNT(DISTINCT id) FROM facts")
        assert count == distinct or self._version.mapping.write_mode is WriteMode.APPEND
        return int(count)

    def end_target_session(self) -> None:
        self._end_session(self._target, self.last.held[0])

    def end_source_session(self) -> None:
        self._end_session(self._source, self.last.held[1])

    @staticmethod
    def _end_session(settings: ConnectionSettings, session: Session) -> None:
        dialect_for(settings.db_type).end_session(settings, session.session_id)

    def check_nothing_happened_and_try_again(self) -> None:
        assert self.rows() == self.before
        assert self.last.held == []
        assert [thread.name for thread in threading.enumerate() if thread.name == "extract"] == []
        states = self.target.rows(f"SELECT state FROM etl_engine_runs WHERE run_id = '{self.run.id}'")
        assert states == [("open",)]
        execute_run(self.context(run=self.run.model_copy(update={"fence": 3, "attempt": 2})))
        self.check_published()

    def check_published(self) -> None:
        kept = self.before if self._version.mapping.write_mode is WriteMode.APPEND else 0
        assert self.rows() == kept + ROWS


@pytest.fixture(params=[("append", False), ("replace", True)], ids=["untouched", "mapped"])
def scene(
    request: pytest.FixtureRequest, pair: tuple[Any, Any], create_database: conftest.DatabaseFactory
) -> Scene:
    mode, mapped = request.param
    return Scene(create_database(pair[0]), create_database(pair[1]), WriteMode(mode), mapped=mapped)


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Any:
    return request.param


def break_feeder_at(place: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Act in the feeder's thread: before its first block, in the middle, or when it has read everything."""
    feed_block, reader = Feed._feed, Feed._reader
    blocks = 0

    def feed(self: Feed, block: bytes) -> None:
        nonlocal blocks
        blocks += 1
        if (place, blocks) in (("start", 1), ("middle", MIDDLE_BLOCK)):
            act()
        feed_block(self, block)

    def read_and_act(self: Feed) -> Any:
        def read(*arguments: Any) -> int:
            rows = reader(self)(*arguments)
            if place == "end":
                act()
            return rows

        return read

    monkeypatch.setattr(extract.Feed, "_feed", feed)
    monkeypatch.setattr(extract.Feed, "_reader", read_and_act)


def break_loader_at(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail in the loader's thread: before anything is read, in the middle, or at the end of the data."""
    read_some = Feed.read
    reads = 0

    def read(self: Feed, size: int = -1) -> bytes:
        nonlocal reads
        reads += 1
        if (place, reads) in (("start", 1), ("middle", MIDDLE_BLOCK)):
            raise Broken
        chunk = read_some(self, size)
        if not chunk and place == "end":
            raise Broken
        return chunk

    monkeypatch.setattr(extract.Feed, "read", read)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_a_feeder_that_dies_ends_in_a_rollback(
    place: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise Broken

    with monkeypatch.context() as broken:
        break_feeder_at(place, die, broken)
        with pytest.raises(Broken):
            execute_run(scene.context(run=scene.run))
    scene.check_nothing_happened_and_try_again()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_a_loader_that_dies_ends_in_a_rollback_and_ends_the_feeder(
    place: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        break_loader_at(place, broken)
        with pytest.raises(Broken):
            execute_run(scene.context(run=scene.run))
    scene.check_nothing_happened_and_try_again()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_a_target_that_hangs_up_ends_in_a_rollback(
    place: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        break_feeder_at(place, scene.end_target_session, broken)
        with pytest.raises(TargetUnavailable):
            execute_run(scene.context(run=scene.run))
    scene.check_nothing_happened_and_try_again()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_a_source_that_hangs_up_never_looks_like_the_end_of_the_data(
    place: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        break_feeder_at(place, scene.end_source_session, broken)
        if place == "end":  # everything had been read
            execute_run(scene.context(run=scene.run))
            scene.check_published()
            return
        with pytest.raises(SourceUnavailable):
            execute_run(scene.context(run=scene.run))
    scene.check_nothing_happened_and_try_again()
