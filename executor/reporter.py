"""Carries what a run tells about itself into MongoDB: sessions at once, the rest at most once a second."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from pymongo.errors import PyMongoError

from shared.clock import Clock, utc_now
from shared.documents.run import Progress, Run, TargetSession, Window
from shared.errors import LeaseLost
from shared.store.run_logs import MAX_LINES_PER_ATTEMPT, LogLine, RunLogStore
from shared.store.runs import RunStore

FLUSH_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass
class _Unwritten:
    """What the store has not got yet; None where nothing changed."""

    progress: Callable[[], Progress] | None = None
    plan: tuple[str, Window | None] | None = None
    sessions: tuple[TargetSession, ...] | None = None
    lines: list[LogLine] = field(default_factory=list)

    def put_back(self, newer: "_Unwritten") -> "_Unwritten":
        """Return what is unwritten when writing this failed and `newer` has come meanwhile."""
        return _Unwritten(
            newer.progress or self.progress,
            newer.plan or self.plan,
            self.sessions if newer.sessions is None else newer.sessions,
            self.lines + newer.lines,
        )


class RunReporter:
    """Called from the working thread; written by `keep_writing` on the store's loop.

    A MongoDB that does not answer delays the reports and never the work.
    """

    def __init__(self, runs: RunStore, logs: RunLogStore, run: Run, clock: Clock = utc_now) -> None:
        self._runs = runs
        self._logs = logs
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._unwritten = _Unwritten()
        self._line_count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hurry = asyncio.Event()
        self._writing = asyncio.Lock()

    def report_progress(self, counts: Callable[[], Progress]) -> None:
        """Have the counts written: they are asked for then, which is less often than they change."""
        with self._lock:
            self._unwritten.progress = counts

    def supersede_progress(self) -> None:
        """The store was told newer counts by other means: those that wait here are not written any more."""
        with self._lock:
            self._unwritten.progress = None

    def report_plan(self, gear: str, window: Window | None) -> None:
        with self._lock:
            self._unwritten.plan = (gear, window)

    def report_sessions(self, sessions: tuple[TargetSession, ...]) -> None:
        with self._lock:
            self._unwritten.sessions = sessions
        self._wake_up()

    def add_line(self, level: str, message: str) -> None:
        """Add a line to the run's log; the last that fits says that more were dropped."""
        with self._lock:
            sequence = self._line_count
            self._line_count += 1
            if sequence >= MAX_LINES_PER_ATTEMPT:
                return
            if sequence == MAX_LINES_PER_ATTEMPT - 1:
                level, message = "warning", "further lines of this attempt are not kept"
            line = LogLine(self._clock(), level, message, self._run.attempt, sequence)
            self._unwritten.lines.append(line)

    async def keep_writing(self) -> None:
        """Write until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            await self.write()
            self._hurry.clear()
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._hurry.wait()
            except TimeoutError:
                continue

    async def write(self) -> None:
        """Write what has changed; what cannot be written, or is interrupted, stays for the next time."""
        try:
            await self.write_now()
        except PyMongoError as error:
            log.warning("report_delayed", run_id=str(self._run.id), error=type(error).__name__)
        except LeaseLost:
            return  # the next owner reports; the keeper of the lease stops the work

    async def write_now(self) -> None:
        """Write what has changed. Raises what the store raises; it stays unwritten then."""
        async with self._writing:
            with self._lock:
                taken, self._unwritten = self._unwritten, _Unwritten()
            try:
                await self._write(taken)
            except BaseException:
                self._put_back(taken)
                raise

    def _put_back(self, taken: _Unwritten) -> None:
        with self._lock:
            self._unwritten = taken.put_back(self._unwritten)

    async def _write(self, taken: _Unwritten) -> None:
        if taken.lines:
            await self._logs.append(self._run, taken.lines)
        if taken.progress or taken.plan or taken.sessions is not None:
            progress = taken.progress() if taken.progress else None
            await self._runs.record_report(self._run, progress, taken.plan, taken.sessions)

    def _wake_up(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hurry.set)
