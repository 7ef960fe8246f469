"""What the database servers themselves do to a run: restart, deadlock, locks, no connection left, a full disk."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pymysql
import pytest

from executor.load.job import LOCK_TRY_SECONDS, READERS_TURN_SECONDS
from local_servers import Database, MariadbServer, MysqlServer, PostgresqlServer, temporary_server
from local_servers.machine import own as give
from local_servers.server import LocalServer
from shared.documents.mapping import Retry, WriteMode
from shared.documents.run import FINAL_STATUSES, Run, RunStatus
from tests.chaos.databases import SPARE
from tests.chaos.fleet import Fleet
from tests.chaos.scene import MANY_ROWS, ROWS, TABLE, Scene, end_sessions, sessions, size, tables
from tests.chaos.store import ChaosStore
from tests.chaos.waiting import until
from tests.chaos.watcher import Watcher
from tests.conftest import server
from tests.small_disk import fill_up, needs_root, small_disk

SERVERS: dict[str, type[PostgresqlServer] | type[MariadbServer]] = {
    "postgresql": PostgresqlServer,
    "mariadb": MariadbServer,
}
FEW_CONNECTIONS = {"postgresql": {"max_connections": "30"}, "mariadb": {"max-connections": "30"}}
PATIENT = Retry(max_attempts=20, backoff_seconds=0.5)


@pytest.fixture(scope="module", params=["postgresql", pytest.param("mariadb", marks=pytest.mark.chaos)])
def own_server(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    """A target server that only this module uses, so that it may be broken."""
    with temporary_server(SERVERS[request.param], settings=FEW_CONNECTIONS[request.param]) as made:
        yield made
        SPARE.forget(made.access)


@pytest.fixture
def scene(store: ChaosStore, own_server: LocalServer, mode: WriteMode) -> Iterator[Scene]:
    own_server.start()
    made = Scene(store, server("postgresql"), own_server.access, mode)
    yield made
    made.close()


def begin(scene: Scene, fleet: Fleet, point: str, **fields: Any) -> Run:
    scene.settle_first_generation()
    scene.change_source()
    fleet.arm(point)
    run = scene.queue(**fields)
    fleet.wait_at(point)
    return run


def check_all(scene: Scene, done: Run) -> None:
    scene.expect_one_more()
    assert (done.status, done.error) == (RunStatus.SUCCEEDED, None)
    scene.check_exact()
    scene.check_nothing_left()


@contextlib.contextmanager
def transaction(database: Database) -> Iterator[Any]:
    """A cursor in an open transaction of somebody else, rolled back at the end."""
    with contextlib.closing(database.open()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN")
        yield cursor
        cursor.execute("ROLLBACK")


RESTART_POINTS = [
    "mid_extract",
    *(pytest.param(p, marks=pytest.mark.chaos) for p in ("committing", "ledger_closed")),
]


@pytest.mark.parametrize("mode", [WriteMode.APPEND, pytest.param(WriteMode.UPSERT, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("point", RESTART_POINTS)
def test_a_target_that_is_killed_and_comes_back(
    fleet: Fleet, scene: Scene, own_server: LocalServer, mode: WriteMode, point: str
) -> None:
    run = begin(scene, fleet, point, retry=PATIENT)
    own_server.kill()
    fleet.release(point)
    until(lambda: scene.store.reread(run).attempt > 1, "second attempt while the target is away")
    own_server.start()
    done = scene.store.wait_for_end(run, 90)
    check_all(scene, done)
    assert done.attempt > 1


@pytest.mark.chaos
@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_source_that_is_killed_and_comes_back(fleet: Fleet, store: ChaosStore, mode: WriteMode) -> None:
    with temporary_server(PostgresqlServer) as source:
        scene = Scene(store, source.access, server("postgresql"), mode, rows=MANY_ROWS)
        try:
            # More than the buffers of a connection hold: what they hold would arrive in spite of the kill.
            scene.source.execute("UPDATE source_rows SET name = repeat(name, 20)")
            run = begin(scene, fleet, "mid_extract", retry=PATIENT)
            source.kill()
            source.start()
            fleet.release("mid_extract")
            done = scene.store.wait_for_end(run)
            check_all(scene, done)
            assert done.attempt > 1
        finally:
            scene.close()
            SPARE.forget(source.access)


@pytest.mark.chaos
@pytest.mark.parametrize("mode", [WriteMode.REPLACE])
@pytest.mark.parametrize("point", ["mid_extract", "committing", "mysql_before_rename", "mysql_after_rename"])
def test_a_replaced_target_that_is_killed_and_comes_back(
    fleet: Fleet, scene: Scene, own_server: LocalServer, mode: WriteMode, point: str
) -> None:
    if own_server.flavour == "postgresql" and point.startswith("mysql"):
        point = "ledger_closed"
    run = begin(scene, fleet, point, retry=PATIENT)
    own_server.kill()
    own_server.start()
    fleet.release(point)
    check_all(scene, scene.store.wait_for_end(run, 90))


@pytest.mark.chaos
@pytest.mark.parametrize("mode", [WriteMode.REPLACE, WriteMode.UPSERT])
def test_a_lock_held_on_the_target_delays_one_run_and_no_other(
    fleet: Fleet, scene: Scene, own_server: LocalServer, mode: WriteMode
) -> None:
    scene.settle_first_generation()
    scene.change_source()
    with transaction(scene.target) as cursor:
        cursor.execute(f"SELECT gen FROM {TABLE} LIMIT 1")
        cursor.fetchall()
        cursor.execute(f"UPDATE {TABLE} SET gen = gen")
        run = scene.queue()
        other = Scene(scene.store, server("postgresql"), own_server.access, WriteMode.APPEND)
        try:
            other.settle_first_generation()
        finally:
            other.close()
        assert scene.store.reread(run).status not in FINAL_STATUSES
    check_all(scene, scene.store.wait_for_end(run))


WAITING_SWAPS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%'",
    "mariadb": (
        "SELECT COUNT(*) FROM information_schema.processlist"
        " WHERE state = 'Waiting for table metadata lock' AND info LIKE 'RENAME TABLE%'"
    ),
}
READERS_WAIT_SECONDS = 2 * (LOCK_TRY_SECONDS + READERS_TURN_SECONDS)
READS_IN_A_PAUSE = 5  # the watcher pauses 50 ms between two: without a pause of the swap it reads once a try


@pytest.mark.parametrize("mode", [WriteMode.REPLACE])
def test_readers_go_on_while_the_swap_waits_for_its_lock(
    fleet: Fleet, scene: Scene, own_server: LocalServer, mode: WriteMode
) -> None:
    scene.settle_first_generation()
    scene.change_source()
    with Watcher(scene.target, TABLE) as watcher:
        with transaction(scene.target) as cursor:
            cursor.execute(f"SELECT gen FROM {TABLE} LIMIT 1")
            cursor.fetchall()
            run = scene.queue()
            sql = WAITING_SWAPS[own_server.flavour]
            until(lambda: scene.target.rows(sql)[0][0] > 0, "swap that waits for its lock")
            reads = watcher.reads
            until(
                lambda: watcher.reads > reads + READS_IN_A_PAUSE,
                "readers that get through",
                READERS_WAIT_SECONDS,
            )
        done = scene.store.wait_for_end(run)
    check_all(scene, done)
    watcher.check(*scene.states)


@pytest.mark.chaos
@pytest.mark.parametrize("mode", [WriteMode.UPSERT])
def test_a_deadlock_in_the_target_is_tried_again(
    fleet: Fleet, scene: Scene, own_server: LocalServer, mode: WriteMode
) -> None:
    run = begin(scene, fleet, "before_commit")
    with transaction(scene.target) as cursor:
        cursor.execute(f"UPDATE etl_engine_runs SET closed_at = 'x' WHERE run_id = '{run.id}'")
        blocked = Blocked(
            own_server.access.admin(), cursor, f"UPDATE {TABLE} SET gen = gen WHERE id = {ROWS // 2}"
        )
        blocked.wait_until_it_waits()
        fleet.release("before_commit")
        blocked.join()
    done = scene.store.wait_for_end(run)
    check_all(scene, done)
    if (
        own_server.flavour == "postgresql"
    ):  # whoever closes the circle is its victim; MariaDB takes the smaller one
        assert done.attempt == 2


class Blocked:
    """A statement in a thread, which somebody else's lock holds up or a deadlock ends."""

    def __init__(self, database: Database, cursor: Any, sql: str) -> None:
        self._database = database
        self._cursor = cursor
        self._sql = sql
        self._thread = threading.Thread(target=self._execute, daemon=True)
        self._thread.start()

    def _execute(self) -> None:
        with contextlib.suppress(Exception):  # when the deadlock's victim is this side
            self._cursor.execute(self._sql)

    def wait_until_it_waits(self) -> None:
        # Beyond deadlock_timeout: it has looked for a circle, and found none yet.
        sql = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query_start < clock_timestamp() - interval '1.5 seconds'"
        )
        if self._database.flavour != "postgresql":
            sql = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        until(lambda: self._database.rows(sql)[0][0] > 0, "statement that waits for a lock")

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("mode", [WriteMode.APPEND])
def test_a_target_without_a_free_connection_is_waited_for(
    fleet: Fleet, scene: Scene, own_server: LocalServer, mode: WriteMode
) -> None:
    scene.settle_first_generation()
    scene.change_source()
    # Neither the session that a worker keeps warm nor its place may serve the next run.
    end_sessions(own_server.access, scene.target)
    until(lambda: not sessions(own_server.access, scene.target), "end of the warm session")
    with contextlib.ExitStack() as stack:
        while (taken := free_connection(scene.target)) is not None:
            stack.enter_context(contextlib.closing(taken))
        run = scene.queue(retry=PATIENT)
        until(lambda: scene.store.reread(run).attempt > 1, "second attempt")
        error = scene.store.reread(run).error
        assert error is not None
        assert error.code == "too_many_connections"
    check_all(scene, scene.store.wait_for_end(run))


