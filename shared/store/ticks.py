"""The scheduler's side of schedules and runs: due schedules, and firing their ticks."""

from collections.abc import Callable, Sequence
from datetime import datetime

from bson import ObjectId
from pymongo import UpdateOne

from shared.documents.base import known_format
from shared.documents.schedule import Schedule
from shared.store.client import MongoDocument, Session, StoreClient
from shared.store.runs import RunStore
from shared.store.tick_records import TICK_MAPPING_FIELDS, Fired, Firing, TickMapping, TickRecords

Wanted = Callable[[ObjectId, datetime], bool]


class TickStore:
    """Fires many schedules in one transaction, so that a burst of due ticks is a few round trips."""

    def __init__(self, client: StoreClient, runs: RunStore) -> None:
        self._client = client
        self._schedules = client.collection("schedules")
        self._mappings = client.collection("mappings")
        self._runs = runs

    async def due_by(
        self, instant: datetime, limit: int, wanted: Wanted, *, enabled: bool = True
    ) -> list[Schedule]:
        """Return schedules with a tick at or before an instant, the most overdue first.

        `wanted` is asked with the mapping and the tick before a document is taken apart.
        """
        query = {"enabled": enabled, "format": {"$lte": known_format()}, "next_due_at": {"$lte": instant}}
        found = await self._schedules.find(query).sort("next_due_at", 1).limit(limit).to_list()
        return [
            Schedule.from_mongo(stored)
            for stored in found
            if wanted(stored["mapping_id"], stored["next_due_at"])
        ]

    async def oldest_due_seconds(self) -> float | None:
        """Return for how long the most overdue tick has been due, None when none is."""
        found = await self._schedules.aggregate(
            [
                {
                    "$match": {
                        "enabled": True,
                        "$expr": {"$lte": ["$next_due_at", "$$NOW"]},
                        "next_due_at": {"$ne": None},
                    }
                },
                {"$sort": {"next_due_at": 1}},
                {"$limit": 1},
                {"$project": {"waited": {"$subtract": ["$$NOW", "$next_due_at"]}}},
            ]
        )
        waiting = await found.to_list()
        return float(waiting[0]["waited"]) / 1000 if waiting else None

    async def fire(self, firings: Sequence[Firing], now: datetime) -> Fired:
        """Move schedules on and record each of their due ticks, all or nothing.

        Schedules that somebody else fired or changed meanwhile are left out, and so are those whose mapping has a
        format that this version does not know: a newer executor fires them.
        """
        token = ObjectId()

        async def body(session: Session) -> Fired:
            mappings = await self._lock_mappings(firings, now, session)
            known = [firing for firing in firings if _is_known(mappings.get(firing.schedule.mapping_id))]
            won = await self._advance(known, token, session) if known else []
            return await self._record(won, mappings, now, session) if won else Fired()

        return await self._client.transaction(body)

    async def record_unfired(self, firing: Firing, now: datetime, session: Session) -> None:
        """Record ticks of a schedule that is about to change, whose tick may not be fired any more."""
        mappings = await self._lock_mappings([firing], now, session)
        await self._record([firing], mappings, now, session)

    async def _record(
        self,
        firings: Sequence[Firing],
        mappings: dict[ObjectId, TickMapping],
        now: datetime,
        session: Session,
    ) -> Fired:
        fired = [firing.schedule.mapping_id for firing in firings if firing.fired]
        unfinished = await self._runs.count_unfinished(fired, session) if fired else {}
        extends = [firing.extends for firing in firings if firing.extends is not None]
        kept = await self._runs.existing(extends, session) if extends else frozenset[ObjectId]()
        records = TickRecords(mappings, unfinished, kept, now)
        for firing in firings:
            records.record(firing)
        await self._runs.add_records((*records.queued, *records.skipped), session)
        await self._runs.extend_records(records.extended, session)
        return Fired(len(firings), tuple(records.queued), tuple(records.skipped), tuple(records.extended))

    async def _advance(self, firings: Sequence[Firing], token: ObjectId, session: Session) -> list[Firing]:
        """Move the schedules to their next tick and return the firings whose schedule was as it was read."""
        moves = [UpdateOne(_as_read(firing.schedule), _move(firing, token)) for firing in firings]
        moved = await self._schedules.bulk_write(moves, ordered=False, session=session)
        if moved.modified_count == len(firings):
            return list(firings)
        ids = [firing.schedule.id for firing in firings]
        query = {"_id": {"$in": ids}, "fired_by": token}
        won = {stored["_id"] async for stored in self._schedules.find(query, {"_id": 1}, session=session)}
        return [firing for firing in firings if firing.schedule.id in won]

    async def _lock_mappings(
        self, firings: Sequence[Firing], now: datetime, session: Session
    ) -> dict[ObjectId, TickMapping]:
        """Return the mappings; writing to them makes schedules of one mapping fire one after the other."""
        query = {"_id": {"$in": list({firing.schedule.mapping_id for firing in firings})}}
        await self._mappings.update_many(query, {"$set": {"last_tick_at": now}}, session=session)
        found = await self._mappings.find(query, TICK_MAPPING_FIELDS, session=session).to_list()
        return {stored["_id"]: TickMapping.from_mongo(stored) for stored in found}


def _is_known(mapping: TickMapping | None) -> bool:
    return mapping is None or mapping.format <= known_format()


def _as_read(schedule: Schedule) -> MongoDocument:
    return {
        "_id": schedule.id,
        "version": schedule.version,
        "enabled": schedule.enabled,
        "next_due_at": schedule.next_due_at,
    }


def _move(firing: Firing, token: ObjectId) -> MongoDocument:
    stretch = firing.stretch
    return {
        "$set": {
            "next_due_at": firing.following,
            "fired_by": token,
            "stretch": None if stretch is None else stretch.model_dump(),
            "format": Schedule.newest_format(),
        },
        "$max": {"last_tick_at": firing.newest},
    }
