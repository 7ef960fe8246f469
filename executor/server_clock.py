"""MongoDB's time, known from the local clock and a measured difference."""

from datetime import datetime, timedelta

import structlog

from shared.clock import Clock, utc_now
from shared.store.executors import ExecutorStore

SKEW_WORTH_A_WARNING = timedelta(seconds=2)

log = structlog.get_logger(__name__)


class ServerClock:
    """A Clock that all executors share, however wrong their own clocks are."""

    def __init__(self, executors: ExecutorStore, clock: Clock = utc_now) -> None:
        self._executors = executors
        self._clock = clock
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return self._clock() - self.ahead

    @property
    def ahead_ms(self) -> int:
        """The local clock minus the server's."""
        return round(self.ahead / timedelta(milliseconds=1))

    async def measure(self) -> None:
        """Ask the server for its time."""
        self.ahead = await self._executors.measure_clock_ahead()
        if abs(self.ahead) > SKEW_WORTH_A_WARNING:
            log.warning("clock_skew", ahead_ms=self.ahead_ms)
