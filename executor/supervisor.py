"""The loops of one executor: fire ticks, claim runs for idle workers, rescue, heartbeat, purge."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from bson import ObjectId
from prometheus_client import CollectorRegistry
from pymongo.errors import PyMongoError

from executor.doorbell import Bell, ring_on_changes
from executor.ending import EndingWriter
from executor.metrics import ExecutorMetrics
from executor.notices.sending import NoticeSender
from executor.notices.writing import NoticeWriter
from executor.peers import Peers
from executor.pool import LostRun, WorkerPool, WorkerSlot
from executor.purge import Purger
from executor.rescuer import Rescuer
from executor.run_inputs import RunInputStore
from executor.scheduler import Scheduler
from executor.server_clock import ServerClock
from executor.target_purger import TargetPurger
from executor.worker_process import Done
from shared.cron import parse_timezone
from shared.documents.pause import Pauses
from shared.documents.run import Run
from shared.error_reports import report_error
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.errors import classify_store_error
from shared.store.executors import ExecutorBeat, ExecutorStore
from shared.store.notices import NoticeStore
from shared.store.pauses import PauseStore
from shared.store.runs import TOLD_OF, RunStore
from shared.store.tick_records import Fired
from shared.store.ticks import TickStore

STORE_RETRY_SECONDS = 1.0
CRASH_RETRY_SECONDS = 5.0
PURGE_SECONDS = 3600.0
METRICS_SECONDS = 2.0
NOTICE_SECONDS = 5.0
RECORD_DISABLED_SECONDS = 60.0
ALIVE_BEATS = 2.5  # an executor that missed two heartbeats is taken to be gone

log = structlog.get_logger(__name__)

Step = Callable[[], Awaitable[float]]


class Supervisor:
    """One executor. `run` works until `request_stop`, then hands its runs back."""

    def __init__(
        self, client: StoreClient, settings: Settings, mongodb_url: str, executor_id: str, version: str
    ) -> None:
        self.executor_id = executor_id
        self.version = version
        self.metrics = ExecutorMetrics()
        self._client = client
        self._settings = settings
        self._stop_requested = asyncio.Event()
        self._run_bell, self._tick_bell, self._notice_bell = Bell(), Bell(), Bell()
        self._losses: set[asyncio.Task[None]] = set()
        self._claims: set[asyncio.Task[Run | None]] = set()
        self._suspects: set[tuple[ObjectId, int | None]] = set()
        self._executors = ExecutorStore(client)
        self._clock = ServerClock(self._executors)
        self._runs = RunStore(client, settings.target_max_parallel)
        self._peers = Peers(executor_id)
        self._pauses = PauseStore(client)
        self._ticks = TickStore(client, self._runs)
        self._scheduler = Scheduler(self._ticks, self._pauses, self._clock, self._peers, self._on_fired)
        inputs = RunInputStore(client, self._runs, settings)
        self._purger = Purger(client, self._runs, settings, self._clock)
        self._target_purger = TargetPurger(client, self._runs, inputs, settings, self._clock)
        self._notices = NoticeSender(
            NoticeWriter(client, self._runs, self._clock),
            NoticeStore(client),
            settings,
            lambda result: self.metrics.notices.labels(result).inc(),
        )
        self._rescuer = Rescuer(
            self._runs,
            EndingWriter(self._runs),
            inputs,
            lease_seconds=settings.lease_seconds,
            on_rescued=self._on_rescued,
        )
        self.pool = WorkerPool(
            settings,
            mongodb_url,
            on_done=self._on_done,
            on_lost=self._on_lost,
            on_restart=lambda reason: self.metrics.worker_restarts.labels(reason).inc(),
        )

    def request_stop(self) -> None:
        """Begin to stop; may be asked twice."""
        self._stop_requested.set()

    async def oldest_due_seconds(self) -> float | None:
        """For how long the longest waiting due run has been due."""
        return await self._runs.oldest_due_seconds()

    async def read_metrics(self) -> CollectorRegistry:
        """Bring up to date what is not counted but looked at."""
        self.metrics.workers.set(self.pool.size)
        self.metrics.workers_ready.set(self.pool.ready_count)
        self.metrics.runs_running.set(len(self.pool.running))
        try:
            async with asyncio.timeout(METRICS_SECONDS):
                tick = await self._ticks.oldest_due_seconds()
                self.metrics.set_oldest_due(tick=tick, run=await self.oldest_due_seconds())
        except (PyMongoError, TimeoutError):
            self.metrics.forget_oldest_due()
        return self.metrics.registry

    async def read_pauses(self) -> Pauses:
        """The switches that keep runs from starting."""
        return await self._pauses.read_all()

    async def run(self) -> None:
        """Work until asked to stop; then finish or hand back within SHUTDOWN_GRACE_SECONDS."""
        await self._clock.measure()
        await asyncio.to_thread(
            parse_timezone, "UTC"
        )  # reads all names of zones, which the first tick need not wait for
        loops: list[asyncio.Task[None]] = []
        try:
            self.pool.start()
            loops += self._start_loops()
            log.info("executor_started", executor_id=self.executor_id, workers=self.pool.size)
            await self._stop_requested.wait()
        finally:
            await self._stop(loops)

    def _start_loops(self) -> list[asyncio.Task[None]]:
        return [
            asyncio.create_task(coroutine)
            for coroutine in (
                _forever("heartbeat", self._beat),
                _forever("scheduler", self._fire),
                _forever("disabled", self._record_disabled),
                _forever("claims", self._claim),
                _forever("rescue", self._rescue),
                _forever("purge", self._purge),
                _forever("target_purge", self._purge_targets),
                _forever("notices", self._send_notices),
                _forever("doorbell", self._ring_on_changes),
            )
        ]

    async def _stop(self, loops: list[asyncio.Task[None]]) -> None:
        log.info("executor_stopping", running=len(self.pool.running))
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, *self._claims, return_exceptions=True)
        await self.pool.stop(self._settings.shutdown_grace_seconds)
        await asyncio.gather(*self._losses, return_exceptions=True)
        try:
            async with asyncio.timeout(STORE_RETRY_SECONDS):
                await self._executors.leave(self.executor_id)
        except (PyMongoError, TimeoutError):
            log.warning("executor_not_signed_off")  # its record says when it was last seen
        log.info("executor_stopped")

    # -- steps: each returns how many seconds to wait before the next ---------------------------

    async def _beat(self) -> float:
        await self._clock.measure()
        self.metrics.clock_ahead_seconds.set(self._clock.ahead_ms / 1000)
        await self._executors.beat(
            ExecutorBeat(
                executor_id=self.executor_id,
                host=socket.gethostname(),
                pid=os.getpid(),
                version=self.version,
                workers=self.pool.size,
                running=self.pool.running,
                clock_ahead_ms=self._clock.ahead_ms,
            )
        )
        self.metrics.paused.set((await self.read_pauses()).installation)
        self._peers.update(await self._executors.alive(ALIVE_BEATS * self._settings.heartbeat_seconds))
        return self._settings.heartbeat_seconds

    async def _fire(self) -> float:
        if not await self._scheduler.fire_due():
            await self._tick_bell.sleep(self._scheduler.seconds_to_next_tick())
        return 0

    async def _record_disabled(self) -> float:
        return 0 if await self._scheduler.record_disabled() else RECORD_DISABLED_SECONDS

    async def _claim(self) -> float:
        slot = await self.pool.take_idle()
        claim = asyncio.create_task(self._claim_for(slot))
        self._claims.add(claim)
        claim.add_done_callback(self._claims.discard)
        # Shielded: a run that is claimed while this executor stops is handed back and not forgotten.
        if await asyncio.shield(claim) is None:
            await self._run_bell.sleep(await self._idle_seconds())
        return 0

    async def _claim_for(self, slot: WorkerSlot) -> Run | None:
        asked_at = time.monotonic()
        run = None
        try:
            run = await self._runs.claim_run(self.executor_id, self._settings.lease_seconds)
        finally:
            if run is None:
                self.pool.put_back(slot)
        if run is None:
            return None
        self.metrics.runs_claimed.inc()
        if self._stop_requested.is_set():
            return await self._runs.release_run(run)
        self.pool.assign(slot, run, asked_at)
        return run

    async def _idle_seconds(self) -> float:
        upcoming = await self._runs.seconds_to_next_due()
        return min(self._settings.poll_seconds, self._settings.poll_seconds if upcoming is None else upcoming)

    async def _rescue(self) -> float:
        await self._rescuer.rescue_expired()
        await self._kill_zombies()
        return self._settings.rescue_seconds

    async def _kill_zombies(self) -> None:
        """End workers that kept a lost run for two looks: they are frozen, and may hold locks in databases."""
        lost = await self._runs.not_held(self.pool.claimed)
        for run in lost:
            if (run.id, run.fence) in self._suspects:
                self.pool.kill_holder(run)
        self._suspects = {(run.id, run.fence) for run in lost}

    async def _ring_on_changes(self) -> float:
        return await ring_on_changes(self._client, self._run_bell, self._tick_bell)

    async def _send_notices(self) -> float:
        await self._notices.send_due()
        await self._notice_bell.sleep(NOTICE_SECONDS)
        return 0

    async def _purge(self) -> float:
        await self._purger.purge()
        return PURGE_SECONDS

    async def _purge_targets(self) -> float:
        await self._target_purger.purge_if_due()
        return PURGE_SECONDS

    # -- what the parts report -----------------------------------------------------------------

    def _on_fired(self, fired: Fired, now: datetime) -> None:
        for run in fired.queued:
            self.metrics.ticks_fired.inc()
            if run.scheduled_for is not None:
                self.metrics.late_seconds.observe(max((now - run.scheduled_for).total_seconds(), 0))
        for skipped in fired.skipped:
            self.metrics.ticks_skipped.labels(skipped.reason).inc(skipped.count or 1)
            if skipped.notices:
                self._notice_bell.ring()
        for extension in fired.extended:
            self.metrics.ticks_skipped.labels("paused").inc(extension.count)
        if fired.queued:
            self._run_bell.ring()

    def _on_done(self, done: Done) -> None:
        if done.status is None:
            self.metrics.leases_lost.inc()
        else:
            self.metrics.runs_ended.labels(done.status).inc()
        if done.progress is not None:
            self.metrics.count_rows(done.progress)
            if done.status in TOLD_OF:
                self._notice_bell.ring()
        self._run_bell.ring()

    def _on_lost(self, lost: LostRun) -> None:
        self.metrics.workers_lost.inc()
        task = asyncio.create_task(self._rescue_lost(lost))
        self._losses.add(task)
        task.add_done_callback(self._losses.discard)

    async def _rescue_lost(self, lost: LostRun) -> None:
        try:
            await self._rescuer.rescue(lost.run, exit_code=lost.exit_code)
        except PyMongoError as error:
            # Its lease ends by itself, and whoever looks first takes the run.
            log.warning("run_not_rescued", run_id=str(lost.run.id), error=type(error).__name__)

    def _on_rescued(self, run: Run) -> None:
        self.metrics.runs_rescued.labels(run.status).inc()
        if run.status in TOLD_OF:
            self._notice_bell.ring()
        self._run_bell.ring()


async def _forever(name: str, step: Step) -> None:
    """Repeat a step until cancelled; no error ends an executor's loop."""
    while True:
        try:
            wait_seconds = await step()
        except PyMongoError as error:
            if classify_store_error(error) is None:
                log.exception("loop_failed", loop=name)
                report_error(error)
                wait_seconds = CRASH_RETRY_SECONDS
            else:
                log.warning("store_unavailable", loop=name, error=type(error).__name__)
                wait_seconds = STORE_RETRY_SECONDS
        except Exception as error:
            log.exception("loop_failed", loop=name)
            report_error(error)
            wait_seconds = CRASH_RETRY_SECONDS
        await asyncio.sleep(wait_seconds)
