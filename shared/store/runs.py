"""runs: the only writer of run documents.

Every transition is one conditional update whose filter names the old state and, once a run is claimed, the
fence; nothing matched means that the run is no longer the caller's. Leases end by the server's clock.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from shared.documents.mapping import Mapping
from shared.documents.pause import Pauses
from shared.documents.run import (
    FINAL_STATUSES,
    TRANSITIONS,
    NoticeKind,
    Progress,
    Run,
    RunError,
    RunStatus,
    TargetSession,
    Window,
)
from shared.errors import Conflict, HandBack, LeaseLost, RunCancelled
from shared.store.client import Collection, MongoDocument, Session, StoreClient
from shared.store.counters import CounterStore
from shared.store.occupancy import DEFAULT_MAX_PARALLEL, Occupancy, OccupancyReader, slots_for_uses
from shared.store.run_reader import LIVE_STATUSES, Extension, RunReader, due_query

TICK_INDEX = "runs_tick"
ONE_MANUAL_INDEX = "runs_one_manual"
ONE_LIVE_INDEX = "runs_one_live"
ONE_SLOT_INDEX = "runs_one_slot"

# A run that has waited for a connection for so long is not overtaken on its other connections any more.
OVERTAKEN_SECONDS = 300.0

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # an index of the runs with an instant wants a bound from below
TOLD_OF = frozenset({RunStatus.FAILED, RunStatus.TIMED_OUT})

_CLAIM_RACES = 20


class RunStore(RunReader):
    """Runs by tenant for the API; claims, leases and ends for the executors."""

    def __init__(self, client: StoreClient, default_target_limit: int = DEFAULT_MAX_PARALLEL) -> None:
        super().__init__(client)
        self._schedules: Collection = client.collection("schedules")
        self._counters = CounterStore(client)
        self._occupancy = OccupancyReader(client, default_target_limit)

    # -- queueing and cancelling ---------------------------------------------------------------

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

    async def extend_records(self, extensions: Sequence[Extension], session: Session) -> None:
        """Add ticks to skipped records, which stand for the whole stretch."""
        if extensions:
            await self._runs.bulk_write([_extend(one) for one in extensions], session=session)

    async def _insert(self, run: Run, session: Session | None) -> Run:
        stored = _with_due_time(run)
        try:
            await self._runs.insert_one(stored, session=session)
        except DuplicateKeyError as error:
            raise _insert_conflict(error) from error
        return Run.from_mongo(stored)

    async def renew_uses(self, mapping: Mapping, session: Session) -> None:
        """Let runs that wait for their first attempt, which takes the newest mapping, use its connections."""
        waiting = {"mapping_id": mapping.id, "status": RunStatus.QUEUED, "attempt": 0}
        await self._runs.update_many(waiting, {"$set": {"uses": list(mapping.uses)}}, session=session)

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
            "late_at": None,
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

    async def claim_run(self, executor_id: str, lease_seconds: float) -> Run | None:
        """Take the queued run that has been due for longest and may run now, or return None.

        Never takes a run of a mapping that already has a live one, or of a connection that max_parallel live ones
        use: unique indexes refuse it. Nothing is taken while a pause holds, but for cancelled runs to be settled.
        """
        due = due_query()
        if await self._runs.find_one(due, {"_id": 1}) is None:
            return None
        fence = await self._counters.next_fence()
        for _ in range(_CLAIM_RACES):
            occupancy = await self._occupancy.read()
            query = {**due, **await self._admissible(due, occupancy), "fence": {"$not": {"$gte": fence}}}
            change = {**_claimed(executor_id, fence, lease_seconds), "slots": slots_for_uses(occupancy)}
            try:
                claimed = await self._update(query, change, sort=[("not_before", 1), ("_id", 1)])
            except DuplicateKeyError:
                continue  # another claimer took a run of this mapping, or this slot, in between
            return None if claimed is None else await self._with_newest_fence(claimed)
        return None

    async def _with_newest_fence(self, run: Run) -> Run | None:
        """Give a claimed run a fence that nobody had before the claim; None where the run has been lost meanwhile.

        Its first one was drawn before the claim: whoever drew a later one may have been done by then, and ledgers
        go by the greatest.
        """
        if await self._counters.last_fence() == run.fence:
            return run
        change = {"fence": await self._counters.next_fence(), **_touched()}
        return await self._update(_held(run, LIVE_STATUSES), change)

    async def _admissible(self, due: MongoDocument, occupancy: Occupancy) -> MongoDocument:
        """Return which of the due runs may be taken.

        The oldest run that has waited for long for a connection has a slot of each of its connections kept free,
        so that one which needs two of them at once is not overtaken for ever.
        """
        free_mapping = {"mapping_id": {"$nin": list(occupancy.live_mappings)}}
        full = occupancy.full()
        if full:
            waited = {"$expr": {"$lte": ["$not_before", _from_now(-OVERTAKEN_SECONDS)]}}
            query = {"$and": [due, waited, free_mapping, {"uses": {"$in": full}}]}
            starving = await self._runs.find_one(query, {"uses": 1}, sort=[("not_before", 1), ("_id", 1)])
            if starving is not None:
                full = occupancy.full_but_for(await self._occupancy.limits(starving["uses"]))
        return {**free_mapping, "uses": {"$nin": full}, **_not_paused(occupancy.pauses)}

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

    async def record_report(
        self,
        run: Run,
        progress: Progress | None = None,
        plan: tuple[str, Window | None] | None = None,
        sessions: Sequence[TargetSession] | None = None,
    ) -> None:
        """Store counts, the gear and window that were chosen, the database sessions that this attempt holds; None
        leaves what is stored. Raises LeaseLost."""
        fields: dict[str, Any] = {}
        if progress is not None:
            fields["progress"] = progress.model_dump()
        if plan is not None:
            gear, window = plan
            fields |= {"gear": gear, "window": window and window.model_dump()}
        if sessions is not None:
            fields["sessions"] = [session.model_dump() for session in sessions]
        await self._record(run, fields)

    async def record_mapping_version(self, run: Run, mapping_version: int) -> Run:
        """Store which mapping version the run uses. Raises LeaseLost."""
        return await self._record(run, {"mapping_version": mapping_version})

    async def _record(self, run: Run, fields: dict[str, Any]) -> Run:
        change = {name: {"$literal": value} for name, value in fields.items()}
        return _mine(await self._update(_held(run, LIVE_STATUSES), {**change, **_touched()}))

    async def release_run(self, run: Run, hand_back: HandBack | None = None) -> Run:
        """Hand a run back at once: queued again, due now, the attempt not counted. Raises LeaseLost."""
        change = {
            **_back_to_queue(0),
            "attempt": {"$max": [0, {"$subtract": ["$attempt", 1]}]},
            "sessions": [],
        }
        if hand_back is not None and hand_back.uses is not None:
            change["uses"] = list(hand_back.uses)
        if hand_back is not None and hand_back.needs is not None:
            change["needs"] = hand_back.needs
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

        The same write says that people have to be told of a failure.

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
        if status in TOLD_OF:
            change["notices"] = _and_notice("failed")
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

    # -- what people are told of ----------------------------------------------------------------

    async def mark_late(self, now: datetime) -> int:
        """Decide which of the runs that should have started by now are late; return how many were looked at."""
        is_late = {"$gt": [{"$ifNull": ["$started_at", "$$NOW"]}, "$late_at"]}
        notices = {"$cond": [is_late, _and_notice("late"), {"$ifNull": ["$notices", []]}]}
        change = [{"$set": {"notices": notices, "late_at": None}}]
        return (await self._runs.update_many({"late_at": {"$gt": EPOCH, "$lte": now}}, change)).matched_count

    async def with_notices(self, limit: int) -> list[Run]:
        """Return runs that people have to be told of."""
        found = self._runs.find({"notices": {"$gt": ""}}).limit(limit)
        return [Run.from_mongo(stored) async for stored in found]

    async def forget_notices(self, run: Run) -> None:
        """Take note that the notices of a run, as it was read, are written."""
        await self._runs.update_one({"_id": run.id}, {"$pullAll": {"notices": list(run.notices)}})

    # -- runs that are over -------------------------------------------------------------------

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


def _extend(extension: Extension) -> UpdateOne:
    change = {
        "until": extension.until,
        "count": {"$add": [{"$ifNull": ["$count", 1]}, extension.count]},
        "finished_at": "$$NOW",
        **_touched(),
    }
    return UpdateOne({"_id": extension.run_id, "status": RunStatus.SKIPPED}, [{"$set": change}])


def _claimed(executor_id: str, fence: int, lease_seconds: float) -> MongoDocument:
    return {
        **_set_status(RunStatus.RUNNING),
        "executor_id": {"$literal": executor_id},
        "fence": fence,
        "attempt": {"$add": ["$attempt", 1]},
        "lease_expires_at": _from_now(lease_seconds),
        "started_at": {"$ifNull": ["$started_at", "$$NOW"]},
        "late_at": {"$cond": [{"$lt": ["$$NOW", "$late_at"]}, None, "$late_at"]},  # in time
        "progress": {"$literal": Progress().model_dump()},
    }


def _not_paused(pauses: Pauses) -> MongoDocument:
    """Runs that a pause does not hold; one that is to be cancelled may always be settled."""
    if pauses.installation:
        return {"cancel_requested": True}
    if pauses.tenants:
        return {"$or": [{"tenant_id": {"$nin": pauses.tenants}}, {"cancel_requested": True}]}
    return {}


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


def _and_notice(kind: NoticeKind) -> MongoDocument:
    return {"$setUnion": [{"$ifNull": ["$notices", []]}, [kind]]}


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
