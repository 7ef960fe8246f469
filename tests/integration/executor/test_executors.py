"""Executors as real processes, killed and stopped in the middle of real runs."""

import asyncio
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from local_servers.installation import Installation, Service
from local_servers.process import process_exists
from shared.documents.mapping import Retry
from shared.documents.run import FINAL_STATUSES, Run, RunStatus
from shared.store.client import StoreClient
from tests.integration.executor.world import LEASE_SECONDS, WAIT_SECONDS, World, eventually

ROWS = 2000
RETRY_AT_ONCE = Retry(max_attempts=3, backoff_seconds=0)


@pytest.fixture
def world(store: StoreClient, mongodb_url: str, tmp_path: Path) -> World:
    made = World(store, mongodb_url, tmp_path / "world")
    with sqlite3.connect(made.settings.sqlite_root / "default" / "source.sqlite3") as source:
        source.execute("CREATE TABLE numbers (a TEXT)")
        source.executemany("INSERT INTO numbers VALUES (?)", ((f"row {n}",) for n in range(ROWS)))
    source.close()
    return made


@pytest.fixture
def installation(world: World, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path / "installation", world.environment) as made:
        yield made


async def start(installation: Installation, **settings: str) -> Service:
    return await asyncio.to_thread(lambda: installation.start_executor(**settings))


def armed(folder: Path, point: str, action: str) -> dict[str, str]:
    (folder / "faults").mkdir(exist_ok=True)
    return {"FAULT_POINTS": f"{point}={action}", "FAULT_POINTS_DIR": str(folder / "faults")}


async def queue(world: World, **fields: object) -> Run:
    of = await world.add_mapping(source_query="SELECT a FROM numbers", write_mode="append")
    return await world.queue(of, **{"retry": RETRY_AT_ONCE, **fields})


async def ended(world: World, run: Run) -> Run:
    async def is_over() -> bool:
        return (await world.reread(run)).status in FINAL_STATUSES

    await eventually(is_over)
    return await world.reread(run)


async def reached(folder: Path, point: str) -> None:
    async def exists() -> bool:
        return (folder / "faults" / f"{point}.reached").exists()

    await eventually(exists)


def loaded(world: World) -> list[str]:
    target = sqlite3.connect(world.target_path)
    try:
        return [row[0] for row in target.execute("SELECT a FROM t ORDER BY rowid")]
    finally:
        target.close()


def assert_exact(world: World) -> None:
    assert loaded(world) == [f"row {n}" for n in range(ROWS)]


def worker_pids(service: Service) -> list[int]:
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    return [pid for pid in map(int, children) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def test_workers_stand_behind_what_answers_and_fires(world: World, installation: Installation) -> None:
    service = await start(installation)

    async def has_workers() -> bool:
        return bool(worker_pids(service))

    async def stand_behind() -> bool:
        own = os.getpriority(os.PRIO_PROCESS, service.pid)
        return all(os.getpriority(os.PRIO_PROCESS, pid) > own for pid in worker_pids(service))

    await eventually(has_workers)
    await eventually(stand_behind)


async def test_a_run_goes_through(world: World, installation: Installation) -> None:
    run = await queue(world)
    service = await start(installation)
    done = await ended(world, run)
    assert (done.status, done.error, done.attempt) == (RunStatus.SUCCEEDED, None, 1)
    assert (done.progress.rows_read, done.progress.rows_written) == (ROWS, ROWS)
    assert_exact(world)
    async with httpx2.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/health/live")).json() == {"status": "alive"}
        assert (await client.get("/health/ready/")).json()["checks"]["mongodb"] == "ok"
        status = (await client.get("/status")).json()
        paused = {"paused", "paused_tenants"}
        assert set(status) == {"executor_id", "version", "workers", "running", "oldest_due_seconds", *paused}
        assert (status["paused"], status["paused_tenants"]) == (False, [])
        metrics = (await client.get("/metrics")).text
    for line in (
        'etl_runs_ended_total{status="succeeded"} 1.0',
        f'etl_rows_total{{kind="read"}} {float(ROWS)}',
        f'etl_rows_total{{kind="written"}} {float(ROWS)}',
        f"etl_bytes_read_total {float(done.progress.bytes_read)}",
        'etl_oldest_due_seconds{of="run"} 0.0',
        'etl_oldest_due_seconds{of="tick"} 0.0',
        "etl_workers 1.0",
    ):
        assert line in metrics.splitlines(), line
    labels = {name for name in re.findall(r'(\w+)="', metrics) if name != "le"}
    assert labels <= {"status", "kind", "of", "reason", "result"}


@pytest.mark.parametrize("point", ["after_claim", "mid_load", "after_commit_before_report"])
async def test_a_killed_worker_is_replaced_and_the_result_is_exact(
    world: World, installation: Installation, tmp_path: Path, point: str
) -> None:
    run = await queue(world)
    service = await start(installation, **armed(tmp_path, point, "kill"))
    done = await ended(world, run)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 2)
    assert_exact(world)
    async with httpx2.AsyncClient(base_url=service.url) as client:
        metrics = (await client.get("/metrics")).text
    assert "etl_workers_lost_total 1.0" in metrics
    assert 'etl_worker_restarts_total{reason="lost"} 1.0' in metrics


