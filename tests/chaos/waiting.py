"""Waiting for a condition with a deadline: every wait of the chaos suite."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 45.0
_POLL_SECONDS = 0.03


def until(found: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """Ask until the answer is neither None nor False, and return it. Fails naming what never came."""
    deadline = time.monotonic() + seconds
    while True:
        answer = found()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds:.0f} s there was no {what}")
        time.sleep(_POLL_SECONDS)
