"""A warm worker process: started by spawn, given one run at a time, gone when its supervisor is."""

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

from bson import ObjectId

from executor.exit_codes import ExitCode
from executor.pipeline import execute_run
from executor.warm_sessions import WarmSessions
from executor.worker import Execute, Worker
from shared.documents.run import Progress, Run, RunStatus
from shared.error_reports import close_error_reports, configure_error_reports
from shared.logging import configure_logging
from shared.settings import Settings
from shared.tracing import close_tracing, configure_tracing

SERVICE = "etl-worker"
_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_GIVEN_BACK_FROM_BYTES = 64 * 1024  # a little more than a block of rows
_KEPT_FREE_BYTES = 512 * 1024
WORKER_NICENESS = 5


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker process is started with. Travels through a pipe, never over a command line."""

    settings: Settings
    mongodb_url: str
    supervisor_pid: int


@dataclass(frozen=True)
class Ready:
    """Worker to supervisor: imports are done, runs may come."""


@dataclass(frozen=True)
class Job:
    """Supervisor to worker: a claimed run; the time is monotonic, just before the claim was asked for."""

    run: Run
    claim_asked_at: float


@dataclass(frozen=True)
class Done:
    """Worker to supervisor: a run's end is written; status None when its lease was lost."""

    run_id: ObjectId
    status: RunStatus | None
    progress: Progress | None = None


@dataclass(frozen=True)
class Stop:
    """Supervisor to worker: hand back the present run, then end."""


def worker_main(pipe: "Connection[object, object]", setup: WorkerSetup) -> None:
    """The whole life of a worker process."""
    warm = WarmSessions()
    serve_jobs(pipe, setup, partial(execute_run, warm=warm), warm)


def serve_jobs(
    pipe: "Connection[object, object]", setup: WorkerSetup, execute: Execute, warm: WarmSessions | None = None
) -> None:
    """Work on the runs that come through the pipe until told to stop or left alone."""
    warm = warm or WarmSessions(most=0)
    _die_with_supervisor(setup.supervisor_pid)
    _keep_heap_small()
    # On a full machine ticks are fired and questions answered in time, and the rows come after.
    os.nice(WORKER_NICENESS)
    # A terminal's Ctrl-C and a container's stop reach every process: only the supervisor answers them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configure_logging(setup.settings.log_level, setup.settings.log_format)
    configure_error_reports(setup.settings, SERVICE)
    configure_tracing(setup.settings, SERVICE)
    worker = Worker(setup.settings, setup.mongodb_url, execute)
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, jobs, worker.stop), name="orders", daemon=True).start()
    pipe.send(Ready())
    while (job := _next_job(jobs, warm)) is not None:
        status = worker.work(job.run, job.claim_asked_at)
        if status is None:
            warm.close()  # whoever has the run now ends the sessions that it knows of
        pipe.send(Done(job.run.id, status, worker.progress))
    warm.close()
    worker.close()
    close_tracing()
    close_error_reports()


def _keep_heap_small() -> None:
    """Have glibc give what is longer than a block of rows back at once: its heap would grow by the holes between.

    Blocks come from the heap, again and again: the system clears memory before it gives it out, which takes longer
    than to fill it. Other C libraries have no such settings, and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK_FROM_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE_BYTES)
        mallopt(_M_ARENA_MAX, 1)


def _next_job(jobs: "queue.SimpleQueue[Job | None]", warm: WarmSessions) -> Job | None:
    """Wait for an order, and meanwhile close the sessions that have been idle for long."""
    while True:
        try:
            return jobs.get(timeout=warm.close_old())
        except queue.Empty:
            continue


def _listen(
    pipe: "Connection[object, object]", jobs: "queue.SimpleQueue[Job | None]", stop: Callable[[], None]
) -> None:
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            os._exit(ExitCode.SUPERVISOR_GONE)
        if isinstance(message, Job):
            jobs.put(message)
        else:
            stop()
            jobs.put(None)
            return


def _die_with_supervisor(supervisor_pid: int) -> None:
    """Have the kernel end this process when the supervisor ends, however it ends (Linux)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # the end of the pipe says it as well
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor_pid:
        os._exit(ExitCode.SUPERVISOR_GONE)
