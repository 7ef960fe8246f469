"""Limits by principal and address, and when they are over."""

import pytest

from config_api.access.errors import TooManyRequests
from config_api.rate_limits import FAILURES_PER_MINUTE, WINDOW_SECONDS, RateLimits
from shared.settings import Settings


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(Settings(requests_per_minute=3, logins_per_minute=2), clock)


def test_each_caller_has_a_limit_of_their_own_until_the_minute_is_over(
    limits: RateLimits, clock: Clock
) -> None:
    for _ in range(3):
        limits.count_request("a")
    clock.seconds += WINDOW_SECONDS - 10
    with pytest.raises(TooManyRequests) as refused:
        limits.count_request("a")
    assert refused.value.retry_after_seconds == 10
    limits.count_request("b")
    clock.seconds += 10
    limits.count_request("a")


def test_logins_are_counted_by_address_and_by_user(limits: RateLimits) -> None:
    limits.count_login("1.1.1.1", "a@b.c")
    limits.count_login("2.2.2.2", "a@b.c")
    with pytest.raises(TooManyRequests):
        limits.count_login("3.3.3.3", "a@b.c")
    limits.count_login("1.1.1.1", "x@b.c")
    with pytest.raises(TooManyRequests):
        limits.count_login("1.1.1.1", "y@b.c")


def test_wrong_credentials_close_an_address_for_the_rest_of_the_minute(
    limits: RateLimits, clock: Clock
) -> None:
    for _ in range(FAILURES_PER_MINUTE):
        limits.check_failures("1.1.1.1")
        limits.count_failure("1.1.1.1")
    with pytest.raises(TooManyRequests):
        limits.check_failures("1.1.1.1")
    limits.check_failures("2.2.2.2")
    clock.seconds += WINDOW_SECONDS
    limits.check_failures("1.1.1.1")


def test_what_was_counted_goes_with_its_minute(limits: RateLimits, clock: Clock) -> None:
    for number in range(1000):
        limits.check_failures(f"address {number}")
        limits.count_request(f"caller {number}")
    clock.seconds += WINDOW_SECONDS
    limits.count_request("a")
    assert len(limits._counts) == 1
