"""Rules of replays: queueing a run that loads another run's rejected rows."""

from bson import ObjectId

from config_api.mappings.rules import refuse_incomplete
from config_api.mappings.service import MappingService, MappingView
from config_api.runs.service import RunService
from shared.documents.mapping import WriteMode, effective_key_columns, effective_write_mode
from shared.documents.run import Run, RunStatus
from shared.errors import Conflict, InvalidMapping
from shared.store.client import Session
from shared.store.stores import Stores


class ReplayService:
    def __init__(self, stores: Stores, mappings: MappingService, runs: RunService) -> None:
        self._stores = stores
        self._mappings = mappings
        self._runs = runs

    async def replay(self, tenant_id: str, run_id: ObjectId) -> Run:
        """Queue a run that takes a run's rejected rows through the mapping as it is now.

        Raises: NotFound, Conflict `run_not_succeeded`, `no_rejected_rows`, `mapping_deleted`, `target_changed`,
        InvalidMapping `replay_needs_key`, `mapping_incomplete`.
        """
        first = await self._stores.runs.get(tenant_id, run_id)
        _refuse_unfit(first)
        then = await self._stores.mapping_versions.get(tenant_id, first.mapping_id, first.mapping_version)

        async def body(session: Session) -> Run:
            if await self._stores.mappings.find(tenant_id, first.mapping_id, session) is None:
                raise Conflict("The mapping of this run has been deleted", code="mapping_deleted")
            view = await self._mappings.get(tenant_id, first.mapping_id, session)
            refuse_incomplete(view.find_problems())
            _refuse_without_keys(view)
            if view.mapping.target_connection_id != then.mapping.target_connection_id:
                raise Conflict(
                    "The mapping's target was changed; the rejected rows are in the former one",
                    code="target_changed",
                )
            await self._stores.mappings.touch(tenant_id, first.mapping_id, session)
            run = self._runs.build_run(view.mapping, "replay")
            replay = run.model_copy(update={"retry_of": first.id, "replay_of": first.replay_of or first.id})
            return await self._stores.runs.queue_run(replay, session)

        return await self._stores.client.transaction(body)


def _refuse_unfit(run: Run) -> None:
    if run.status is not RunStatus.SUCCEEDED:
        raise Conflict(
            f"The run is {run.status} and published nothing; only a succeeded one's rejected rows are replayed,"
            " a failed one is run again",
            code="run_not_succeeded",
        )
    if not run.progress.rows_rejected:
        raise Conflict("The run rejected no rows", code="no_rejected_rows")


def _refuse_without_keys(view: MappingView) -> None:
    replaces = effective_write_mode(view.mapping, view.schema) is WriteMode.REPLACE
    if replaces and not effective_key_columns(view.mapping, view.schema):
        raise InvalidMapping(
            "rejected rows of a replacing mapping are brought in by key, and it has no key_columns",
            code="replay_needs_key",
            loc=("key_columns",),
        )