async def test_a_killed_executor_takes_its_workers_with_it_and_another_one_finishes(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    run = await queue(world)
    first = await start(installation, **armed(tmp_path, "mid_load", "pause"))
    await reached(tmp_path, "mid_load")
    workers = worker_pids(first)
    assert len(workers) == 1
    await start(installation)
    killed_at = time.monotonic()
    os.kill(first.pid, signal.SIGKILL)
    done = await ended(world, run)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 2)
    assert time.monotonic() - killed_at < LEASE_SECONDS * 4 / 3 + 3
    assert not process_exists(workers[0])
    assert_exact(world)


async def test_sigterm_hands_the_run_back_at_once(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    run = await queue(world)
    first = await start(installation, **armed(tmp_path, "mid_extract", "pause"))
    await reached(tmp_path, "mid_extract")
    await start(installation)
    os.kill(first.pid, signal.SIGTERM)
    (tmp_path / "faults" / "mid_extract.go").touch()
    done = await ended(world, run)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 1)
    assert_exact(world)


async def test_a_zombie_changes_nothing(world: World, installation: Installation, tmp_path: Path) -> None:
    # Not later: a frozen process keeps its lock on a SQLite file, and nobody can take that from it.
    run = await queue(world)
    first = await start(installation, **armed(tmp_path, "after_claim", "pause"))
    await reached(tmp_path, "after_claim")
    frozen = [first.pid, *worker_pids(first)]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    await start(installation)
    done = await ended(world, run)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 2)
    (tmp_path / "faults" / "after_claim.go").touch()
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)

    async def is_noticed() -> bool:
        return "lost lease" in first.logs()

    await eventually(is_noticed)
    assert (await world.reread(run)) == done
    assert_exact(world)


async def test_a_frozen_worker_is_ended_with_its_locks_and_its_place_is_filled(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    run = await queue(world)
    service = await start(installation, **armed(tmp_path, "before_commit", "stop"))
    await reached(tmp_path, "before_commit")
    [frozen] = worker_pids(service)
    done = await ended(world, run)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 2)
    assert not process_exists(frozen)
    assert_exact(world)


async def test_a_taken_port_is_named(world: World, installation: Installation) -> None:
    service = await start(installation)
    port = service.url.rpartition(":")[2]
    environment = {**os.environ, **world.environment, "EXECUTOR_PORT": port}
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "executor", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(second.communicate(), WAIT_SECONDS)
    assert second.returncode == 1
    assert f"EXECUTOR_PORT {port} cannot be listened on" in said.decode()
    assert "Traceback" not in said.decode()


async def test_a_run_that_kills_every_worker_is_parked(
    world: World, installation: Installation, tmp_path: Path
) -> None:
    run = await queue(world, retry=Retry(max_attempts=2, backoff_seconds=0))
    faults = armed(tmp_path, "after_claim", "kill")
    faults["FAULT_POINTS"] += ",mid_extract=kill"  # the second worker gets a little further
    service = await start(installation, **faults)
    done = await ended(world, run)
    assert done.error is not None
    assert (done.status, done.error.code, done.attempt) == (RunStatus.FAILED, "worker_lost", 2)
    healthy = await queue(world)
    assert (await ended(world, healthy)).status is RunStatus.SUCCEEDED
    assert service.running


async def test_stopping_leaves_no_process_and_ends_well(world: World, installation: Installation) -> None:
    service = await start(installation)
    workers = worker_pids(service)
    await asyncio.to_thread(service.stop)
    assert not any(process_exists(pid) for pid in workers)
    assert "executor_stopped" in service.logs()
