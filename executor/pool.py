"""The warm worker processes of one executor: kept at their number, fed one run at a time."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Literal

import structlog
from bson import ObjectId

from executor.worker_process import Done, Job, Ready, Stop, WorkerSetup, worker_main
from shared.documents.run import Run
from shared.settings import Settings

# worn: after RUNS_PER_WORKER runs · lost: it ended by itself · not_started: it ended before it was warm
RestartReason = Literal["worn", "lost", "not_started"]
RUNS_PER_WORKER = 200
MAX_RESTART_SECONDS = 30.0

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class WorkerSlot:
    """One worker process as its supervisor sees it."""

    process: SpawnProcess
    pipe: "Connection[object, object]"
    run: Run | None = None
    is_ready: bool = False
    is_stopping: bool = False
    runs_done: int = 0
    started_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class LostRun:
    """A run whose process is gone; `exit_code` is negative for a signal."""

    run: Run
    exit_code: int | None


class WorkerPool:
    """Starts, feeds, replaces and stops worker processes. Used on one event loop only.

    `on_done` hears of each recorded end, `on_lost` of each run whose process ended before that, `on_restart` of
    each process that takes the place of another.
    """

    def __init__(
        self,
        settings: Settings,
        mongodb_url: str,
        *,
        on_done: Callable[[Done], None],
        on_lost: Callable[[LostRun], None],
        on_restart: Callable[[RestartReason], None] = lambda _: None,
        target: Callable[["Connection[object, object]", WorkerSetup], None] = worker_main,
    ) -> None:
        self._setup = WorkerSetup(settings, mongodb_url, os.getpid())
        self._size = settings.executor_workers
        self._on_done = on_done
        self._on_lost = on_lost
        self._on_restart = on_restart
        self._target = target
        self._spawn = multiprocessing.get_context("spawn")
        self._slots: list[WorkerSlot] = []
        self._idle: asyncio.Queue[WorkerSlot] = asyncio.Queue()
        self._failed_starts = 0
        self._stopping = False
        self._changed = asyncio.Event()

    @property
    def running(self) -> tuple[ObjectId, ...]:
        """The runs that workers have now."""
        return tuple(run.id for run in self.claimed)

    @property
    def claimed(self) -> tuple[Run, ...]:
        """The runs that workers have now, as they were claimed."""
        return tuple(slot.run for slot in self._slots if slot.run is not None)

    @property
    def ready_count(self) -> int:
        return sum(slot.is_ready for slot in self._slots)

    @property
    def size(self) -> int:
        return self._size

    def start(self) -> None:
        """Start all worker processes; they announce themselves when they are warm."""
        while len(self._slots) < self._size:
            self._start_one()

    async def take_idle(self) -> WorkerSlot:
        """Wait for a warm worker without a run and reserve it."""
        while True:
            slot = await self._idle.get()
            if slot in self._slots and not slot.is_stopping:
                return slot

    def put_back(self, slot: WorkerSlot) -> None:
        """Give up a reservation."""
        self._idle.put_nowait(slot)

    def assign(self, slot: WorkerSlot, run: Run, claim_asked_at: float) -> None:
        """Hand a claimed run to a reserved worker."""
        slot.run = run
        try:
            slot.pipe.send(Job(run, claim_asked_at))
        except OSError:
            log.warning("worker_gone", pid=slot.process.pid)  # its end is noticed by the reader, with the run

    def kill_holder(self, run: Run) -> None:
        """End the worker that still has a run that is not its own any more."""
        for slot in self._slots:
            if slot.run is not None and (slot.run.id, slot.run.fence) == (run.id, run.fence):
                log.warning("worker_killed", pid=slot.process.pid, run_id=str(run.id))
                slot.process.kill()

    async def stop(self, grace_seconds: float) -> None:
        """Have every worker hand back its run and end; after the grace period end them by force."""
        self._stopping = True
        for slot in self._slots:
            self._send_stop(slot)
        try:
            async with asyncio.timeout(grace_seconds):
                await self._until_empty()
        except TimeoutError:
            for slot in self._slots:
                log.warning("worker_killed", pid=slot.process.pid, run_id=slot.run and str(slot.run.id))
                slot.process.kill()
            await self._until_empty()

    async def _until_empty(self) -> None:
        while self._slots:
            self._changed.clear()
            await self._changed.wait()

    def _start_one(self) -> None:
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(
            target=self._target, args=(theirs, self._setup), name="worker", daemon=True
        )
        process.start()
        theirs.close()
        slot = WorkerSlot(process, ours)
        self._slots.append(slot)
        asyncio.get_running_loop().add_reader(ours.fileno(), self._receive, slot)

    def _receive(self, slot: WorkerSlot) -> None:
        try:
            message = slot.pipe.recv()
        except (EOFError, OSError):
            self._forget(slot)
            return
        if isinstance(message, Ready):
            slot.is_ready = True
            self._failed_starts = 0
            self._idle.put_nowait(slot)
        elif isinstance(message, Done):
            self._finish(slot, message)

    def _finish(self, slot: WorkerSlot, done: Done) -> None:
        slot.run = None
        slot.runs_done += 1
        self._on_done(done)
        if slot.runs_done >= RUNS_PER_WORKER:
            self._send_stop(slot)
        elif not slot.is_stopping:
            self._idle.put_nowait(slot)

    def _send_stop(self, slot: WorkerSlot) -> None:
        if slot.is_stopping:
            return
        slot.is_stopping = True
        try:
            slot.pipe.send(Stop())
        except OSError:
            log.debug("worker_gone", pid=slot.process.pid)

    def _forget(self, slot: WorkerSlot) -> None:
        """A worker's end of the pipe is closed: it has ended or is about to."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(slot.pipe.fileno())
        slot.pipe.close()
        slot.process.join()
        self._slots.remove(slot)
        self._changed.set()
        exit_code = slot.process.exitcode
        if slot.run is not None:
            log.warning("worker_lost", exit_code=exit_code, run_id=str(slot.run.id))
            self._on_lost(LostRun(slot.run, exit_code))
        slot.process.close()
        if not self._stopping:
            loop.call_later(self._restart_delay(slot), self._replace, _restart_reason(slot))

    def _restart_delay(self, slot: WorkerSlot) -> float:
        """Nothing for a worker that was warm; growing for workers that cannot even start."""
        if slot.is_ready:
            return 0
        self._failed_starts += 1
        log.error("worker_cannot_start", times=self._failed_starts)
        return min(2.0**self._failed_starts, MAX_RESTART_SECONDS)

    def _replace(self, reason: RestartReason) -> None:
        if not self._stopping and len(self._slots) < self._size:
            self._on_restart(reason)
            self._start_one()


def _restart_reason(slot: WorkerSlot) -> RestartReason:
    if slot.is_stopping:
        return "worn"
    return "lost" if slot.is_ready else "not_started"
