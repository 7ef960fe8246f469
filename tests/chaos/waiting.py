"""Waiting for a condition with a deadline: every wait of the chaos suite."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 45.0
_FIRST_POLL_SECONDS = 0.01
_LAST_POLL_SECONDS = 0.2


def until(found: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """Ask until the answer is neither None nor False, and return it. Fails naming what never came."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_POLL_SECONDS
    while True:
        answer = found()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds:.0f} s there was no {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, _LAST_POLL_SECONDS)
