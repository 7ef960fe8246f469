"""The scheduler's side of schedules and runs: due schedules, and firing their ticks in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import ReturnDocument

from shared.cron import jitter
from shared.documents.base import FORMAT
from shared.documents.mapping import Mapping
from shared.documents.run import Run, RunStatus, SkipReason
from shared.documents.schedule import Schedule
from shared.store.client import Session, StoreClient
from shared.store.runs import RunStore


@dataclass(frozen=True)
class Firing:
    """What becomes of the due ticks of one schedule; `following` is its next tick."""

    schedule: Schedule
    missed: tuple[datetime, ...]
    fired: tuple[datetime, ...]
    following: datetime | None
    despite_overlap: bool


@dataclass(frozen=True)
class Fired:
    """The records that a firing made."""

    queued: tuple[Run, ...] = ()
    skipped: tuple[Run, ...] = ()


class TickStore:
    def __init__(self, client: StoreClient, runs: RunStore) -> None:
        self._client = client
        self._schedules = client.collection("schedules")
        self._mappings = client.collection("mappings")
        self._runs = runs

    async def due_schedules(self, now: datetime, limit: int) -> list[Schedule]:
        """Return enabled schedules with a tick at or before `now`, the most overdue first."""
        query = {"enabled": True, "format": FORMAT, "next_due_at": {"$lte": now}}
        cursor = self._schedules.find(query).sort("next_due_at", 1).limit(limit)
        return [Schedule.from_mongo(stored) async for stored in cursor]

    async def next_due_after(self, now: datetime) -> datetime | None:
        """Return the first tick of any schedule after `now`."""
        query = {"enabled": True, "format": FORMAT, "next_due_at": {"$gt": now}}
        found = await self._schedules.find_one(query, {"next_due_at": 1}, sort=[("next_due_at", 1)])
        return None if found is None else found["next_due_at"]

    async def fire(self, firing: Firing, now: datetime) -> Fired | None:
        """Move the schedule on and record each of its due ticks, all or nothing.

        None when somebody else fired these ticks or changed the schedule meanwhile.
        """

        async def body(session: Session) -> Fired | None:
            if not await self._advance(firing, session):
                return None
            return await self._record(firing, now, session)

        return await self._client.transaction(body)

    async def _advance(self, firing: Firing, session: Session) -> bool:
        schedule = firing.schedule
        same = {
            "_id": schedule.id,
            "version": schedule.version,
            "enabled": True,
            "next_due_at": schedule.next_due_at,
        }
        moved = await self._schedules.update_one(
            same, {"$set": {"next_due_at": firing.following}}, session=session
        )
        return moved.modified_count == 1

    async def _record(self, firing: Firing, now: datetime, session: Session) -> Fired:
        schedule = firing.schedule
        mapping = await self._lock_mapping(schedule, now, session)
        missed, fired = await self._without_recorded(firing, session)
        if mapping is None:
            return Fired(skipped=await self._skip(schedule, 0, missed + fired, "blocked", now, session))
        skipped = await self._skip(schedule, mapping.version, missed, "missed", now, session)
        queued: list[Run] = []
        overlapping: list[datetime] = []
        for tick in fired:
            if not firing.despite_overlap and await self._overlaps(schedule, session):
                overlapping.append(tick)
            else:
                run = _queued_run(schedule, mapping, tick, now)
                queued.append(await self._runs.queue_run(run, session))
        skipped += await self._skip(schedule, mapping.version, overlapping, "overlap", now, session)
        return Fired(tuple(queued), skipped)

    async def _without_recorded(
        self, firing: Firing, session: Session
    ) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
        """Leave out ticks that have a record: by skewed clocks an edited schedule may begin before them."""
        if (recorded := await self._runs.last_tick(firing.schedule.id, session)) is None:
            return firing.missed, firing.fired
        return (
            tuple(tick for tick in firing.missed if tick > recorded),
            tuple(tick for tick in firing.fired if tick > recorded),
        )

    async def _lock_mapping(self, schedule: Schedule, now: datetime, session: Session) -> Mapping | None:
        """Return the mapping; writing to it makes two schedules of one mapping fire one after the other."""
        stored = await self._mappings.find_one_and_update(
            {"_id": schedule.mapping_id, "tenant_id": schedule.tenant_id},
            {"$set": {"last_tick_at": now}},
            session=session,
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else Mapping.from_mongo(stored)

    async def _overlaps(self, schedule: Schedule, session: Session) -> bool:
        tenant_id, mapping_id = schedule.tenant_id, schedule.mapping_id
        if schedule.overlap_policy == "queue":
            queued = (RunStatus.QUEUED,)
            return await self._runs.count_runs(tenant_id, mapping_id, queued, session) > 0
        return await self._runs.has_unfinished(tenant_id, mapping_id, session)

    async def _skip(
        self,
        schedule: Schedule,
        mapping_version: int,
        ticks: Sequence[datetime],
        reason: SkipReason,
        now: datetime,
        session: Session,
    ) -> tuple[Run, ...]:
        if not ticks:
            return ()
        several = len(ticks) > 1
        record = Run(
            tenant_id=schedule.tenant_id,
            mapping_id=schedule.mapping_id,
            mapping_version=mapping_version,
            schedule_id=schedule.id,
            trigger="schedule",
            scheduled_for=ticks[0],
            status=RunStatus.SKIPPED,
            reason=reason,
            until=ticks[-1] if several else None,
            count=len(ticks) if several else None,
            queued_at=now,
            finished_at=now,
            created_at=now,
            updated_at=now,
        )
        return (await self._runs.record_skipped(record, session),)


def _queued_run(schedule: Schedule, mapping: Mapping, tick: datetime, now: datetime) -> Run:
    return Run(
        tenant_id=schedule.tenant_id,
        mapping_id=mapping.id,
        mapping_version=mapping.version,
        schedule_id=schedule.id,
        trigger="schedule",
        scheduled_for=tick,
        status=RunStatus.QUEUED,
        queued_at=now,
        not_before=tick + jitter(schedule.id, tick, schedule.jitter_seconds),
        retry=schedule.retry or mapping.retry,
        timeout_seconds=schedule.timeout_seconds or mapping.timeout_seconds,
        created_at=now,
        updated_at=now,
    )
