"""Blocking work of the API, in threads that cannot become too many."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

R = TypeVar("R")
A = ParamSpec("A")

MAX_TESTS = 8
MAX_QUERIES = 8


class BlockingWork:
    """Connection tests have threads of their own, so that long queries don't keep them waiting."""

    def __init__(self) -> None:
        self._tests = CapacityLimiter(MAX_TESTS)
        self._queries = CapacityLimiter(MAX_QUERIES)

    @property
    def tests_running(self) -> int:
        return self._tests.borrowed_tokens

    @property
    def tests_waiting(self) -> int:
        return self._tests.statistics().tasks_waiting

    @property
    def queries_running(self) -> int:
        return self._queries.borrowed_tokens

    @property
    def queries_waiting(self) -> int:
        return self._queries.statistics().tasks_waiting

    async def run_test(self, work: Callable[A, R], *args: A.args, **kwargs: A.kwargs) -> R:
        """Run a connection test in a thread."""
        return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._tests)

    async def run_query(self, work: Callable[A, R], *args: A.args, **kwargs: A.kwargs) -> R:
        """Run something that asks a source or target in a thread."""
        return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._queries)
