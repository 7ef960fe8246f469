"""runs, as they are looked at; nothing is written here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from shared.documents.base import known_format
from shared.documents.run import UNFINISHED_STATUSES, Run, RunStatus, Trigger, Window
from shared.errors import NotFound
from shared.store.client import Collection, MongoDocument, Session, StoreClient

LIVE_STATUSES = (RunStatus.RUNNING, RunStatus.COMMITTING)


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list; None leaves a field free. `since` and `until` bound queued_at, both inclusive."""

    mapping_id: ObjectId | None = None
    schedule_id: ObjectId | None = None
    status: RunStatus | None = None
    trigger: Trigger | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class UnfinishedRuns:
    """How many runs of a mapping wait, and how many are in work."""

    queued: int = 0
    live: int = 0


@dataclass(frozen=True)
class Extension:
    """Ticks that are added to a skipped record."""

    run_id: ObjectId
    until: datetime
    count: int


class RunReader:
    """What the API shows of runs, and what executors ask before they act."""

    def __init__(self, client: StoreClient) -> None:
        self._runs: Collection = client.collection("runs")

    async def get(self, tenant_id: str, run_id: ObjectId) -> Run:
        """Return a run. Raises NotFound."""
        stored = await self._runs.find_one({"_id": run_id, "tenant_id": tenant_id})
        if stored is None:
            raise NotFound("There is no such run")
        return Run.from_mongo(stored)

    async def statuses(self, run_ids: Sequence[ObjectId]) -> dict[ObjectId, RunStatus]:
        """Return the states of those of the runs that are there, of every tenant."""
        found = self._runs.find({"_id": {"$in": list(run_ids)}}, {"status": 1})
        return {stored["_id"]: RunStatus(stored["status"]) async for stored in found}

    async def list_runs(
        self,
        tenant_id: str,
        wanted: RunFilter,
        *,
        sort: Sequence[tuple[str, int]] = (("queued_at", -1), ("_id", -1)),
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[Run], int]:
        """Return one page of runs, newest first unless sorted otherwise, and the total."""
        query = _list_query(tenant_id, wanted)
        cursor = self._runs.find(query).sort(list(sort)).skip(offset).limit(limit)
        page = [Run.from_mongo(stored) async for stored in cursor]
        return page, await self._runs.count_documents(query)

    async def last_window(self, tenant_id: str, mapping_id: ObjectId) -> Window | None:
        """Return the window of the mapping's newest run that moved its watermark, or None."""
        query = {
            "tenant_id": tenant_id,
            "mapping_id": mapping_id,
            "status": RunStatus.SUCCEEDED,
            "window": {"$ne": None},
            "fixed_window": None,
        }
        stored = await self._runs.find_one(query, {"window": 1}, sort=[("queued_at", -1)])
        return None if stored is None else Window.model_validate(stored["window"])

    async def was_claimed_since(self, tenant_id: str, mapping_id: ObjectId, fence: int) -> bool:
        """Whether a run of the mapping is live, or was claimed after a number was drawn from the counter."""
        live_or_later = [{"status": {"$in": list(LIVE_STATUSES)}}, {"fence": {"$gt": fence}}]
        found = await self._runs.find_one(
            {"tenant_id": tenant_id, "mapping_id": mapping_id, "$or": live_or_later}, {"_id": 1}
        )
        return found is not None

    async def has_unfinished(
        self, tenant_id: str, mapping_id: ObjectId, session: Session | None = None
    ) -> bool:
        """Whether a run of the mapping is queued or live."""
        unfinished = {"mapping_id": mapping_id, "status": {"$in": list(UNFINISHED_STATUSES)}}
        found = await self._runs.find_one({"tenant_id": tenant_id, **unfinished}, {"_id": 1}, session=session)
        return found is not None

    async def count_unfinished(
        self, mapping_ids: Sequence[ObjectId], session: Session
    ) -> dict[ObjectId, UnfinishedRuns]:
        """Return how many runs of each mapping are queued and live; mappings without any are left out.

        The waiting chunks of a backfill are left out too: they keep no tick from running.
        """
        is_queued = {"$eq": ["$status", RunStatus.QUEUED]}
        pipeline: list[MongoDocument] = [
            {
                "$match": {
                    "mapping_id": {"$in": list(mapping_ids)},
                    "status": {"$in": list(UNFINISHED_STATUSES)},
                    "$nor": [{"status": RunStatus.QUEUED, "fixed_window": {"$ne": None}}],
                }
            },
            {
                "$group": {
                    "_id": "$mapping_id",
                    "queued": {"$sum": {"$cond": [is_queued, 1, 0]}},
                    "live": {"$sum": {"$cond": [is_queued, 0, 1]}},
                }
            },
        ]
        found = await (await self._runs.aggregate(pipeline, session=session)).to_list()
        return {one["_id"]: UnfinishedRuns(one["queued"], one["live"]) for one in found}

    async def existing(self, run_ids: Sequence[ObjectId], session: Session) -> frozenset[ObjectId]:
        """Return those of the runs that are there."""
        found = self._runs.find({"_id": {"$in": list(run_ids)}}, {"_id": 1}, session=session)
        return frozenset([stored["_id"] async for stored in found])

    async def expired_runs(self, limit: int = 100) -> list[Run]:
        """Return live runs whose lease has ended by the server's clock, longest first."""
        query = {
            "status": {"$in": list(LIVE_STATUSES)},
            "format": {"$lte": known_format()},
            "$expr": {"$lte": ["$lease_expires_at", "$$NOW"]},
        }
        cursor = self._runs.find(query).sort("lease_expires_at", 1).limit(limit)
        return [Run.from_mongo(stored) async for stored in cursor]

    async def not_held(self, runs: Sequence[Run]) -> list[Run]:
        """Return those of the claimed runs that are no longer live under their fence."""
        held = {
            (stored["_id"], stored["fence"])
            async for stored in self._runs.find(
                {"_id": {"$in": [run.id for run in runs]}, "status": {"$in": list(LIVE_STATUSES)}},
                {"fence": 1},
            )
        }
        return [run for run in runs if (run.id, run.fence) not in held]

    async def seconds_to_next_due(self) -> float | None:
        """Return how long until a queued run that waits for its time becomes due, None when none does."""
        pipeline: list[MongoDocument] = [
            {"$match": {"status": RunStatus.QUEUED, "$expr": {"$gt": ["$not_before", "$$NOW"]}}},
            {"$sort": {"not_before": 1}},
            {"$limit": 1},
            {"$project": {"wait": {"$subtract": ["$not_before", "$$NOW"]}}},
        ]
        found = await (await self._runs.aggregate(pipeline)).to_list()
        return float(found[0]["wait"]) / 1000 if found else None

    async def oldest_due_seconds(self) -> float | None:
        """Return for how long the longest waiting due run has been due, None when none is."""
        pipeline: list[MongoDocument] = [
            {"$match": due_query()},
            {"$sort": {"not_before": 1}},
            {"$limit": 1},
            {"$project": {"waited": {"$subtract": ["$$NOW", "$not_before"]}}},
        ]
        found = await (await self._runs.aggregate(pipeline)).to_list()
        return float(found[0]["waited"]) / 1000 if found else None


def _list_query(tenant_id: str, wanted: RunFilter) -> MongoDocument:
    query: MongoDocument = {"tenant_id": tenant_id}
    for name in ("mapping_id", "schedule_id", "status", "trigger"):
        value = getattr(wanted, name)
        if value is not None:
            query[name] = value
    bounds = {"$gte": wanted.since, "$lte": wanted.until}
    given = {operator: bound for operator, bound in bounds.items() if bound is not None}
    return {**query, "queued_at": given} if given else query


def due_query() -> MongoDocument:
    """Queued runs that are due by the server's time and that this version can carry out."""
    return {
        "status": RunStatus.QUEUED,
        "format": {"$lte": known_format()},
        "needs": {"$not": {"$gt": known_format()}},
        "$expr": {"$lte": ["$not_before", "$$NOW"]},
    }