def free_connection(database: Database) -> Any:
    """One more connection, or None when the server has none left."""
    try:
        return database.open()
    except (psycopg2.OperationalError, pymysql.err.OperationalError):
        return None


@pytest.mark.chaos
@needs_root
@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_full_disk_fails_the_run_and_leaves_the_old_table(
    fleet: Fleet, store: ChaosStore, mode: WriteMode
) -> None:
    with small_disk() as disk, temporary_server(PostgresqlServer) as own:
        place = disk / "space"
        place.mkdir(mode=0o700)
        give(place, own.user)
        with own.access.admin().cursor() as cursor:
            cursor.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            cursor.execute(f'GRANT CREATE ON TABLESPACE small TO "{own.access.username}"')
        scene = Scene(store, server("postgresql"), own.access, mode)
        with own.access.admin().cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{scene.target.database}" SET default_tablespace = small')
        try:
            check_full_disk(scene, disk)
        finally:
            scene.close()
            SPARE.forget(own.access)


@contextlib.contextmanager
def small_database(own: LocalServer, store: ChaosStore, mode: WriteMode) -> Iterator[tuple[Scene, Path]]:
    """A scene whose target database of MariaDB or MySQL has a small disk; the logs of the server have theirs."""
    scene = Scene(store, server("postgresql"), own.access, mode)
    folder = own.data / scene.target.database
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    with small_disk(folder=folder) as disk:
        give(disk, own.user)
        for name, content in files.items():
            (disk / name).write_bytes(content)
        try:
            yield scene, disk
        finally:
            scene.close()
            SPARE.forget(own.access)


