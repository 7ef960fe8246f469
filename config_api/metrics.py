"""What operators count: requests by method, route template and status, and how long they took."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class HttpMetrics:
    """Counters of one app in a registry of their own; labels are bounded by the routes there are."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "http_request_seconds",
            "Seconds from a request to its answer",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._used = Gauge(
            "etl_pool_used", "Places of a pool that are taken", ("pool",), registry=self.registry
        )
        self._waiting = Gauge(
            "etl_pool_waiting", "Requests that wait for a place", ("pool",), registry=self.registry
        )
        self._size = Gauge("etl_pool_size", "Places of a pool", ("pool",), registry=self.registry)
        self.in_progress = Gauge(
            "http_requests_in_progress", "Requests being answered", registry=self.registry
        )

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        counters = self._counters.get((method, route, status))
        if counters is None:
            # Kept, for looking them up takes longer than counting; there are as many as labels.
            counters = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._counters[method, route, status] = counters
        requests, histogram = counters
        requests.inc()
        histogram.observe(seconds)

    def watch_pool(
        self, pool: str, size: int, used: Callable[[], float], waiting: Callable[[], float] | None = None
    ) -> None:
        """Show how much of a pool is used, as it is when somebody looks; `waiting` where one waits for a place."""
        self._size.labels(pool).set(size)
        self._used.labels(pool).set_function(used)
        if waiting is not None:
            self._waiting.labels(pool).set_function(waiting)

    def render(self) -> bytes:
        """Return the metrics in Prometheus' text form."""
        return generate_latest(self.registry)
