"""From runs that people have to be told of to notices: one for each kind and target, however often it is tried.

The write that ends a run says what people have to be told. Whoever sees that writes the notices and then takes it back;
whoever dies in between leaves it to the next, and the notices that are there already stay as they are.
"""

from executor.notices.body import notice_body
from shared.clock import Clock
from shared.documents.mapping import Mapping
from shared.documents.notice import Notice
from shared.documents.run import Run
from shared.errors import NotFound
from shared.store.client import StoreClient
from shared.store.mapping_versions import MappingVersionStore
from shared.store.mappings import MappingStore
from shared.store.notices import NoticeStore
from shared.store.runs import RunStore
from shared.store.schedules import ScheduleStore

RUNS_AT_ONCE = 100


class NoticeWriter:
    def __init__(self, client: StoreClient, runs: RunStore, clock: Clock) -> None:
        self._runs = runs
        self._notices = NoticeStore(client)
        self._mappings = MappingStore(client)
        self._versions = MappingVersionStore(client)
        self._schedules = ScheduleStore(client)
        self._clock = clock

    async def write(self) -> int:
        """Write the notices of all runs that need some, and return the number of runs."""
        await self._runs.mark_late(self._clock())
        written = 0
        while runs := await self._runs.with_notices(RUNS_AT_ONCE):
            for run in runs:
                await self._notices.add(await self._notices_of(run))
                await self._runs.forget_notices(run)
            written += len(runs)
        return written

    async def _notices_of(self, run: Run) -> list[Notice]:
        mapping = await self._mapping_of(run)
        if mapping is None or not mapping.notify:
            return []
        schedule_id = run.schedule_id
        schedule = None if schedule_id is None else await self._schedules.find(run.tenant_id, schedule_id)
        now = self._clock()
        return [
            Notice(
                tenant_id=run.tenant_id,
                run_id=run.id,
                kind=kind,
                target=target,
                body=notice_body(run, kind, mapping.name, schedule.name if schedule else None),
                due_at=now,
                created_at=now,
                updated_at=now,
            )
            for kind in run.notices
            for target in dict.fromkeys(mapping.notify)
        ]

    async def _mapping_of(self, run: Run) -> Mapping | None:
        """The mapping says who is told as it is now; one that was deleted, as the run used it."""
        mapping = await self._mappings.find(run.tenant_id, run.mapping_id)
        if mapping is not None:
            return mapping
        try:
            return (await self._versions.get(run.tenant_id, run.mapping_id, run.mapping_version)).mapping
        except NotFound:
            return None
