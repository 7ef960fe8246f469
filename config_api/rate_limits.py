"""How often somebody may ask. Counted in this process: several processes allow as many times more."""

import math
import time
from collections import defaultdict
from collections.abc import Callable

from config_api.access.errors import TooManyRequests
from shared.settings import Settings

FAILURES_PER_MINUTE = 30
WINDOW_SECONDS = 60.0


class RateLimits:
    """Limits per principal and address; the login has the strictest.

    All is counted in windows of a minute that begin together: what the last one held goes at once, so nothing
    has to expire, and nobody fills the memory.
    """

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._requests = settings.requests_per_minute
        self._logins = settings.logins_per_minute
        self._ends_at = 0.0
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)

    def count_request(self, principal: str) -> None:
        """Raise TooManyRequests when a caller asks too often."""
        self._count("request", principal, self._requests)

    def count_login(self, address: str, email: str) -> None:
        """Raise TooManyRequests when an address tries too often, or a user is tried too often."""
        self._count("login-address", address, self._logins)
        self._count("login-email", email, self._logins)

    def check_failures(self, address: str) -> None:
        """Raise TooManyRequests when an address has sent too many wrong credentials."""
        if self._present()["failure", address] >= FAILURES_PER_MINUTE:
            raise self._refusal()

    def count_failure(self, address: str) -> None:
        """Note wrong credentials of an address."""
        self._present()["failure", address] += 1

    def _count(self, kind: str, who: str, limit: int) -> None:
        counts = self._present()
        if counts[kind, who] >= limit:
            raise self._refusal()
        counts[kind, who] += 1

    def _present(self) -> defaultdict[tuple[str, str], int]:
        now = self._monotonic()
        if now >= self._ends_at:
            self._ends_at = now + WINDOW_SECONDS
            self._counts.clear()
        return self._counts

    def _refusal(self) -> TooManyRequests:
        seconds = max(1, math.ceil(self._ends_at - self._monotonic()))
        return TooManyRequests(f"Too many requests; try again in {seconds} seconds", seconds)
