"""Delays between attempts."""

from executor.backoff import MAX_BACKOFF_SECONDS, backoff_seconds
from shared.documents.mapping import Retry


def test_the_delay_doubles_up_to_a_limit() -> None:
    retry = Retry(max_attempts=100, backoff_seconds=10)
    full = [backoff_seconds(retry, attempt, jitter=lambda: 1.0) for attempt in (1, 2, 3, 4, 99)]
    assert full == [10, 20, 40, 80, MAX_BACKOFF_SECONDS]


def test_the_delay_is_spread_over_its_second_half() -> None:
    retry = Retry(backoff_seconds=10)
    delays = [backoff_seconds(retry, 1) for _ in range(200)]
    assert all(5 <= delay <= 10 for delay in delays)
    assert len(set(delays)) > 100


def test_no_backoff_means_none() -> None:
    assert backoff_seconds(Retry(backoff_seconds=0), 3) == 0
