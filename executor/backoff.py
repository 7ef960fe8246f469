"""How long a run waits for its next attempt."""

import random
from collections.abc import Callable

from shared.documents.mapping import Retry

MAX_BACKOFF_SECONDS = 3600.0


def backoff_seconds(retry: Retry, attempt: int, jitter: Callable[[], float] = random.random) -> float:
    """Return the delay after attempt number `attempt`: doubled each time, then from half to all of it."""
    exponent = min(max(attempt - 1, 0), 30)
    full: float = min(retry.backoff_seconds * 2**exponent, MAX_BACKOFF_SECONDS)
    return full * (0.5 + jitter() / 2)
