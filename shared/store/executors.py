"""executors: who is alive, and how far their clocks are off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bson import ObjectId

from shared.clock import Clock, utc_now
from shared.store.client import StoreClient


@dataclass(frozen=True)
class ExecutorBeat:
    """What an executor says of itself; `clock_ahead_ms` is its clock minus the server's."""

    executor_id: str
    host: str
    pid: int
    version: str
    workers: int
    running: Sequence[ObjectId]
    clock_ahead_ms: int


class ExecutorStore:
    def __init__(self, client: StoreClient, clock: Clock = utc_now) -> None:
        self._executors = client.collection("executors")
        self._database = client.database
        self._clock = clock

    async def beat(self, beat: ExecutorBeat) -> None:
        """Record a sign of life at the server's time."""
        fields = {
            "host": beat.host,
            "pid": beat.pid,
            "version": beat.version,
            "workers": beat.workers,
            "running": list(beat.running),
            "clock_ahead_ms": beat.clock_ahead_ms,
        }
        await self._executors.update_one(
            {"_id": beat.executor_id},
            [
                {
                    "$set": {
                        **{name: {"$literal": value} for name, value in fields.items()},
                        "started_at": {"$ifNull": ["$started_at", "$$NOW"]},
                        "seen_at": "$$NOW",
                    }
                }
            ],
            upsert=True,
        )

    async def alive(self, within_seconds: float) -> list[str]:
        """Return the executors that gave a sign of life lately, by the server's time."""
        since = {"$subtract": ["$$NOW", round(within_seconds * 1000)]}
        cursor = self._executors.find({"$expr": {"$gte": ["$seen_at", since]}}, {"_id": 1})
        return [str(found["_id"]) async for found in cursor]

    async def leave(self, executor_id: str) -> None:
        """Forget an executor that stops."""
        await self._executors.delete_one({"_id": executor_id})

    async def measure_clock_ahead(self) -> timedelta:
        """Return the local clock minus the server's, to within the round trip."""
        asked_at = self._clock()
        hello = await self._database.command("hello", codec_options=self._database.codec_options)
        answered_at = self._clock()
        middle: timedelta = asked_at + (answered_at - asked_at) / 2 - hello["localTime"]
        return middle
