"""An older copy of MongoDB's documents, or of a target, is put back (docs/databases.md): nothing is loaded twice."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from local_servers import Database, ServerAccess
from local_servers.installation import Installation
from shared.documents.mapping import Incremental, WriteMode
from shared.documents.run import Run, RunStatus
from tests.chaos.conftest import SceneFactory, new_store
from tests.chaos.fleet import LEASE_SECONDS, Fleet
from tests.chaos.forked_executors import ForkedExecutor, ForkServer
from tests.chaos.scene import QUERY, ROWS, Scene, end_sessions
from tests.chaos.store import ChaosStore
from tests.conftest import server
from tests.dumps import dump, restore

BY_CURSOR = Incremental(cursor_column="id", initial_value="0")
FORGOTTEN = (
    4  # runs after the dump: more than come after it is restored, so that counted fences would be smaller
)
ALREADY = "an earlier attempt had committed: nothing is loaded again"


@pytest.fixture
def store(mongodb_url: str) -> Iterator[ChaosStore]:
    with new_store(mongodb_url) as made:
        yield made


@pytest.fixture
def own_fleet(store: ChaosStore, forks: ForkServer, tmp_path: Path) -> Iterator[Fleet]:
    """One executor over a MongoDB database of its own."""
    settings = {**store.environment, "LEASE_SECONDS": str(LEASE_SECONDS)}
    with Installation(tmp_path / "installation", settings, partial(ForkedExecutor, forks)) as installation:
        fleet = Fleet(installation, tmp_path / "faults", size=1)
        fleet.restore()
        yield fleet


def add_rows(scene: Scene) -> None:
    """As many as there were at first, behind the last one."""
    scene.source.execute(
        "INSERT INTO source_rows SELECT id + (SELECT max(id) FROM source_rows), name, amount, at, gen"
        f" FROM source_rows WHERE id <= {ROWS}"
    )


def expect(scene: Scene, incremental: Incremental | None) -> None:
    """Count one more applied run in: of the rows that are new, or of all."""
    if incremental:
        scene.expected = Counter(scene.source.rows(QUERY))
    else:
        scene.expect_one_more()


def check_succeeded(scene: Scene, run: Run) -> Run:
    done = scene.store.wait_for_end(run)
    assert (done.status, done.error) == (RunStatus.SUCCEEDED, None)
    return done


@pytest.mark.parametrize("flavour", ["postgresql", pytest.param("mariadb", marks=pytest.mark.chaos)])
@pytest.mark.parametrize("incremental", [BY_CURSOR, None], ids=["incremental", "append"])
def test_after_an_older_dump_of_mongodb_nothing_is_loaded_twice(
    own_fleet: Fleet,
    store: ChaosStore,
    make_scene: SceneFactory,
    flavour: str,
    incremental: Incremental | None,
) -> None:
    """The dump is taken while one run is under way and another one waits; others begin after it."""
    scene = make_scene(flavour, WriteMode.APPEND, incremental=incremental)
    scene.settle_first_generation()
    add_rows(scene)
    own_fleet.arm("mid_extract")
    running = scene.queue()
    own_fleet.wait_at("mid_extract")
    waiting = scene.queue()
    older = dump(store.url, store.name)
    expect(scene, incremental)
    own_fleet.release("mid_extract")
    check_succeeded(scene, running)
    check_succeeded(scene, waiting)
    if not incremental:
        scene.expect_one_more()
    add_rows(scene)
    forgotten = [check_succeeded(scene, scene.queue()) for _ in range(FORGOTTEN)]
    for _ in forgotten:
        expect(scene, incremental)

    [executor] = own_fleet.services
    executor.stop()
    restore(store.url, store.name, older)
    assert [run.status for run in (store.reread(running), store.reread(waiting))] == ["running", "queued"]
    assert len(store.runs_of(scene.version)) == 3
    executor.launch()
    for run in (running, waiting):
        check_succeeded(scene, run)
        assert ALREADY in store.lines(run)
    scene.check_exact()

    for _ in range(2):  # the second one starts where the first one ended, and not where the forgotten one did
        add_rows(scene)
        check_succeeded(scene, scene.queue())
        expect(scene, incremental)
        scene.check_exact()


def copy_database(access: ServerAccess, original: Database, name: str) -> None:
    """As a backup of a whole database: its rows and the engine's tables from one moment."""
    end_sessions(access, original)
    access.admin().execute(
        f'CREATE DATABASE "{name}" TEMPLATE "{original.database}" OWNER "{access.username}"'
    )


def put_back(access: ServerAccess, original: Database, name: str) -> None:
    access.admin().execute(
        f'DROP DATABASE "{original.database}" WITH (FORCE)',
        f'ALTER DATABASE "{name}" RENAME TO "{original.database}"',
    )


def test_after_an_older_copy_of_the_target_the_window_starts_where_that_copy_ended(
    own_fleet: Fleet, make_scene: SceneFactory
) -> None:
    scene = make_scene("postgresql", WriteMode.APPEND, incremental=BY_CURSOR)
    scene.settle_first_generation()
    copy_database(server("postgresql"), scene.target, f"{scene.target.database}_copy")
    add_rows(scene)
    check_succeeded(scene, scene.queue())
    put_back(server("postgresql"), scene.target, f"{scene.target.database}_copy")
    scene.check_exact()
    add_rows(scene)
    done = check_succeeded(scene, scene.queue())
    scene.expected = Counter(scene.source.rows(QUERY))
    scene.check_exact()
    assert done.progress.rows_read == 2 * ROWS
