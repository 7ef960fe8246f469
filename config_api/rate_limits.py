"""How often somebody may ask. Counted in this process: several processes allow as many times more."""

import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from config_api.access.errors import TooManyRequests
from shared.settings import Settings

FAILURES_PER_MINUTE = 30


class RateLimits:
    """Limits per principal and address; the login has the strictest."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(settings.requests_per_minute)
        self._logins = RateLimitItemPerMinute(settings.logins_per_minute)
        self._failures = RateLimitItemPerMinute(FAILURES_PER_MINUTE)

    def count_request(self, principal: str) -> None:
        """Raise TooManyRequests when a caller asks too often."""
        self._count(self._requests, "request", principal)

    def count_login(self, address: str, email: str) -> None:
        """Raise TooManyRequests when an address tries too often, or a user is tried too often."""
        self._count(self._logins, "login-address", address)
        self._count(self._logins, "login-email", email)

    def check_failures(self, address: str) -> None:
        """Raise TooManyRequests when an address has sent too many wrong credentials."""
        if not self._limiter.test(self._failures, "failure", address):
            raise self._refusal(self._failures, "failure", address)

    def count_failure(self, address: str) -> None:
        """Note wrong credentials of an address."""
        self._limiter.hit(self._failures, "failure", address)

    def _count(self, limit: RateLimitItem, kind: str, who: str) -> None:
        if not self._limiter.hit(limit, kind, who):
            raise self._refusal(limit, kind, who)

    def _refusal(self, limit: RateLimitItem, kind: str, who: str) -> TooManyRequests:
        ends_at = self._limiter.get_window_stats(limit, kind, who).reset_time
        seconds = max(1, math.ceil(ends_at - time.time()))
        return TooManyRequests(f"Too many requests; try again in {seconds} seconds", seconds)
