"""How many sessions executors have on the servers: at work, killed all at once, and all started again."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from local_servers import Database, ServerAccess
from local_servers.access import Flavour
from local_servers.installation import Installation
from shared.documents.mapping import MappingVersion, Retry, WriteMode
from shared.documents.run import Run, RunStatus
from shared.store.occupancy import DEFAULT_MAX_PARALLEL
from tests import factories
from tests.chaos.conftest import new_store
from tests.chaos.databases import SPARE
from tests.chaos.fleet import LEASE_SECONDS, Fleet, is_alive, worker_pids
from tests.chaos.forked_executors import ForkedExecutor, ForkServer
from tests.chaos.scene import give_back, sessions
from tests.chaos.store import ChaosStore
from tests.chaos.waiting import until
from tests.conftest import server
from tests.factories import field

EXECUTORS = 3
WORKERS = 2 * EXECUTORS
MAPPINGS = 8
RUNS_EACH = 2
STARTS = 3
ROWS = 10_000
PAUSE_SECONDS = 0.02
ESTABLISHED = "01"
PATIENT = Retry(max_attempts=20, backoff_seconds=0.5)
COLUMNS = "id, name"
FILL = {
    "postgresql": (
        "CREATE TABLE source_rows AS SELECT i AS id, repeat(md5(i::text), 20) AS name"
        f" FROM generate_series(1, {ROWS}) AS i"
    ),
    "mariadb": (
        "CREATE TABLE source_rows AS SELECT CAST(seq AS SIGNED) AS id, repeat(md5(seq), 20) AS name"
        f" FROM seq_1_to_{ROWS}"
    ),
}
LOCK = {
    "postgresql": ("BEGIN; LOCK TABLE source_rows", "COMMIT"),
    "mariadb": ("LOCK TABLES source_rows WRITE", "UNLOCK TABLES"),
}
CLIENTS = {
    "postgresql": (
        "SELECT client_port FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    ),
    "mariadb": "SELECT SUBSTRING_INDEX(host, ':', -1) FROM information_schema.processlist WHERE db = %s",
}


class SessionCount:
    """Counts the sessions in one database again and again.

    A session whose client has hung up, and which the server has not ended yet, is not counted: its successor may be
    there already.
    """

    def __init__(self, database: Database) -> None:
        self.most = 0
        self._database = database
        self._counting = threading.Lock()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, name="sessions", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self._failure is None, f"counting failed: {self._failure!r}"

    def take_most(self) -> int:
        """Return the highest count since the last time; one that is being made belongs to it."""
        with self._counting:
            most, self.most = self.most, 0
        return most

    def _watch(self) -> None:
        try:
            flavour = self._database.flavour
            with server(flavour).admin().cursor() as cursor:
                while not self._stop.wait(PAUSE_SECONDS):
                    with self._counting:
                        cursor.execute(CLIENTS[flavour], (self._database.database,))
                        ports = [int(row[0]) for row in cursor.fetchall()]
                        self.most = max(self.most, len(open_ends().intersection(ports)))
        except Exception as failure:
            self._failure = failure


def open_ends() -> set[int]:
    """The local ports of the machine's established TCP connections."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    found = (line.split()[1:4] for line in lines)
    return {int(local.rpartition(":")[2], 16) for local, _, state in found if state == ESTABLISHED}


@pytest.fixture
def store(mongodb_url: str) -> Iterator[ChaosStore]:
    with new_store(mongodb_url) as made:
        yield made


@pytest.fixture
def own_fleet(store: ChaosStore, forks: ForkServer, tmp_path: Path) -> Iterator[Fleet]:
    settings = {**store.environment, "LEASE_SECONDS": str(LEASE_SECONDS), "EXECUTOR_WORKERS": "2"}
    with Installation(tmp_path / "installation", settings, partial(ForkedExecutor, forks)) as installation:
        fleet = Fleet(installation, tmp_path / "faults", size=EXECUTORS)
        fleet.restore()
        yield fleet


@pytest.fixture
def take_database() -> Iterator[Callable[[Flavour], Database]]:
    taken: list[tuple[ServerAccess, Database]] = []

    def take(flavour: Flavour) -> Database:
        access = server(flavour)
        taken.append((access, SPARE.take(access)))
        return taken[-1][1]

    yield take
    for access, database in taken:
        give_back(access, database)


