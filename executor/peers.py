"""Which of the living executors fires which schedules first, so that they do not all try the same."""

import hashlib
from collections.abc import Sequence

from bson import ObjectId


class Peers:
    """Shares keys out among executors by rendezvous hashing; a share is a preference, never a right."""

    def __init__(self, executor_id: str) -> None:
        self._executor_id = executor_id
        self._alive: tuple[str, ...] = (executor_id,)

    def update(self, alive: Sequence[str]) -> None:
        """Take note of who is alive; this executor always is."""
        self._alive = tuple({*alive, self._executor_id})

    def is_mine(self, key: ObjectId) -> bool:
        """Whether this executor comes first for a key."""
        return max(self._alive, key=lambda executor_id: _weight(executor_id, key)) == self._executor_id


def _weight(executor_id: str, key: ObjectId) -> bytes:
    return hashlib.blake2b(key.binary, key=executor_id.encode()[:64], digest_size=8).digest()
