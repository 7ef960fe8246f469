"""What an executor counts, for Prometheus. Never an id as a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.documents.run import Progress

LATE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


class ExecutorMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.runs_ended = Counter(
            "etl_runs_ended", "Ends recorded by this executor", ["status"], registry=self.registry
        )
        self._rows = Counter(
            "etl_rows", "Rows of ended attempts, by what became of them", ["kind"], registry=self.registry
        )
        self._bytes = Counter("etl_bytes_read", "Bytes of ended attempts, as read", registry=self.registry)
        self._oldest_due = Gauge(
            "etl_oldest_due_seconds",
            "For how long the longest waiting due tick and run of the installation have been due",
            ["of"],
            registry=self.registry,
        )
        self.runs_claimed = Counter("etl_runs_claimed", "Runs claimed", registry=self.registry)
        self.runs_rescued = Counter(
            "etl_runs_rescued", "Runs taken from lost workers", ["status"], registry=self.registry
        )
        self.leases_lost = Counter(
            "etl_leases_lost", "Attempts that lost their lease", registry=self.registry
        )
        self.workers_lost = Counter(
            "etl_workers_lost", "Worker processes that ended with a run", registry=self.registry
        )
        self.worker_restarts = Counter(
            "etl_worker_restarts",
            "Worker processes started in place of others",
            ["reason"],
            registry=self.registry,
        )
        self.ticks_fired = Counter("etl_ticks_fired", "Ticks that became runs", registry=self.registry)
        self.ticks_skipped = Counter(
            "etl_ticks_skipped", "Ticks that did not run", ["reason"], registry=self.registry
        )
        self.late_seconds = Histogram(
            "etl_tick_late_seconds",
            "From a tick's instant until its run was queued",
            registry=self.registry,
            buckets=LATE_BUCKETS,
        )
        self.notices = Counter(
            "etl_notices", "How attempts to send a notice ended", ["result"], registry=self.registry
        )
        self.workers = Gauge(
            "etl_workers", "Runs that this executor may do at a time", registry=self.registry
        )
        self.workers_ready = Gauge("etl_workers_ready", "Warm worker processes", registry=self.registry)
        self.runs_running = Gauge("etl_runs_running", "Runs in work", registry=self.registry)
        self.paused = Gauge("etl_paused", "1 while the whole installation is paused", registry=self.registry)
        self.clock_ahead_seconds = Gauge(
            "etl_clock_ahead_seconds", "The local clock minus MongoDB's", registry=self.registry
        )

    def count_rows(self, progress: Progress) -> None:
        """Count what an attempt did."""
        self._rows.labels("read").inc(progress.rows_read)
        self._rows.labels("written").inc(progress.rows_written)
        self._rows.labels("unchanged").inc(progress.rows_unchanged)
        self._rows.labels("collapsed").inc(progress.rows_collapsed)
        self._rows.labels("rejected").inc(progress.rows_rejected)
        self._bytes.inc(progress.bytes_read)

    def set_oldest_due(self, *, tick: float | None, run: float | None) -> None:
        """Show how far behind the installation is; None is not at all."""
        self._oldest_due.labels("tick").set(tick or 0)
        self._oldest_due.labels("run").set(run or 0)

    def forget_oldest_due(self) -> None:
        """Show that nobody knows."""
        for of in ("tick", "run"):
            self._oldest_due.labels(of).set(float("nan"))
