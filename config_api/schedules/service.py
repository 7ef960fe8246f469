"""Rules of schedules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId

from config_api.changes import apply_changes
from config_api.mappings.rules import refuse_incomplete
from config_api.mappings.service import MappingService, unknown_reference
from config_api.schedules.payloads import (
    ScheduleCreate,
    SchedulePreview,
    ScheduleRead,
    ScheduleUpdate,
    read_schedule,
)
from config_api.schedules.unfired import find_unfired
from config_api.versions import ExpectedVersion
from shared.clock import Clock
from shared.cron import describe_cron, next_due, next_instants
from shared.documents.schedule import Schedule
from shared.store.client import Session
from shared.store.documents import Listing, Page
from shared.store.stores import Stores

TIMES = ("cron_expression", "timezone", "enabled", "start_at", "end_at", "mapping_id")


class ScheduleService:
    def __init__(self, stores: Stores, mappings: MappingService, clock: Clock) -> None:
        self._stores = stores
        self._mappings = mappings
        self._clock = clock

    async def create(self, tenant_id: str, payload: ScheduleCreate) -> Schedule:
        """Store a schedule. Raises: ConfigError `unknown_reference`, InvalidMapping `mapping_incomplete`."""
        now = self._clock()
        schedule = _with_next_due(
            Schedule(tenant_id=tenant_id, created_at=now, updated_at=now, **_stored_fields(payload)), now
        )

        async def body(session: Session) -> Schedule:
            await self._refer(schedule, session, complete=schedule.enabled)
            return await self._stores.schedules.insert(schedule, session)

        return await self._stores.client.transaction(body)

    async def get(self, tenant_id: str, schedule_id: ObjectId) -> Schedule:
        return await self._stores.schedules.get(tenant_id, schedule_id)

    async def list_page(self, tenant_id: str, page: Page) -> Listing[Schedule]:
        return await self._stores.schedules.list_page(tenant_id, page)

    async def update(
        self, tenant_id: str, schedule_id: ObjectId, changes: ScheduleUpdate, expected: ExpectedVersion
    ) -> Schedule:
        """Change a schedule. When its times change it goes on from its next tick. Raises as `create`."""

        async def body(session: Session) -> Schedule:
            current = await self._stores.schedules.get(tenant_id, schedule_id, session)
            expected.check(current.version)
            payload = apply_changes(ScheduleCreate, _as_payload(current), changes)
            fields = _stored_fields(payload)
            now = self._clock()
            changed = current.model_copy(update={**fields, "updated_at": now})
            newly = not current.enabled or changed.mapping_id != current.mapping_id
            await self._refer(changed, session, complete=changed.enabled and newly)
            if any(getattr(changed, name) != getattr(current, name) for name in TIMES):
                recorded = await self._record_unfired(current, now, session)
                changed = _with_next_due(changed.model_copy(update=recorded), now)
            return await self._stores.schedules.update(
                changed,
                (*fields, "next_due_at", "last_tick_at", "stretch"),
                expected_version=current.version,
                session=session,
            )

        return await self._stores.client.transaction(body)

    async def delete(self, tenant_id: str, schedule_id: ObjectId, expected: ExpectedVersion) -> None:
        """Delete a schedule; its runs stay, and those that are queued still run."""

        async def body(session: Session) -> None:
            current = await self._stores.schedules.get(tenant_id, schedule_id, session)
            expected.check(current.version)
            await self._record_unfired(current, self._clock(), session)
            await self._stores.schedules.delete(tenant_id, schedule_id, session)

        await self._stores.client.transaction(body)

    async def show(self, schedules: Sequence[Schedule]) -> list[ScheduleRead]:
        """Return schedules as they are shown: one that is paused has no next run."""
        pauses = await self._stores.pauses.read_all()
        return [read_schedule(schedule, paused=pauses.holds(schedule.tenant_id)) for schedule in schedules]

    async def _record_unfired(self, schedule: Schedule, now: datetime, session: Session) -> dict[str, Any]:
        """Record what is due and will not be fired any more; return the fields that tell of it."""
        firing = find_unfired(schedule, now, await self._stores.pauses.read_all(session))
        if firing is None:
            return {}
        await self._stores.ticks.record_unfired(firing, now, session)
        return {"last_tick_at": firing.newest, "stretch": firing.stretch}

    def preview(self, payload: SchedulePreview) -> tuple[str, list[datetime]]:
        """Return a cron expression in English and its next instants."""
        after = payload.after or self._clock()
        instants = next_instants(payload.cron_expression, payload.timezone, after, payload.count)
        return describe_cron(payload.cron_expression), instants

    async def _refer(self, schedule: Schedule, session: Session, *, complete: bool) -> None:
        """Touch the mapping, so that it cannot be deleted meanwhile; look whether it can run."""
        if not await self._stores.mappings.touch(schedule.tenant_id, schedule.mapping_id, session):
            raise unknown_reference("mapping", "mapping_id")
        if complete:
            view = await self._mappings.get(schedule.tenant_id, schedule.mapping_id, session)
            refuse_incomplete(view.find_problems(), ("mapping_id",))


def _with_next_due(schedule: Schedule, after: datetime) -> Schedule:
    return schedule.model_copy(update={"next_due_at": next_due(schedule, after)})


def _stored_fields(payload: ScheduleCreate) -> dict[str, Any]:
    fields = {name: getattr(payload, name) for name in ScheduleCreate.model_fields}
    return {**fields, "mapping_id": ObjectId(payload.mapping_id)}


def _as_payload(schedule: Schedule) -> ScheduleCreate:
    fields = {name: getattr(schedule, name) for name in ScheduleCreate.model_fields}
    return ScheduleCreate.model_construct(**{**fields, "mapping_id": str(schedule.mapping_id)})
