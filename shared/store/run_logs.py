"""run_logs: the lines that a run wrote for people, bounded in number and length."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo import ReplaceOne

from shared.documents.run import Run
from shared.store.client import MongoDocument, StoreClient

MAX_LINES_PER_ATTEMPT = 1000
MAX_MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True)
class LogLine:
    """One line; `sequence` orders the lines of one attempt."""

    at: datetime
    level: str
    message: str
    attempt: int
    sequence: int


def _stored(run: Run, line: LogLine) -> MongoDocument:
    return {
        "_id": {"run_id": run.id, "fence": run.fence, "sequence": line.sequence},
        "tenant_id": run.tenant_id,
        "run_id": run.id,
        "at": line.at,
        "level": line.level,
        "message": line.message[:MAX_MESSAGE_CHARACTERS],
        "attempt": line.attempt,
        "sequence": line.sequence,
    }


class RunLogStore:
    """Appends are harmless when repeated: a line is known by its run, fence and sequence."""

    def __init__(self, client: StoreClient) -> None:
        self._logs = client.collection("run_logs")

    async def append(self, run: Run, lines: Sequence[LogLine]) -> None:
        """Add lines of the attempt that holds `run.fence`; lines beyond the bound are dropped."""
        writes = [
            ReplaceOne({"_id": stored["_id"]}, stored, upsert=True)
            for stored in (_stored(run, line) for line in lines if line.sequence < MAX_LINES_PER_ATTEMPT)
        ]
        if writes:
            await self._logs.bulk_write(writes, ordered=False)

    async def list_lines(
        self, tenant_id: str, run_id: ObjectId, *, limit: int = 100, offset: int = 0
    ) -> tuple[list[LogLine], int]:
        """Return one page of a run's lines, oldest first, and the total."""
        query = {"tenant_id": tenant_id, "run_id": run_id}
        cursor = self._logs.find(query).sort([("at", 1), ("_id", 1)]).skip(offset).limit(limit)
        names = ("at", "level", "message", "attempt", "sequence")
        page = [LogLine(**{name: stored[name] for name in names}) async for stored in cursor]
        return page, await self._logs.count_documents(query)

    async def purge(self, before: datetime) -> int:
        """Delete lines written before an instant and return their number."""
        return (await self._logs.delete_many({"at": {"$lt": before}})).deleted_count
