"""Rules of incremental mappings beside their runs: a moved cursor, and a range that is read again."""

from bson import ObjectId

from config_api.blocking import BlockingWork
from config_api.connections.service import ConnectionOpener
from config_api.mappings.incremental_payloads import BackfillRequest, CursorMoveRequest
from config_api.mappings.looking import TargetFinder
from config_api.mappings.rules import refuse_incomplete
from config_api.mappings.service import MappingService
from config_api.mappings.snapshots import snapshot
from config_api.runs.service import RunService
from shared.clock import Clock
from shared.cursor_moves import CursorMove, move_cursor, undo_move
from shared.cursors import split_range
from shared.documents.connection import Connection
from shared.documents.mapping import MappingVersion, WriteMode, effective_write_mode
from shared.documents.run import Run
from shared.errors import Conflict, InvalidMapping
from shared.store.client import Session
from shared.store.counters import CounterStore
from shared.store.stores import Stores


class IncrementalService:
    def __init__(
        self,
        stores: Stores,
        mappings: MappingService,
        runs: RunService,
        opener: ConnectionOpener,
        targets: TargetFinder,
        blocking: BlockingWork,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._mappings = mappings
        self._runs = runs
        self._opener = opener
        self._targets = targets
        self._blocking = blocking
        self._clock = clock

    async def move_cursor(
        self, tenant_id: str, mapping_id: ObjectId, request: CursorMoveRequest
    ) -> CursorMove:
        """Record in the target's ledger where the next window starts.

        Raises: NotFound, InvalidMapping, Conflict `run_live` when a run may have started from the former one.
        """
        view = await self._mappings.get(tenant_id, mapping_id)
        version = snapshot(view.mapping, view.specs, view.schema, self._clock())
        source = await self._stores.connections.get(tenant_id, view.mapping.source_connection_id)
        target = await self._targets.find(view.mapping)
        fence = await CounterStore(self._stores.client).next_fence()
        await self._refuse_live(tenant_id, mapping_id, fence)
        value = None if request.value is None else str(request.value)
        move = await self._blocking.run_query(
            _move, self._opener, self._targets, version, source, target, value, fence
        )
        try:
            await self._refuse_live(tenant_id, mapping_id, fence)
        except Conflict:
            await self._blocking.run_query(_undo, self._targets, target, move)
            raise
        return move

    async def backfill(self, tenant_id: str, mapping_id: ObjectId, request: BackfillRequest) -> list[Run]:
        """Queue one run for each chunk of a range, all or none; the forward cursor stays where it is.

        Raises: NotFound, InvalidMapping `backfill_needs_key`, `not_incremental`, `mapping_incomplete`.
        """
        windows = split_range(str(request.low), str(request.high), request.chunk)

        async def body(session: Session) -> list[Run]:
            view = await self._mappings.get(tenant_id, mapping_id, session)
            refuse_incomplete(view.find_problems())
            if view.mapping.incremental is None:
                raise InvalidMapping(
                    "the mapping has no cursor: it is not incremental",
                    code="not_incremental",
                    loc=("incremental",),
                )
            if effective_write_mode(view.mapping, view.schema) is not WriteMode.UPSERT:
                raise InvalidMapping(
                    "a backfill reads rows again that may be there: only upsert brings them in once",
                    code="backfill_needs_key",
                    loc=("write_mode",),
                )
            await self._stores.mappings.touch(tenant_id, mapping_id, session)
            run = self._runs.build_run(view.mapping, "backfill")
            return [
                await self._stores.runs.queue_run(
                    run.model_copy(update={"id": ObjectId(), "fixed_window": window}), session
                )
                for window in windows
            ]

        return await self._stores.client.transaction(body)

    async def _refuse_live(self, tenant_id: str, mapping_id: ObjectId, fence: int) -> None:
        if await self._stores.runs.was_claimed_since(tenant_id, mapping_id, fence):
            raise Conflict(
                "A run of this mapping is going on; move the cursor when it has ended", code="run_live"
            )


def _move(
    opener: ConnectionOpener,
    targets: TargetFinder,
    version: MappingVersion,
    source: Connection,
    target: Connection | None,
    value: str | None,
    fence: int,
) -> CursorMove:
    return move_cursor(version, opener.open(source), targets.open(target), value, fence)


def _undo(targets: TargetFinder, target: Connection | None, move: CursorMove) -> None:
    undo_move(targets.open(target), move.move_id)
