"""runs: the only writer of run documents.

Every transition is one conditional update whose filter names the old state and, once a run is claimed, the
fence; nothing matched means that the run is no longer the caller's. Leases end by the server's clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.documents.base import FORMAT
from shared.documents.run import (
    FINAL_STATUSES,
    TRANSITIONS,
    UNFINISHED_STATUSES,
    Progress,
    Run,
    RunError,
    RunStatus,
    TargetSession,
    Trigger,
    Window,
)
from shared.errors import Conflict, LeaseLost, NotFound, RunCancelled
from shared.store.client import Collection, MongoDocument, Session, StoreClient
from shared.store.counters import CounterStore

LIVE_STATUSES = (RunStatus.RUNNING, RunStatus.COMMITTING)
KNOWN_FORMATS = (FORMAT,)

TICK_INDEX = "runs_tick"
ONE_MANUAL_INDEX = "runs_one_manual"
ONE_LIVE_INDEX = "runs_one_live"

_CLAIM_RACES = 20


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


class RunStore:
    """Runs by tenant for the API; claims, leases and ends for the executors."""

    def __init__(self, client: StoreClient) -> None:
        self._runs: Collection = client.collection("runs")
        self._schedules: Collection = client.collection("schedules")
        self._counters = CounterStore(client)

    # -- queueing and reading ------------------------------------------------------------------

    async def queue_run(self, run: Run, session: Session | None = None) -> Run:
        """Add a queued run.

        Raises: Conflict `run_already_queued` for a second manual run that waits for the same mapping,
        Conflict `tick_already_fired` for a second run of one tick.
        """
        if run.status is not RunStatus.QUEUED:
            raise ValueError("queue_run takes queued runs only")
        return await self._insert(run, session)

    async def add_records(self, records: Sequence[Run], session: Session) -> None:
        """Add what became of ticks: queued runs, and skipped records with their reason."""
        if any(run.status is RunStatus.SKIPPED and run.reason is None for run in records):
            raise ValueError("a skipped record needs its reason")
        if records:
            stored = [_with_due_time(run) for run in records]
            await self._runs.insert_many(stored, session=session)

    async def _insert(self, run: Run, session: Session | None) -> Run:
        stored = _with_due_time(run)
        try:
            await self._runs.insert_one(stored, session=session)
        except DuplicateKeyError as error:
            raise _insert_conflict(error) from error
        return Run.from_mongo(stored)

    async def get(self, tenant_id: str, run_id: ObjectId) -> Run:
        """Return a run. Raises NotFound."""
        stored = await self._runs.find_one({"_id": run_id, "tenant_id": tenant_id})
        if stored is None:
            raise NotFound("There is no such run")
        return Run.from_mongo(stored)

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

    async def request_cancel(self, tenant_id: str, run_id: ObjectId) -> Run:
        """Cancel a run that never started at once; flag any other unfinished one for its executor.

        A queued run that was claimed before may have an open ledger row, so an executor ends it.
        Raises: NotFound, Conflict `run_finished`, Conflict `run_committing` past the point of no return.
        """
        key = {"_id": run_id, "tenant_id": tenant_id}
        never_started = {**key, "status": RunStatus.QUEUED, "fence": None}
        ended = {
            **_set_status(RunStatus.CANCELLED),
            "cancel_requested": True,
            "finished_at": "$$NOW",
        }
        flagged = {"cancel_requested": True, "not_before": _due_at_once(), **_touched()}
        startable = {**key, "status": {"$in": [RunStatus.QUEUED, RunStatus.RUNNING]}}
        # The second filter also catches a run that was claimed between the two updates.
        for query, change in ((never_started, ended), (startable, flagged)):
            stored = await self._update(query, change)
            if stored is not None:
                return stored
        run = await self.get(tenant_id, run_id)
        if run.status is RunStatus.COMMITTING:
            raise Conflict("The run is committing and can no longer be cancelled", code="run_committing")
        raise Conflict(f"The run has already ended as {run.status}", code="run_finished")

    # -- the holder of a lease -----------------------------------------------------------------

    async def claim_run(
        self, executor_id: str, lease_seconds: float, known_formats: Sequence[int] = KNOWN_FORMATS
    ) -> Run | None:
        """Take the queued run that has been due for longest, or return None.

        Never takes a run of a mapping that already has a live one: a unique index refuses it.
        """
        if not await self._has_due(known_formats):
            return None
        fence = await self._counters.next_fence()
        change = {
            **_set_status(RunStatus.RUNNING),
            "executor_id": {"$literal": executor_id},
            "fence": fence,
            "attempt": {"$add": ["$attempt", 1]},
            "lease_expires_at": _from_now(lease_seconds),
            "started_at": {"$ifNull": ["$started_at", "$$NOW"]},
            "progress": {"$literal": Progress().model_dump()},
        }
        for _ in range(_CLAIM_RACES):
            query = {
                **_due_query(known_formats),
                "mapping_id": {"$nin": await self._live_mappings()},
            }
            try:
                return await self._update(query, change, sort=[("not_before", 1), ("_id", 1)])
            except DuplicateKeyError:
                continue  # another claimer took a run of this mapping in between
        return None

    async def _has_due(self, known_formats: Sequence[int]) -> bool:
        return await self._runs.find_one(_due_query(known_formats), {"_id": 1}) is not None

    async def _live_mappings(self) -> list[ObjectId]:
        found: list[ObjectId] = await self._runs.distinct(
            "mapping_id", {"status": {"$in": list(LIVE_STATUSES)}}
        )
        return found

    async def renew_lease(self, run: Run, lease_seconds: float) -> Run:
        """Extend a lease that has not ended. Raises LeaseLost. The answer shows whether to cancel."""
        query = {**_held(run, LIVE_STATUSES), "$expr": {"$gt": ["$lease_expires_at", "$$NOW"]}}
        return _mine(await self._update(query, {"lease_expires_at": _from_now(lease_seconds), **_touched()}))

    async def enter_committing(self, run: Run, progress: Progress) -> Run:
        """Take a run past the point where it can be cancelled; asking twice is harmless.

        Raises: RunCancelled when that was asked for before, LeaseLost.
        """
        query = {
            **_held(run, LIVE_STATUSES),
            "$or": [{"status": RunStatus.COMMITTING}, {"cancel_requested": False}],
            "$expr": {"$gt": ["$lease_expires_at", "$$NOW"]},
        }
        change = {
            **_set_status(RunStatus.COMMITTING),
            "unsettled": True,
            "progress": {"$literal": progress.model_dump()},
        }
        stored = await self._update(query, change)
        if stored is None:
            current = await self._runs.find_one({**_held(run, LIVE_STATUSES), "cancel_requested": True})
            if current is not None:
                raise RunCancelled
        return _mine(stored)

    async def record_progress(self, run: Run, progress: Progress) -> None:
        """Store counts. Raises LeaseLost."""
        await self._record(run, {"progress": progress.model_dump()})

    async def record_plan(self, run: Run, gear: str, window: Window | None) -> None:
        """Store the gear and window that were chosen. Raises LeaseLost."""
        await self._record(run, {"gear": gear, "window": window and window.model_dump()})

    async def record_sessions(self, run: Run, sessions: Sequence[TargetSession]) -> None:
        """Store the database sessions that this attempt holds. Raises LeaseLost."""
        await self._record(run, {"sessions": [session.model_dump() for session in sessions]})

    async def record_mapping_version(self, run: Run, mapping_version: int) -> Run:
        """Store which mapping version the run uses. Raises LeaseLost."""
        return await self._record(run, {"mapping_version": mapping_version})

    async def _record(self, run: Run, fields: Mapping[str, Any]) -> Run:
        change = {name: {"$literal": value} for name, value in fields.items()}
        return _mine(await self._update(_held(run, LIVE_STATUSES), {**change, **_touched()}))

    async def release_run(self, run: Run) -> Run:
        """Hand a run back at once: queued again, due now, the attempt not counted. Raises LeaseLost."""
        change = {
            **_back_to_queue(0),
            "attempt": {"$max": [0, {"$subtract": ["$attempt", 1]}]},
            "sessions": [],
        }
        return _mine(await self._update(_held(run, LIVE_STATUSES), change))

    async def requeue_run(self, run: Run, delay_seconds: float, error: RunError) -> Run:
        """Queue a run again for another attempt after a delay. Raises LeaseLost.

        Its sessions stay: one whose connection was lost may live on in the server, for the next owner to end.
        """
        change = {
            **_back_to_queue(delay_seconds),
            "error": {"$literal": error.model_dump()},
        }
        return _mine(await self._update(_held(run, LIVE_STATUSES), change))

    async def requeue_lost_run(self, run: Run, delay_seconds: float, error: RunError) -> Run:
        """Queue a run again whose holder is gone; its sessions stay for the next owner to end.

        Raises: LeaseLost.
        """
        change = {
            **_back_to_queue(delay_seconds),
            "error": {"$literal": error.model_dump()},
            "unsettled": True,
        }
        return _mine(await self._update(_held(run, LIVE_STATUSES), change))

    async def is_cancel_requested(self, run: Run) -> bool:
        """Whether somebody asked to cancel a run that the caller holds. Raises LeaseLost."""
        held = await self._runs.find_one(_held(run, LIVE_STATUSES), {"cancel_requested": 1})
        if held is None:
            raise LeaseLost
        return bool(held["cancel_requested"])

    async def finish_run(
        self,
        run: Run,
        status: RunStatus,
        *,
        error: RunError | None = None,
        progress: Progress | None = None,
        window: Window | None = None,
    ) -> Run:
        """Close a held run; asking twice is harmless. `progress` and `window` None keep what is stored.

        Raises: LeaseLost when another attempt has begun or the run was closed otherwise.
        """
        if status not in FINAL_STATUSES:
            raise ValueError(f"{status} is not a final state")
        before = tuple(source for source in LIVE_STATUSES if status in TRANSITIONS[source])
        change: dict[str, Any] = {
            **_set_status(status),
            "finished_at": "$$NOW",
            "lease_expires_at": None,
            "sessions": [],
            "error": {"$literal": error and error.model_dump()},
        }
        if progress is not None:
            change["progress"] = {"$literal": progress.model_dump()}
        if window is not None:
            change["window"] = {"$literal": window.model_dump()}
        stored = await self._update(_held(run, before), change)
        if stored is None:
            closed = await self._runs.find_one(_held(run, (status,)))
            stored = None if closed is None else Run.from_mongo(closed)
        run = _mine(stored)
        await self._show_last_run(run)
        return run

    async def _show_last_run(self, run: Run) -> None:
        """Show on the run's schedule how it ended; an older run never hides a newer one."""
        if run.schedule_id is not None:
            newest = {"$or": [{"last_run_at": None}, {"last_run_at": {"$lte": run.started_at}}]}
            await self._schedules.update_one(
                {"_id": run.schedule_id, **newest},
                {"$set": {"last_run_at": run.started_at, "last_run_status": run.status}},
            )

    # -- runs whose holder is gone -------------------------------------------------------------

    async def expired_runs(self, known_formats: Sequence[int] = KNOWN_FORMATS, limit: int = 100) -> list[Run]:
        """Return live runs whose lease has ended by the server's clock, longest first."""
        query = {
            "status": {"$in": list(LIVE_STATUSES)},
            "format": {"$in": list(known_formats)},
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
            {"$match": _due_query(KNOWN_FORMATS)},
            {"$sort": {"not_before": 1}},
            {"$limit": 1},
            {"$project": {"waited": {"$subtract": ["$$NOW", "$not_before"]}}},
        ]
        found = await (await self._runs.aggregate(pipeline)).to_list()
        return float(found[0]["waited"]) / 1000 if found else None

    async def purge_finished(self, before: datetime) -> int:
        """Delete runs that ended before an instant and return their number."""
        query = {"status": {"$in": list(FINAL_STATUSES)}, "finished_at": {"$lt": before}}
        return (await self._runs.delete_many(query)).deleted_count

    async def _update(
        self, query: MongoDocument, change: MongoDocument, sort: list[tuple[str, int]] | None = None
    ) -> Run | None:
        stored = await self._runs.find_one_and_update(
            query, [{"$set": change}], sort=sort, return_document=ReturnDocument.AFTER
        )
        return None if stored is None else Run.from_mongo(stored)


