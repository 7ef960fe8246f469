"""The chaos suite's fixtures: `fleet` (two executors, restored for each test), `store`, `make_scene`.

CHAOS_REPEAT repeats every scenario (`make chaos REPEAT=20`).
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TypeAlias

import pytest

from local_servers.access import Flavour
from local_servers.installation import Installation
from shared.documents.mapping import WriteMode
from tests.chaos.databases import SPARE
from tests.chaos.fleet import LEASE_SECONDS, Fleet
from tests.chaos.forked_executors import ForkedExecutor, ForkServer, fork_server
from tests.chaos.scene import Scene
from tests.chaos.store import ChaosStore
from tests.conftest import server

SceneFactory: TypeAlias = Callable[..., Scene]
REPEAT_VARIABLE = "CHAOS_REPEAT"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    repetitions = int(os.environ.get(REPEAT_VARIABLE, "1"))
    if repetitions > 1:
        if "repetition" not in metafunc.fixturenames:
            metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(1, repetitions + 1))


@pytest.fixture
def repetition() -> int:
    """Which repetition of the scenario this is."""
    return 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the executors logged."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        for fleet in item.funcargs.values():
            if isinstance(fleet, Fleet):
                for service in fleet.services:
                    report.sections.append((service.program.folder.name, fleet.logs(service)))
    return report


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    with fork_server() as made:
        yield made


@contextlib.contextmanager
def new_store(mongodb_url: str) -> Iterator[ChaosStore]:
    made = ChaosStore(mongodb_url, f"t_{secrets.token_hex(6)}")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def shared_store(mongodb_url: str) -> Iterator[ChaosStore]:
    with new_store(mongodb_url) as made:
        yield made
    SPARE.drop_all()


@pytest.fixture
def store(shared_store: ChaosStore) -> ChaosStore:
    """The store of the `fleet`. A test with executors of its own needs one of its own."""
    return shared_store


@pytest.fixture(scope="session")
def started_fleet(
    shared_store: ChaosStore, forks: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    settings = {**shared_store.environment, "LEASE_SECONDS": str(LEASE_SECONDS)}
    with Installation(folder / "installation", settings, partial(ForkedExecutor, forks)) as installation:
        yield Fleet(installation, folder / "faults")


@pytest.fixture
def fleet(started_fleet: Fleet) -> Fleet:
    started_fleet.restore()
    return started_fleet


@pytest.fixture
def make_scene(store: ChaosStore) -> Iterator[SceneFactory]:
    """Make a scene from PostgreSQL to a flavour; its databases are dropped after the test."""
    made: list[Scene] = []

    def make(flavour: Flavour, mode: WriteMode, **options: object) -> Scene:
        made.append(Scene(store, server("postgresql"), server(flavour), mode, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for scene in made:
        scene.close()
