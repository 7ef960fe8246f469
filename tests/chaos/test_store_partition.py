"""One executor cannot reach MongoDB while the others can, for less and for longer than its lease."""

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from local_servers.installation import Installation
from shared.documents.mapping import WriteMode
from shared.documents.run import RunStatus
from tests.chaos.conftest import SceneFactory, new_store
from tests.chaos.fleet import LEASE_SECONDS, Fleet
from tests.chaos.forked_executors import ForkedExecutor, ForkServer
from tests.chaos.scene import TABLE
from tests.chaos.store import ChaosStore
from tests.chaos.waiting import until
from tests.chaos.watcher import Watcher
from tests.tcp_proxy import TcpProxy

# Longer than elsewhere: an outage of a third of it must be shorter than the renewal's margin on a busy machine.
PARTITION_LEASE_SECONDS = LEASE_SECONDS * 2


@pytest.fixture
def store(mongodb_url: str) -> Iterator[ChaosStore]:
    with new_store(mongodb_url) as made:
        yield made


@pytest.fixture
def store_proxy(store: ChaosStore) -> Iterator[TcpProxy]:
    found = re.match(r"mongodb://([^:/]+):(\d+)/", store.url)
    assert found is not None
    with TcpProxy(found[1], int(found[2])) as proxy:
        yield proxy


@pytest.fixture
def split_fleet(
    store: ChaosStore, store_proxy: TcpProxy, forks: ForkServer, tmp_path: Path
) -> Iterator[Fleet]:
    """One executor behind the proxy; a test starts the others."""
    settings = {**store.environment, "LEASE_SECONDS": str(PARTITION_LEASE_SECONDS)}
    with Installation(tmp_path / "installation", settings, partial(ForkedExecutor, forks)) as installation:
        fleet = Fleet(installation, tmp_path / "faults", size=1)
        # A client that is told of the replica set would go to the member's own address, around the proxy.
        fleet.start(MONGODB_URL=f"mongodb://127.0.0.1:{store_proxy.port}/?directConnection=true")
        yield fleet


def test_an_outage_shorter_than_the_lease_costs_nothing(
    split_fleet: Fleet, store_proxy: TcpProxy, make_scene: SceneFactory
) -> None:
    scene = make_scene("postgresql", WriteMode.REPLACE)
    scene.settle_first_generation()
    scene.change_source()
    split_fleet.arm("mid_extract")
    run = scene.queue()
    split_fleet.wait_at("mid_extract")
    store_proxy.refuse()
    split_fleet.release("mid_extract")
    time.sleep(PARTITION_LEASE_SECONDS / 3)  # the length of the outage
    store_proxy.heal()
    done = scene.store.wait_for_end(run)
    scene.expect_one_more()
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 1)
    scene.check_exact()
    scene.check_nothing_left()


@pytest.mark.chaos
@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize(
    "point", ["mid_extract", "before_commit", "committing", "after_commit_before_report"]
)
@pytest.mark.parametrize("outage", [TcpProxy.silence, TcpProxy.refuse, TcpProxy.drop])
def test_an_executor_that_is_cut_off_stops_before_another_one_begins(
    split_fleet: Fleet,
    store_proxy: TcpProxy,
    make_scene: SceneFactory,
    point: str,
    mode: WriteMode,
    outage: Callable[[TcpProxy], None],
) -> None:
    scene = make_scene("postgresql", mode)
    scene.settle_first_generation()
    scene.change_source()
    [cut_off] = split_fleet.services
    split_fleet.arm(point)
    with Watcher(scene.target, TABLE) as watcher:
        run = scene.queue()
        split_fleet.wait_at(point)
        split_fleet.start()
        cut_off_at = time.monotonic()
        outage(store_proxy)
        until(lambda: "lost lease" in split_fleet.logs(cut_off), "end of trust in the lease")
        assert time.monotonic() - cut_off_at < PARTITION_LEASE_SECONDS
        split_fleet.release(point)
        done = scene.store.wait_for_end(run)
        store_proxy.heal()
    scene.expect_one_more()
    assert (done.status, done.error, done.attempt) == (RunStatus.SUCCEEDED, None, 2)
    scene.check_exact()
    watcher.check(*scene.states)
    scene.check_nothing_left()
    scene.check_replay(done)
    scene.check_exact()
