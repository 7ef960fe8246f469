"""Random operations and faults for a while; then the recorded history and the counts must be right.

CHAOS_SECONDS  how long (30); CHAOS_SEED  the choice of operations and of their pauses, printed by each test
"""

import contextlib
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from executor.load.ledger import LedgerState
from local_servers.access import Flavour
from local_servers.installation import Installation, Service
from shared.documents.mapping import Retry, WriteMode
from shared.documents.run import FINAL_STATUSES, Run, RunStatus
from shared.errors import Conflict
from tests.chaos.conftest import new_store
from tests.chaos.fleet import LEASE_SECONDS, Fleet, thaw
from tests.chaos.forked_executors import ForkedExecutor, ForkServer
from tests.chaos.history import History
from tests.chaos.scene import ROWS, TABLE, Scene
from tests.chaos.store import ChaosStore
from tests.chaos.waiting import until
from tests.chaos.watcher import Watcher
from tests.conftest import server
from tests.tcp_proxy import TcpProxy

SECONDS = float(os.environ.get("CHAOS_SECONDS", "30"))
SETTLE_SECONDS = 180.0
MAPPINGS: tuple[tuple[Flavour, WriteMode], ...] = (
    ("postgresql", WriteMode.APPEND),
    ("postgresql", WriteMode.REPLACE),
    ("mariadb", WriteMode.REPLACE),
    ("mariadb", WriteMode.UPSERT),
)
MOST_WAITING = 2
STUBBORN = Retry(max_attempts=100, backoff_seconds=0.2)


class Storm:
    """Chooses and does one operation after the other; everything it breaks is whole again after `calm`."""

    def __init__(self, seed: int, fleet: Fleet, scenes: list[Scene], proxies: list[TcpProxy]) -> None:
        self.random = random.Random(seed)
        self.done: list[str] = []
        self.runs: list[tuple[Scene, Run]] = []
        self._fleet = fleet
        self._scenes = scenes
        self._proxies = proxies
        self._frozen: dict[Service, list[int]] = {}
        self._operations: list[tuple[int, Callable[[], None]]] = [
            (8, self._queue),
            (4, self._change_source),
            (1, self._cancel),
            (2, self._kill_worker),
            (1, self._kill_executor),
            (1, self._terminate),
            (2, self._freeze),
            (2, self._thaw),
            (2, self._cut),
            (1, self._silence),
            (2, self._heal),
        ]

    def step(self) -> None:
        """Do one operation, then pause for a moment."""
        weights = [weight for weight, _ in self._operations]
        [(_, operation)] = self.random.choices(self._operations, weights)
        self.done.append(operation.__name__)
        operation()
        time.sleep(self.random.uniform(0.05, 0.8))  # the pace of the storm

    def calm(self) -> None:
        for pids in self._frozen.values():
            thaw_what_is_left(pids)
        self._frozen.clear()
        self._heal()
        self._fleet.restore()

    def _queue(self) -> None:
        scene = self.random.choice(self._scenes)
        waiting = [run for run in scene.store.runs_of(scene.version) if run.status not in FINAL_STATUSES]
        if len(waiting) < MOST_WAITING:
            self.runs.append((scene, scene.queue(retry=STUBBORN)))

    def _change_source(self) -> None:
        self.random.choice(self._scenes).source.execute("UPDATE source_rows SET gen = gen + 1")

    def _cancel(self) -> None:
        if self.runs:
            scene, run = self.random.choice(self.runs)
            with contextlib.suppress(Conflict):  # it has ended, or it is committing
                scene.store.request_cancel(run)

    def _service(self) -> Service | None:
        healthy = [one for one in self._fleet.services if one.running and one not in self._frozen]
        return self.random.choice(healthy) if len(healthy) > 1 else None

    def _kill_worker(self) -> None:
        if service := self._service():
            self._fleet.kill_worker(service)

    def _kill_executor(self) -> None:
        if service := self._service():
            self._fleet.kill(service)  # and its workers have ended: a forked one has its port open as well
            service.launch()

    def _terminate(self) -> None:
        if service := self._service():
            service.stop()
            service.launch()

    def _freeze(self) -> None:
        if service := self._service():
            self._frozen[service] = self._fleet.freeze(service)

    def _thaw(self) -> None:
        if self._frozen:
            thaw_what_is_left(self._frozen.pop(self.random.choice(list(self._frozen))))

    def _cut(self) -> None:
        self.random.choice(self._proxies).cut()

    def _silence(self) -> None:
        self.random.choice(self._proxies).silence()

    def _heal(self) -> None:
        for proxy in self._proxies:
            proxy.heal()