def _with_due_time(run: Run) -> MongoDocument:
    return {**run.to_mongo(), "not_before": run.not_before or run.queued_at}


def _list_query(tenant_id: str, wanted: RunFilter) -> MongoDocument:
    query: MongoDocument = {"tenant_id": tenant_id}
    for name in ("mapping_id", "schedule_id", "status", "trigger"):
        value = getattr(wanted, name)
        if value is not None:
            query[name] = value
    bounds = {"$gte": wanted.since, "$lte": wanted.until}
    given = {operator: bound for operator, bound in bounds.items() if bound is not None}
    return {**query, "queued_at": given} if given else query


def _due_query(known_formats: Sequence[int]) -> MongoDocument:
    return {
        "status": RunStatus.QUEUED,
        "format": {"$in": list(known_formats)},
        "$expr": {"$lte": ["$not_before", "$$NOW"]},
    }


def _held(run: Run, statuses: Sequence[RunStatus]) -> MongoDocument:
    """The run as its holder knows it: by fence, whatever happened to the document meanwhile."""
    return {"_id": run.id, "fence": run.fence, "status": {"$in": list(statuses)}}


def _touched() -> MongoDocument:
    return {"updated_at": "$$NOW", "version": {"$add": ["$version", 1]}}


def _set_status(status: RunStatus) -> MongoDocument:
    return {"status": status, **_touched()}


def _back_to_queue(delay_seconds: float) -> MongoDocument:
    return {
        **_set_status(RunStatus.QUEUED),
        "executor_id": None,
        "lease_expires_at": None,
        "not_before": _from_now(delay_seconds),
    }


def _from_now(seconds: float) -> MongoDocument:
    return {"$add": ["$$NOW", round(seconds * 1000)]}


def _due_at_once() -> MongoDocument:
    return {"$min": ["$not_before", "$$NOW"]}


def _mine(stored: Run | None) -> Run:
    if stored is None:
        raise LeaseLost
    return stored


def _insert_conflict(error: DuplicateKeyError) -> Conflict:
    if (error.details or {}).get("keyPattern") == {"mapping_id": 1}:
        return Conflict(
            "A run of this mapping that was queued by hand is still waiting", code="run_already_queued"
        )
    return Conflict("This tick of the schedule was already fired", code="tick_already_fired")