REFUSING = [
    *((MariadbServer, mode) for mode in (WriteMode.REPLACE, WriteMode.UPSERT)),
    *(pytest.param(MysqlServer, mode, marks=pytest.mark.mysql) for mode in WriteMode),
]


@pytest.mark.chaos
@needs_root
@pytest.mark.parametrize(("kind", "mode"), REFUSING)
def test_a_full_disk_of_mysql_fails_the_run_and_leaves_the_old_table(
    fleet: Fleet, store: ChaosStore, kind: type[LocalServer], mode: WriteMode
) -> None:
    """Not for append to MariaDB, which ends itself when a table that exists cannot grow."""
    with temporary_server(kind) as own, small_database(own, store, mode) as (scene, disk):
        check_full_disk(scene, disk, partial(flush, own.access.admin(scene.target.database)))


@pytest.mark.chaos
@needs_root
@pytest.mark.parametrize("mode", [WriteMode.APPEND])
def test_a_mariadb_that_a_full_disk_ends_is_waited_for(
    fleet: Fleet, store: ChaosStore, mode: WriteMode
) -> None:
    with temporary_server(MariadbServer) as own, small_database(own, store, mode) as (scene, disk):
        scene.settle_first_generation()
        scene.change_source()
        flush(own.access.admin(scene.target.database))
        filler = fill_up(disk)
        run = scene.queue(retry=PATIENT)
        assert own.process.wait(60) < 0
        until(lambda: scene.store.reread(run).attempt > 1, "second attempt while the target is away")
        error = scene.store.reread(run).error
        assert error is not None
        assert error.code == "target_unavailable"
        filler.unlink()
        own.start()
        check_all(scene, scene.store.wait_for_end(run, 90))


def flush(admin: Database) -> None:
    """Write every page down: MariaDB ends itself when one that it has taken in finds no space."""
    admin.execute(f"FLUSH TABLES {', '.join(tables(admin))} FOR EXPORT")


def check_full_disk(scene: Scene, disk: Path, before: Callable[[], None] = lambda: None) -> None:
    scene.settle_first_generation()
    scene.change_source()
    with Watcher(scene.target, TABLE) as watcher:
        before()
        filler = fill_up(disk)
        failed = scene.store.wait_for_end(scene.queue(retry=Retry(max_attempts=2, backoff_seconds=0)), 90)
        assert failed.error is not None
        assert (failed.status, failed.error.code, failed.attempt) == (RunStatus.FAILED, "disk_full", 2)
    scene.check_exact()
    scene.check_nothing_left()
    watcher.check(size(scene.expected))
    filler.unlink()
    check_all(scene, scene.store.wait_for_end(scene.queue()))