def thaw_what_is_left(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            thaw([pid])


@pytest.fixture
def store(mongodb_url: str) -> Iterator[ChaosStore]:
    with new_store(mongodb_url) as made:
        yield made


@pytest.fixture
def storm_fleet(store: ChaosStore, forks: ForkServer, tmp_path: Path) -> Iterator[Fleet]:
    settings = {**store.environment, "LEASE_SECONDS": str(LEASE_SECONDS)}
    with Installation(tmp_path / "installation", settings, partial(ForkedExecutor, forks)) as installation:
        fleet = Fleet(installation, tmp_path / "faults", size=3)
        fleet.restore()
        yield fleet


@pytest.fixture
def proxies() -> Iterator[dict[Flavour, TcpProxy]]:
    with contextlib.ExitStack() as stack:
        flavours: tuple[Flavour, ...] = ("postgresql", "mariadb")
        yield {
            flavour: stack.enter_context(TcpProxy(server(flavour).host, server(flavour).port))
            for flavour in flavours
        }


@pytest.fixture
def scenes(store: ChaosStore, proxies: dict[Flavour, TcpProxy]) -> Iterator[list[Scene]]:
    made = [
        Scene(store, server("postgresql"), server(flavour), mode, target_port=proxies[flavour].port)
        for flavour, mode in MAPPINGS
    ]
    yield made
    for scene in made:
        scene.close()


@pytest.mark.chaos
@pytest.mark.timeout(SECONDS + SETTLE_SECONDS + 120)
def test_whatever_happens_every_run_is_applied_once_or_not_at_all(
    storm_fleet: Fleet, scenes: list[Scene], proxies: dict[Flavour, TcpProxy], store: ChaosStore
) -> None:
    seed = int(os.environ.get("CHAOS_SEED", secrets.randbelow(2**32)))
    print(f"CHAOS_SEED={seed} CHAOS_SECONDS={SECONDS:g}")  # noqa: T201 - pytest shows it with a failure
    for scene in scenes:
        assert store.wait_for_end(scene.queue()).status is RunStatus.SUCCEEDED
    storm = Storm(seed, storm_fleet, scenes, list(proxies.values()))
    with contextlib.ExitStack() as stack:
        history = stack.enter_context(History(store.url, store.name))
        watchers = [stack.enter_context(Watcher(scene.target, TABLE)) for scene in scenes]
        ends_at = time.monotonic() + SECONDS
        while time.monotonic() < ends_at:
            storm.step()
        storm.calm()
        ended = [(scene, store.wait_for_end(run, SETTLE_SECONDS)) for scene, run in storm.runs]
        until(lambda: all(history.knows_end_of(run.id) for _, run in ended), "end of the history")
    print({status: sum(run.status == status for _, run in ended) for status in FINAL_STATUSES})  # noqa: T201
    print(storm.done)  # noqa: T201
    assert history.problems == []
    # With so many attempts nothing but a fault of ours can make a run fail.
    assert [
        run.error for _, run in ended if run.status not in (RunStatus.SUCCEEDED, RunStatus.CANCELLED)
    ] == []
    for scene, watcher in zip(scenes, watchers, strict=True):
        check_scene(scene, watcher, [run for of, run in ended if of is scene])


def check_scene(scene: Scene, watcher: Watcher, runs: list[Run]) -> None:
    for run in runs:
        committed = LedgerState.COMMITTED.value in scene.ledger_states(run)
        assert committed is (run.status is RunStatus.SUCCEEDED), f"run {run.id} is {run.status}"
    sizes = scene.target.rows(f"SELECT gen, COUNT(*), COUNT(DISTINCT id) FROM {TABLE} GROUP BY gen")
    applied = 1 + sum(run.status is RunStatus.SUCCEEDED for run in runs)
    assert all(ids == ROWS and rows % ROWS == 0 for _, rows, ids in sizes)
    whole = applied if scene.mode is WriteMode.APPEND else 1
    assert sum(rows for _, rows, _ in sizes) == whole * ROWS
    assert scene.mode is WriteMode.APPEND or len(sizes) == 1
    assert watcher.failure is None
    assert all(rows % ROWS == 0 and rows > 0 and total % ROWS == 0 for rows, total in watcher.seen)
    scene.check_nothing_left()
