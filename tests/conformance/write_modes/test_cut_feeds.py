"""Whatever ends in the middle of a load, at either end and at any time: nothing is published, and no row twice."""

import os
import threading
from collections.abc import Callable
from io import FileIO
from typing import Any

import pytest

from executor import extract
from executor.extract import Feed, StraightFeed
from executor.pipeline import execute_run
from local_servers import Database
from local_servers.access import Flavour
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
STALLS = {  # the first rows come at once; the others are counted for, which takes for ever
    "postgresql": "SELECT g AS id, CASE WHEN g < 300 THEN repeat('x', {width}) ELSE ("
    "SELECT count(*)::text FROM generate_series(1, 99999) AS a, generate_series(1, 99999999) AS b WHERE a + b > g"
    ") END AS name FROM generate_series(1, {rows}) AS g",
    "mariadb": "SELECT seq AS id, IF(seq < 300, REPEAT('x', {width}), ("
    "SELECT count(*) FROM seq_1_to_99999 AS a, seq_1_to_99999999 AS b WHERE a.seq + b.seq > made.seq"
    ")) AS name FROM seq_1_to_{rows} AS made",
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


class ActingPipe(FileIO):
    """The feeder's end of a pipe; something happens at one of its blocks."""

    def __init__(self, number: int, at_block: int | None, act: Callable[[], None]) -> None:
        super().__init__(number, "w")
        self._at_block = at_block
        self._act = act
        self._blocks = 0

    def write(self, block: Any) -> int:
        self._blocks += 1
        if self._blocks == self._at_block:
            self._act()
        return super().write(block)


def break_feeder_at(place: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Act in the feeder's thread: before its first block, in the middle, or when it has read everything."""
    at_block = {"start": 1, "middle": MIDDLE_BLOCK}.get(place)

    def open_pipe() -> tuple[FileIO, FileIO]:
        read_end, write_end = os.pipe()
        return FileIO(read_end, "r"), ActingPipe(write_end, at_block, act)

    def act_at_end(read_source: Callable[[Feed], int]) -> Callable[[Feed], int]:
        def read(self: Feed) -> int:
            rows = read_source(self)
            if place == "end":
                act()
            return rows

        return read

    monkeypatch.setattr(extract, "_open_pipe", open_pipe)
    for kind in (Feed, StraightFeed):
        monkeypatch.setattr(kind, "_read_source", act_at_end(kind._read_source))


def break_loader_at(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail in the loader's thread: before anything is read, in the middle, or at the end of the data."""
    reads = 0

    def failing(read_some: Callable[[Feed, int], bytes]) -> Callable[[Feed, int], bytes]:
        def read(self: Feed, size: int = -1) -> bytes:
            nonlocal reads
            reads += 1
            if (place, reads) in (("start", 1), ("middle", MIDDLE_BLOCK)):
                raise Broken
            chunk = read_some(self, size)
            if not chunk and place == "end":
                raise Broken
            return chunk

        return read

    for kind in (Feed, StraightFeed):
        monkeypatch.setattr(kind, "read", failing(kind.read))


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


@pytest.mark.parametrize("flavour", ["postgresql", "mariadb"])
def test_the_error_of_a_loader_is_not_hidden_by_the_end_of_the_feeder_that_it_causes(
    flavour: Flavour, create_database: conftest.DatabaseFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feeder waits for its source then: it ends by the cancelling of its statement."""
    database = create_database(flavour)
    settings = factories.connection_settings(database)
    query = STALLS[flavour].format(rows=ROWS, width=WIDTH)
    version = factories.mapping_version(query, FIELDS, write_mode=WriteMode.APPEND)
    break_loader_at("middle", monkeypatch)
    with pytest.raises(Broken):
        execute_run(RecordingContext(factories.run(version), version, settings, settings))
