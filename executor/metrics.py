"""What an executor counts, for Prometheus. Never an id as a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


class ExecutorMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.runs_ended = Counter(
            "etl_runs_ended", "Ends recorded by this executor", ["status"], registry=self.registry
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
        self.workers_ready = Gauge("etl_workers_ready", "Warm worker processes", registry=self.registry)
        self.runs_running = Gauge("etl_runs_running", "Runs in work", registry=self.registry)
        self.paused = Gauge("etl_paused", "1 while the whole installation is paused", registry=self.registry)
        self.clock_ahead_seconds = Gauge(
            "etl_clock_ahead_seconds", "The local clock minus MongoDB's", registry=self.registry
        )
