"""A commit that the server does not answer, while the connection stays up: given up after COMMIT_SECONDS."""

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from local_servers import Database, PostgresqlServer, temporary_server
from local_servers.access import Flavour
from local_servers.installation import Installation
from shared.documents.mapping import Retry, WriteMode
from shared.documents.run import Run, RunStatus
from tests.chaos.conftest import new_store
from tests.chaos.databases import SPARE
from tests.chaos.fleet import LEASE_SECONDS, Fleet
from tests.chaos.forked_executors import ForkedExecutor, ForkServer
from tests.chaos.scene import Scene
from tests.chaos.store import ChaosStore
from tests.chaos.waiting import until
from tests.conftest import server
from tests.tcp_proxy import TcpProxy

COMMIT_SECONDS = 3
PATIENT = Retry(max_attempts=20, backoff_seconds=0.5)
SCENARIOS = [
    ("postgresql", WriteMode.REPLACE, "ledger_closed"),
    *(
        pytest.param(flavour, mode, point, marks=pytest.mark.chaos)
        for flavour, mode, point in (
            ("postgresql", WriteMode.APPEND, "committing"),
            ("mariadb", WriteMode.APPEND, "committing"),
            ("mariadb", WriteMode.UPSERT, "ledger_closed"),
            ("mariadb", WriteMode.REPLACE, "committing"),
            ("mariadb", WriteMode.REPLACE, "mysql_before_rename"),
            ("mariadb", WriteMode.REPLACE, "mysql_after_rename"),
        )
    ),
    pytest.param("mysql", WriteMode.REPLACE, "mysql_before_rename", marks=pytest.mark.mysql),
]


@pytest.fixture(scope="module")
def store(mongodb_url: str) -> Iterator[ChaosStore]:
    """One of its own: its executors wait for a commit for seconds only."""
    with new_store(mongodb_url) as made:
        yield made


@pytest.fixture(scope="module")
def hasty(store: ChaosStore, forks: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder: Path = tmp_path_factory.mktemp("hasty")
    settings = {
        **store.environment,
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "COMMIT_SECONDS": str(COMMIT_SECONDS),
    }
    with Installation(folder / "installation", settings, partial(ForkedExecutor, forks)) as installation:
        yield Fleet(installation, folder / "faults")


@pytest.fixture
def fleet(hasty: Fleet) -> Fleet:
    hasty.restore()
    return hasty


def gave_up(scene: Scene, run: Run) -> bool:
    text = f"the target has not answered the commit for {COMMIT_SECONDS} s: hung up"
    return text in scene.store.lines(run)


def check_all(scene: Scene, run: Run) -> None:
    done = scene.store.wait_for_end(run, 60)
    scene.expect_one_more()
    assert (done.status, done.error) == (RunStatus.SUCCEEDED, None)
    assert done.attempt > 1
    assert gave_up(scene, run)
    scene.check_exact()
    scene.check_nothing_left()


@pytest.mark.parametrize(("flavour", "mode", "point"), SCENARIOS)
def test_a_commit_that_is_never_answered_is_given_up_and_settled(
    fleet: Fleet, store: ChaosStore, flavour: Flavour, mode: WriteMode, point: str
) -> None:
    """What the connection was sent is acknowledged, and reaches nobody."""
    access = server(flavour)
    with TcpProxy(access.host, access.port) as proxy:
        scene = Scene(store, server("postgresql"), access, mode, target_port=proxy.port)
        try:
            scene.settle_first_generation()
            scene.change_source()
            fleet.arm(point)
            run = scene.queue(retry=PATIENT)
            fleet.wait_at(point)
            store.move_connection(scene.target_connection_id, scene.target.port)
            proxy.silence()
            fleet.release(point)
            check_all(scene, run)
        finally:
            scene.close()


@pytest.mark.chaos
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_a_commit_that_hangs_in_the_server_and_happens_is_not_done_twice(
    fleet: Fleet, store: ChaosStore, mode: WriteMode
) -> None:
    """The server waits for a standby that never answers: the commit is written, and nobody is told."""
    with temporary_server(PostgresqlServer) as target:
        scene = Scene(store, server("postgresql"), target.access, mode)
        try:
            scene.settle_first_generation()
            scene.change_source()
            fleet.arm("ledger_closed")
            run = scene.queue(retry=PATIENT)
            fleet.wait_at("ledger_closed")
            with hanging_commits(target.access.admin()):
                fleet.release("ledger_closed")
                until(lambda: gave_up(scene, run), "end of the waiting for the commit")
            check_all(scene, run)
            assert "an earlier attempt had committed: nothing is loaded again" in store.lines(run)
        finally:
            scene.close()
            SPARE.forget(target.access)


@contextlib.contextmanager
def hanging_commits(admin: Database) -> Iterator[None]:
    """Have every commit of a PostgreSQL server wait for a standby that does not exist."""
    wait_for_standby(admin, "nobody")
    try:
        until(lambda: commit_hangs(admin), "commit that waits for the standby")
        yield
    finally:
        wait_for_standby(admin, "")


def wait_for_standby(admin: Database, name: str) -> None:
    """The server takes the setting up at its leisure."""
    admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'", "SELECT pg_reload_conf()")


def commit_hangs(admin: Database) -> bool:
    """Commit something; a commit that waits is cancelled, and says so."""
    with contextlib.closing(admin.open()) as connection, connection.cursor() as cursor:
        cancelling = threading.Timer(0.5, connection.cancel)
        cancelling.start()
        cursor.execute("SELECT pg_logical_emit_message(true, 'probe', '')")
        cancelling.cancel()
        cancelling.join()
        return any("synchronous replication" in notice for notice in connection.notices)
