"""Rules of runs: queueing by hand, again, cancelling, looking."""

from collections.abc import AsyncGenerator

from bson import ObjectId

from config_api.blocking import BlockingWork
from config_api.mappings.looking import TargetFinder
from config_api.mappings.rules import refuse_incomplete
from config_api.mappings.service import MappingService
from config_api.runs.payloads import RunQuery
from shared.clock import Clock
from shared.documents.connection import Connection
from shared.documents.mapping import Mapping
from shared.documents.notice import Notice
from shared.documents.run import FINAL_STATUSES, Run, RunStatus, Trigger
from shared.errors import Conflict
from shared.rejected_rows import RejectedRow, read_rejected_block, read_rejected_rows
from shared.store.client import Session
from shared.store.documents import Page
from shared.store.run_logs import LogLine
from shared.store.run_reader import RunFilter
from shared.store.stores import Stores
from shared.tracing import present_traceparent


class RunService:
    def __init__(
        self,
        stores: Stores,
        mappings: MappingService,
        targets: TargetFinder,
        blocking: BlockingWork,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._mappings = mappings
        self._targets = targets
        self._blocking = blocking
        self._clock = clock

    async def queue_manual(self, tenant_id: str, mapping_id: ObjectId) -> Run:
        """Queue a run by hand.

        Raises: NotFound, InvalidMapping `mapping_incomplete`, Conflict `run_already_queued`.
        """

        async def body(session: Session) -> Run:
            return await self._queue(tenant_id, mapping_id, "manual", None, session)

        return await self._stores.client.transaction(body)

    async def retry(self, tenant_id: str, run_id: ObjectId) -> Run:
        """Queue a new run for an ended one, with the mapping as it is now.

        Raises: NotFound, Conflict `run_not_finished`, `mapping_deleted`.
        """
        former = await self._stores.runs.get(tenant_id, run_id)
        if former.status not in FINAL_STATUSES:
            raise Conflict(
                f"The run is {former.status}; only an ended one can be retried", code="run_not_finished"
            )

        async def body(session: Session) -> Run:
            if await self._stores.mappings.find(tenant_id, former.mapping_id, session) is None:
                raise Conflict("The mapping of this run has been deleted", code="mapping_deleted")
            return await self._queue(tenant_id, former.mapping_id, "retry", former, session)

        return await self._stores.client.transaction(body)

    async def get(self, tenant_id: str, run_id: ObjectId) -> Run:
        return await self._stores.runs.get(tenant_id, run_id)

    async def list_page(self, tenant_id: str, query: RunQuery, page: Page) -> tuple[list[Run], int]:
        """Return one page of runs and their number."""
        wanted = RunFilter(
            mapping_id=_object_id(query.mapping_id),
            schedule_id=_object_id(query.schedule_id),
            status=query.status,
            trigger=query.trigger,
            since=query.since,
            until=query.until,
        )
        sort = (page.sort, ("_id", page.sort[1]))
        return await self._stores.runs.list_runs(
            tenant_id, wanted, sort=sort, limit=page.limit, offset=page.offset
        )

    async def cancel(self, tenant_id: str, run_id: ObjectId) -> Run:
        """Ask for a run to be cancelled. Raises NotFound, Conflict `run_finished`, `run_committing`."""
        return await self._stores.runs.request_cancel(tenant_id, run_id)

    async def list_log(self, tenant_id: str, run_id: ObjectId, page: Page) -> tuple[list[LogLine], int]:
        """Return one page of a run's log, oldest first. Raises NotFound."""
        await self._stores.runs.get(tenant_id, run_id)
        return await self._stores.run_logs.list_lines(tenant_id, run_id, limit=page.limit, offset=page.offset)

    async def list_notices(self, tenant_id: str, run_id: ObjectId) -> list[Notice]:
        """Return a run's notices. Raises NotFound."""
        await self._stores.runs.get(tenant_id, run_id)
        return await self._stores.notices.of_run(tenant_id, run_id)

    async def list_rejected(
        self, tenant_id: str, run_id: ObjectId, page: Page
    ) -> tuple[list[RejectedRow], int]:
        """Return one page of a run's rejected rows, from the target they were kept in. Raises NotFound."""
        target = await self._target_of(tenant_id, run_id)
        return await self._blocking.run_query(_read_rejected, self._targets, target, str(run_id), page)

    async def all_rejected(self, tenant_id: str, run_id: ObjectId) -> AsyncGenerator[list[RejectedRow], None]:
        """Return blocks of all of a run's rejected rows, as they are in the target now. Raises NotFound."""
        target = await self._target_of(tenant_id, run_id)

        async def blocks() -> AsyncGenerator[list[RejectedRow], None]:
            after = 0
            while rows := await self._blocking.run_query(
                _read_block, self._targets, target, str(run_id), after
            ):
                yield rows
                after = rows[-1].row_number

        return blocks()

    async def _target_of(self, tenant_id: str, run_id: ObjectId) -> Connection | None:
        """Return where a run's rows went, None for the default target."""
        run = await self._stores.runs.get(tenant_id, run_id)
        version = await self._stores.mapping_versions.get(tenant_id, run.mapping_id, run.mapping_version)
        return await self._targets.find(version.mapping)

    async def _queue(
        self, tenant_id: str, mapping_id: ObjectId, trigger: Trigger, former: Run | None, session: Session
    ) -> Run:
        view = await self._mappings.get(tenant_id, mapping_id, session)
        refuse_incomplete(view.find_problems())
        await self._stores.mappings.touch(tenant_id, mapping_id, session)
        return await self._stores.runs.queue_run(self.build_run(view.mapping, trigger, former), session)

    def build_run(self, mapping: Mapping, trigger: Trigger, former: Run | None = None) -> Run:
        """Return a queued run of a mapping; one that follows another does the same work as that one."""
        now = self._clock()
        return Run(
            tenant_id=mapping.tenant_id,
            created_at=now,
            updated_at=now,
            mapping_id=mapping.id,
            mapping_version=mapping.version,
            uses=mapping.uses,
            trigger=trigger,
            schedule_id=None if former is None else former.schedule_id,
            retry_of=None if former is None else former.id,
            fixed_window=None if former is None else former.fixed_window,
            replay_of=None if former is None else former.replay_of,
            status=RunStatus.QUEUED,
            queued_at=now,
            retry=mapping.retry,
            timeout_seconds=mapping.timeout_seconds,
            traceparent=present_traceparent(),
        )


def _object_id(text: str | None) -> ObjectId | None:
    return None if text is None else ObjectId(text)


def _read_block(
    targets: TargetFinder, target: Connection | None, run_id: str, after: int
) -> list[RejectedRow]:
    return read_rejected_block(targets.open(target), run_id, after=after)


def _read_rejected(
    targets: TargetFinder, target: Connection | None, run_id: str, page: Page
) -> tuple[list[RejectedRow], int]:
    return read_rejected_rows(targets.open(target), run_id, limit=page.limit, offset=page.offset)
