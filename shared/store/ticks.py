"""The scheduler's side of schedules and runs: due schedules, and firing their ticks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bson import ObjectId
from pymongo import UpdateOne

from shared.cron import jitter
from shared.documents.base import FORMAT
from shared.documents.mapping import Mapping
from shared.documents.run import Run, RunStatus, SkipReason
from shared.documents.schedule import Schedule
from shared.store.client import Session, StoreClient
from shared.store.run_reader import UnfinishedRuns
from shared.store.runs import RunStore


@dataclass(frozen=True)
class Firing:
    """What becomes of the due ticks of one schedule; `following` is its next tick."""

    schedule: Schedule
    missed: tuple[datetime, ...]
    fired: tuple[datetime, ...]
    following: datetime | None
    despite_overlap: bool

    @property
    def newest(self) -> datetime:
        return (self.missed + self.fired)[-1]


@dataclass(frozen=True)
class Fired:
    """The records that firings made."""

    queued: tuple[Run, ...] = ()
    skipped: tuple[Run, ...] = ()


class TickStore:
    """Fires many schedules in one transaction, so that a burst of due ticks is a few round trips."""

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

    async def fire(self, firings: Sequence[Firing], now: datetime) -> Fired:
        """Move schedules on and record each of their due ticks, all or nothing.

        Schedules that somebody else fired or changed meanwhile are left out.
        """
        token = ObjectId()

        async def body(session: Session) -> Fired:
            won = await self._advance(firings, token, session)
            if not won:
                return Fired()
            mappings = await self._lock_mappings(won, now, session)
            unfinished = await self._runs.count_unfinished(list(mappings), session)
            ledger = TickLedger(mappings, unfinished, now)
            for firing in won:
                ledger.record(firing)
            await self._runs.add_records((*ledger.queued, *ledger.skipped), session)
            return Fired(tuple(ledger.queued), tuple(ledger.skipped))

        return await self._client.transaction(body)

    async def _advance(self, firings: Sequence[Firing], token: ObjectId, session: Session) -> list[Firing]:
        """Move the schedules to their next tick and return the firings whose schedule was as it was read."""
        moves = [
            UpdateOne(
                {
                    "_id": firing.schedule.id,
                    "version": firing.schedule.version,
                    "enabled": True,
                    "next_due_at": firing.schedule.next_due_at,
                },
                {
                    "$set": {"next_due_at": firing.following, "fired_by": token},
                    "$max": {"last_tick_at": firing.newest},
                },
            )
            for firing in firings
        ]
        moved = await self._schedules.bulk_write(moves, ordered=False, session=session)
        if moved.modified_count == len(firings):
            return list(firings)
        ids = [firing.schedule.id for firing in firings]
        query = {"_id": {"$in": ids}, "fired_by": token}
        won = {stored["_id"] async for stored in self._schedules.find(query, {"_id": 1}, session=session)}
        return [firing for firing in firings if firing.schedule.id in won]

    async def _lock_mappings(
        self, firings: Sequence[Firing], now: datetime, session: Session
    ) -> dict[ObjectId, Mapping]:
        """Return the mappings; writing to them makes schedules of one mapping fire one after the other."""
        query = {"_id": {"$in": list({firing.schedule.mapping_id for firing in firings})}}
        await self._mappings.update_many(query, {"$set": {"last_tick_at": now}}, session=session)
        found = [Mapping.from_mongo(stored) async for stored in self._mappings.find(query, session=session)]
        return {mapping.id: mapping for mapping in found}


@dataclass
class TickLedger:
    """Turns firings into records, one after the other, each seeing what the former queued."""

    mappings: dict[ObjectId, Mapping]
    unfinished: dict[ObjectId, UnfinishedRuns]
    now: datetime
    queued: list[Run] = field(default_factory=list)
    skipped: list[Run] = field(default_factory=list)
    _added: dict[ObjectId, int] = field(default_factory=lambda: defaultdict(int))

    def record(self, firing: Firing) -> None:
        """Add a run or a share in a skipped record for each tick that has none yet."""
        schedule = firing.schedule
        missed, fired = _unrecorded(schedule, firing.missed), _unrecorded(schedule, firing.fired)
        mapping = self.mappings.get(schedule.mapping_id)
        if mapping is None or mapping.tenant_id != schedule.tenant_id:
            self._skip(schedule, 0, missed + fired, "blocked")
            return
        self._skip(schedule, mapping.version, missed, "missed")
        overlapping: list[datetime] = []
        for tick in fired:
            if not firing.despite_overlap and self._overlaps(schedule):
                overlapping.append(tick)
            else:
                self._queue(schedule, mapping, tick)
        self._skip(schedule, mapping.version, overlapping, "overlap")

    def _overlaps(self, schedule: Schedule) -> bool:
        runs = self.unfinished.get(schedule.mapping_id, UnfinishedRuns())
        queued = runs.queued + self._added[schedule.mapping_id]
        return queued > 0 if schedule.overlap_policy == "queue" else queued + runs.live > 0

    def _queue(self, schedule: Schedule, mapping: Mapping, tick: datetime) -> None:
        self._added[mapping.id] += 1
        self.queued.append(
            Run(
                tenant_id=schedule.tenant_id,
                mapping_id=mapping.id,
                mapping_version=mapping.version,
                schedule_id=schedule.id,
                trigger="schedule",
                scheduled_for=tick,
                status=RunStatus.QUEUED,
                queued_at=self.now,
                not_before=tick + jitter(schedule.id, tick, schedule.jitter_seconds),
                retry=schedule.retry or mapping.retry,
                timeout_seconds=schedule.timeout_seconds or mapping.timeout_seconds,
                created_at=self.now,
                updated_at=self.now,
            )
        )

    def _skip(
        self, schedule: Schedule, mapping_version: int, ticks: Sequence[datetime], reason: SkipReason
    ) -> None:
        if not ticks:
            return
        several = len(ticks) > 1
        self.skipped.append(
            Run(
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
                queued_at=self.now,
                finished_at=self.now,
                created_at=self.now,
                updated_at=self.now,
            )
        )


def _unrecorded(schedule: Schedule, ticks: tuple[datetime, ...]) -> tuple[datetime, ...]:
    """Leave out ticks that have a record: by skewed clocks an edited schedule may begin before them."""
    recorded = schedule.last_tick_at
    return ticks if recorded is None else tuple(tick for tick in ticks if tick > recorded)
