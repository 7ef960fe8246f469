"""The chaos suite's fixtures: `fleet` (two executors, restored for each test), `store`, `make_scene`.

CHAOS_REPEAT repeats every scenario (`make chaos REPEAT=20`).
"""

import os
import secrets
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from local_servers.access import Flavour
from local_servers.installation import Installation
from shared.documents.mapping import WriteMode
from tests.chaos.fleet import LEASE_SECONDS, Fleet
from tests.chaos.scene import Scene
from tests.chaos.store import ChaosStore
from tests.conftest import server

SceneFactory: TypeAlias = Callable[..., Scene]
REPEAT_VARIABLE = "CHAOS_REPEAT"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    repetitions = int(os.environ.get(REPEAT_VARIABLE, "1"))
    if repetitions > 1:
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(1, repetitions + 1))


@pytest.fixture(scope="module")
def store(mongodb_url: str) -> Iterator[ChaosStore]:
    made = ChaosStore(mongodb_url, f"t_{secrets.token_hex(6)}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def started_fleet(store: ChaosStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    settings = {**store.environment, "LEASE_SECONDS": str(LEASE_SECONDS)}
    with Installation(folder / "installation", settings) as installation:
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