def kill_all(fleet: Fleet) -> None:
    pids = [pid for service in fleet.services for pid in worker_pids(service)]
    for service in fleet.services:
        os.kill(service.pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, pids)), "end of all workers")
    for service in fleet.services:
        service.stop()


def start_all(fleet: Fleet) -> None:
    """All at the same time."""
    with ThreadPoolExecutor(EXECUTORS) as starting:
        for started in [starting.submit(service.launch) for service in fleet.services]:
            started.result()


def add_mappings(store: ChaosStore, source: Database, target: Database, number: int) -> list[MappingVersion]:
    """Mappings of one connection on each side, each with a target table of its own."""
    name = f"{source.database} to {target.database}"
    read, write = store.add_connection(source, f"from {name}"), store.add_connection(target, f"into {name}")
    made = [
        factories.mapping_version(
            f"SELECT {COLUMNS} FROM source_rows",
            [field("id", "integer"), field("name")],
            table=f"facts_{place}",
            name=f"{name} {place}",
            write_mode=WriteMode.APPEND,
            source_connection_id=read.id,
            target_connection_id=write.id,
        )
        for place in range(number)
    ]
    for version in made:
        store.add_mapping(version)
    return made


def queue(store: ChaosStore, version: MappingVersion) -> Run:
    return store.queue(version, retry=PATIENT, uses=version.mapping.uses)


@contextlib.contextmanager
def locked(source: Database) -> Iterator[None]:
    """Nobody else reads the source's rows meanwhile."""
    take, free = LOCK[source.flavour]
    with source.cursor() as cursor:
        cursor.execute(take)
        yield
        cursor.execute(free)


def check_exact(target: Database, table: str) -> None:
    name = "md5(id::text)" if target.flavour == "postgresql" else "md5(id)"
    counted = target.rows(
        f"SELECT id, COUNT(*), SUM(CASE WHEN name = repeat({name}, 20) THEN 1 END) FROM {table} GROUP BY id"
    )
    assert sorted(counted) == [(number, RUNS_EACH, RUNS_EACH) for number in range(1, ROWS + 1)]


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("source_flavour", "target_flavour"), [("postgresql", "mariadb"), ("mariadb", "postgresql")]
)
def test_executors_that_are_killed_and_started_again_keep_within_their_sessions(
    own_fleet: Fleet,
    store: ChaosStore,
    take_database: Callable[[Flavour], Database],
    source_flavour: Flavour,
    target_flavour: Flavour,
) -> None:
    """docs/databases.md, "Sessions"; there are more workers than `max_parallel`.

    A lock on the source gathers as many runs as may be live; a younger run of other connections shows that every
    older one was passed over. All executors are killed once the lock is gone, and find the lock again when they are
    back.
    """
    source, target, elsewhere = (take_database(one) for one in (source_flavour, target_flavour, "postgresql"))
    for database in (source, elsewhere):
        database.execute(FILL[database.flavour])
    [other] = add_mappings(store, elsewhere, elsewhere, 1)
    versions = add_mappings(store, source, target, MAPPINGS)
    with SessionCount(source) as reading, SessionCount(target) as writing, contextlib.ExitStack() as lock:
        lock.enter_context(locked(source))
        runs = [queue(store, version) for _ in range(RUNS_EACH) for version in versions]
        for starts in range(STARTS):
            until(lambda: reading.most > DEFAULT_MAX_PARALLEL, "work at full width")
            assert store.wait_for_end(queue(store, other)).error is None
            lock.close()
            if starts < STARTS - 1:
                kill_all(own_fleet)
                for database in (source, target):  # the servers end the sessions of the dead by themselves
                    until(lambda d=database: not sessions(server(d.flavour), d), "end of sessions")  # type: ignore[misc]
                lock.enter_context(locked(source))
                start_all(own_fleet)
            else:
                done = [store.wait_for_end(run, 180) for run in runs]
            assert reading.take_most() == DEFAULT_MAX_PARALLEL + 1  # and the lock's own
            assert writing.take_most() <= WORKERS + (DEFAULT_MAX_PARALLEL if starts else 0)
    assert {(run.status, run.error) for run in done} == {(RunStatus.SUCCEEDED, None)}
    assert max(run.attempt for run in done) > 1
    for version in versions:
        check_exact(target, str(version.mapping.target_table))
