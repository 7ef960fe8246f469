"""Writes that must arrive: tried again until they are answered or the lease has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog
from pymongo.errors import PyMongoError

from shared.errors import LeaseLost
from shared.store.errors import classify_store_error

T = TypeVar("T")

ANSWER_SECONDS = 5.0
RETRY_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Trust(Protocol):
    """Knows whether the run is certainly still ours."""

    @property
    def is_trusted(self) -> bool: ...


async def until_written(write: Callable[[], Awaitable[T]], trust: Trust) -> T:
    """Repeat an idempotent write until MongoDB answers. Raises LeaseLost once the lease has ended."""
    while True:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await write()
        except TimeoutError:
            log.warning("store_write_repeated", error="timeout")
        except PyMongoError as error:
            if classify_store_error(error) is None:
                raise
            log.warning("store_write_repeated", error=type(error).__name__)
        if not trust.is_trusted:
            raise LeaseLost
        await asyncio.sleep(RETRY_SECONDS)
