"""The network between an executor and its databases: reset, silent, deaf to the answer of a commit."""

import time
from collections.abc import Iterator

import pytest

from local_servers.access import Flavour
from shared.documents.mapping import Retry, WriteMode
from shared.documents.run import Run, RunStatus
from tests.chaos.conftest import SceneFactory
from tests.chaos.fleet import Fleet
from tests.chaos.scene import MANY_ROWS, TABLE, Scene
from tests.chaos.waiting import until
from tests.chaos.watcher import Watcher
from tests.conftest import server
from tests.tcp_proxy import Direction, TcpProxy

TARGETS = ["postgresql", pytest.param("mariadb", marks=pytest.mark.chaos)]
ALL_TARGETS = ["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)]
MODES = list(WriteMode)


def proxy_to(flavour: Flavour) -> TcpProxy:
    access = server(flavour)
    return TcpProxy(access.host, access.port)


@pytest.fixture
def source_proxy() -> Iterator[TcpProxy]:
    with proxy_to("postgresql") as proxy:
        yield proxy


@pytest.fixture
def target_proxy(flavour: Flavour) -> Iterator[TcpProxy]:
    with proxy_to(flavour) as proxy:
        yield proxy


def begin(scene: Scene, fleet: Fleet, point: str, **fields: object) -> Run:
    """Return a run that waits at a point, after a first generation that arrived."""
    scene.settle_first_generation()
    scene.change_source()
    fleet.arm(point)
    run = scene.queue(**fields)
    fleet.wait_at(point)
    return run


def check_all(scene: Scene, done: Run, attempt: int) -> None:
    scene.expect_one_more()
    assert (done.status, done.error, done.attempt) == (RunStatus.SUCCEEDED, None, attempt)
    scene.check_exact()
    scene.check_nothing_left()


@pytest.mark.parametrize("flavour", TARGETS)
@pytest.mark.parametrize(
    "mode", [WriteMode.REPLACE, *(pytest.param(m, marks=pytest.mark.chaos) for m in MODES[:1])]
)
def test_a_reset_target_connection_is_tried_again(
    fleet: Fleet, make_scene: SceneFactory, target_proxy: TcpProxy, flavour: Flavour, mode: WriteMode
) -> None:
    scene = make_scene(flavour, mode, target_port=target_proxy.port)
    run = begin(scene, fleet, "mid_extract")
    with Watcher(scene.target, TABLE) as watcher:
        target_proxy.cut()
        fleet.release("mid_extract")
        done = scene.store.wait_for_end(run)
    check_all(scene, done, attempt=2)
    watcher.check(*scene.states)


@pytest.mark.parametrize("flavour", TARGETS)
def test_a_reset_source_connection_never_looks_like_the_end_of_the_data(
    fleet: Fleet, make_scene: SceneFactory, source_proxy: TcpProxy, flavour: Flavour
) -> None:
    scene = make_scene(flavour, WriteMode.APPEND, source_port=source_proxy.port, rows=MANY_ROWS)
    run = begin(scene, fleet, "mid_extract")
    source_proxy.cut()
    fleet.release("mid_extract")
    check_all(scene, scene.store.wait_for_end(run), attempt=2)


@pytest.mark.parametrize("flavour", TARGETS)
def test_a_session_that_lives_on_in_the_server_is_ended_by_the_next_attempt(
    fleet: Fleet, make_scene: SceneFactory, target_proxy: TcpProxy, flavour: Flavour
) -> None:
    scene = make_scene(flavour, WriteMode.REPLACE, target_port=target_proxy.port)
    run = begin(scene, fleet, "committing")  # it holds the lock of the publication, or of the table
    scene.store.move_connection(scene.target_connection_id, scene.target.port)
    target_proxy.silence()
    fleet.release("committing")
    until(lambda: target_proxy.held, "statement that the silent connection holds back")
    target_proxy.lose_clients()
    check_all(scene, scene.store.wait_for_end(run), attempt=2)


GIVEN_UP_SECONDS = 60.0  # the kernel's 30 s without an answer, and the next attempt


@pytest.mark.chaos
@pytest.mark.parametrize("flavour", ALL_TARGETS)
@pytest.mark.parametrize("point", ["mid_extract", "committing"])
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_a_target_whose_packets_are_lost_is_given_up_by_the_kernel_and_tried_again(
    fleet: Fleet,
    make_scene: SceneFactory,
    target_proxy: TcpProxy,
    flavour: Flavour,
    point: str,
    mode: WriteMode,
) -> None:
    """Neither data nor keepalives are answered, and no timeout of ours ends it."""
    scene = make_scene(flavour, mode, target_port=target_proxy.port, rows=MANY_ROWS)
    run = begin(scene, fleet, point)
    scene.store.move_connection(scene.target_connection_id, scene.target.port)
    with Watcher(scene.target, TABLE) as watcher:
        target_proxy.drop()
        fleet.release(point)
        done = scene.store.wait_for_end(run, GIVEN_UP_SECONDS)
    check_all(scene, done, attempt=2)
    watcher.check(*scene.states)


@pytest.mark.chaos
@pytest.mark.parametrize("flavour", ["postgresql", "mariadb"])
def test_a_source_whose_packets_are_lost_is_given_up_by_the_kernel_and_tried_again(
    fleet: Fleet, make_scene: SceneFactory, source_proxy: TcpProxy, flavour: Flavour
) -> None:
    """The reader has nothing to send: it is the keepalives that nobody answers."""
    scene = make_scene(flavour, WriteMode.REPLACE, source_port=source_proxy.port, rows=MANY_ROWS)
    run = begin(scene, fleet, "mid_extract")
    scene.store.move_connection(scene.source_connection_id, scene.source.port)
    source_proxy.silence()
    fleet.release("mid_extract")
    source_proxy.drop()
    done = scene.store.wait_for_end(run, GIVEN_UP_SECONDS)
    source_proxy.heal()  # the source learns only now that its reader has gone
    check_all(scene, done, attempt=2)


def commits(direction: Direction, piece: bytes) -> bool:
    """Whether a piece to the server is the end of the data transaction, or MySQL's swap."""
    return direction is Direction.TO_SERVER and (
        piece[5:].rstrip(b"\0") == b"COMMIT" or b"RENAME TABLE" in piece
    )


@pytest.mark.parametrize(
    ("flavour", "mode"),
    [
        ("postgresql", WriteMode.REPLACE),
        pytest.param("postgresql", WriteMode.APPEND, marks=pytest.mark.chaos),
        pytest.param("postgresql", WriteMode.UPSERT, marks=pytest.mark.chaos),
        pytest.param("mariadb", WriteMode.APPEND, marks=pytest.mark.chaos),
        pytest.param("mariadb", WriteMode.UPSERT, marks=pytest.mark.chaos),
        ("mariadb", WriteMode.REPLACE),
        pytest.param("mysql", WriteMode.UPSERT, marks=pytest.mark.mysql),
        pytest.param("mysql", WriteMode.REPLACE, marks=pytest.mark.mysql),
    ],
)
def test_a_lost_answer_to_the_commit_is_settled_by_the_ledger(
    fleet: Fleet, make_scene: SceneFactory, target_proxy: TcpProxy, flavour: Flavour, mode: WriteMode
) -> None:
    scene = make_scene(flavour, mode, target_port=target_proxy.port)
    run = begin(scene, fleet, "committing")
    target_proxy.cut_after(commits)
    fleet.release("committing")
    done = scene.store.wait_for_end(run)
    assert not target_proxy.is_watching
    # The row is read at once; when the server is still at the commit by then, the next attempt waits for it.
    assert done.attempt <= 2
    check_all(scene, done, done.attempt)
    scene.check_replay(done)
    scene.check_exact()


@pytest.mark.chaos
@pytest.mark.parametrize("flavour", ALL_TARGETS)
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_a_commit_whose_answer_is_dropped_is_settled_by_the_ledger(
    fleet: Fleet, make_scene: SceneFactory, target_proxy: TcpProxy, flavour: Flavour, mode: WriteMode
) -> None:
    scene = make_scene(flavour, mode, target_port=target_proxy.port)
    run = begin(scene, fleet, "committing")
    scene.store.move_connection(scene.target_connection_id, scene.target.port)
    target_proxy.drop_after(commits)
    fleet.release("committing")
    done = scene.store.wait_for_end(run, GIVEN_UP_SECONDS)
    assert not target_proxy.is_watching
    assert done.attempt == 2  # the first one could not ask either
    check_all(scene, done, done.attempt)
    assert "an earlier attempt had committed: nothing is loaded again" in scene.store.lines(done)[-2:]


SILENCE_SECONDS = 60.0  # 30 s until the kernel gives a deaf peer up, and the next attempt


@pytest.mark.chaos
@pytest.mark.parametrize("flavour", ALL_TARGETS)
@pytest.mark.parametrize("mode", MODES)
def test_a_target_that_takes_no_more_is_given_up_within_a_bound(
    fleet: Fleet, make_scene: SceneFactory, target_proxy: TcpProxy, flavour: Flavour, mode: WriteMode
) -> None:
    scene = make_scene(flavour, mode, target_port=target_proxy.port, rows=MANY_ROWS)
    run = begin(
        scene, fleet, "mid_extract", retry=Retry(max_attempts=5, backoff_seconds=1), timeout_seconds=8
    )
    with Watcher(scene.target, TABLE) as watcher:
        target_proxy.silence()
        fleet.release("mid_extract")
        silent_since = time.monotonic()
        done = scene.store.wait_for_end(run, SILENCE_SECONDS)
        assert time.monotonic() - silent_since < SILENCE_SECONDS
        target_proxy.heal()
    assert (done.status, done.error and done.error.code) == (RunStatus.TIMED_OUT, "timed_out")
    watcher.check(scene.states[1])
    scene.check_exact()
    again = scene.store.wait_for_end(scene.queue())
    check_all(scene, again, attempt=1)


@pytest.mark.chaos
@pytest.mark.parametrize("flavour", ["postgresql", "mariadb"])
def test_a_silent_source_ends_with_the_runs_time(
    fleet: Fleet, make_scene: SceneFactory, source_proxy: TcpProxy, flavour: Flavour
) -> None:
    scene = make_scene(flavour, WriteMode.REPLACE, source_port=source_proxy.port, rows=MANY_ROWS)
    run = begin(scene, fleet, "mid_extract", timeout_seconds=6)
    source_proxy.silence()
    fleet.release("mid_extract")
    done = scene.store.wait_for_end(run, SILENCE_SECONDS)
    source_proxy.heal()
    assert (done.status, done.error and done.error.code) == (RunStatus.TIMED_OUT, "timed_out")
    scene.check_exact()
    check_all(scene, scene.store.wait_for_end(scene.queue()), attempt=1)


@pytest.mark.chaos
def test_a_slow_network_changes_nothing(
    fleet: Fleet, make_scene: SceneFactory, source_proxy: TcpProxy
) -> None:
    scene = make_scene("postgresql", WriteMode.REPLACE, source_port=source_proxy.port, rows=MANY_ROWS)
    run = begin(scene, fleet, "mid_extract")
    source_proxy.delay(0.02)
    fleet.release("mid_extract")
    check_all(scene, scene.store.wait_for_end(run), attempt=1)
    until(lambda: source_proxy.connections == 0, "end of the source's connections")
