"""Preview and plan: looking at databases before anything is written."""

from collections.abc import Callable
from functools import partial

from bson import ObjectId

from config_api.blocking import BlockingWork
from config_api.connections.service import ConnectionOpener
from config_api.mappings.payloads import PreviewRequest
from config_api.mappings.rules import check_key_columns, check_specs
from config_api.mappings.service import MappingService, check_source_query, unknown_reference
from config_api.mappings.snapshots import snapshot
from config_api.schemas.payloads import read_fields
from shared.clock import Clock
from shared.connection_settings import default_target_settings
from shared.dialects.base import ConnectionSettings
from shared.documents.base import DEFAULT_TENANT
from shared.documents.connection import Connection
from shared.documents.mapping import Mapping, MappingVersion
from shared.errors import InvalidMapping
from shared.plan import Plan, make_plan
from shared.preview import Preview, Wanted, preview_query
from shared.settings import Settings
from shared.store.stores import Stores
from shared.types import TargetField


class TargetFinder:
    """Where a mapping's rows go."""

    def __init__(self, stores: Stores, opener: ConnectionOpener, settings: Settings) -> None:
        self._stores = stores
        self._opener = opener
        self._settings = settings

    async def find(self, mapping: Mapping) -> Connection | None:
        """Return the mapping's own target connection, None for the default target."""
        if mapping.target_connection_id is None:
            return None
        return await self._stores.connections.get(mapping.tenant_id, mapping.target_connection_id)

    def open(self, target: Connection | None) -> ConnectionSettings:
        """Return what to connect with. Blocking."""
        if target is None:
            return default_target_settings(self._settings)
        return self._opener.open(target)


class LookingService:
    def __init__(
        self,
        stores: Stores,
        mappings: MappingService,
        opener: ConnectionOpener,
        targets: TargetFinder,
        blocking: BlockingWork,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._mappings = mappings
        self._opener = opener
        self._targets = targets
        self._blocking = blocking
        self._clock = clock

    async def preview(self, tenant_id: str, request: PreviewRequest) -> Preview:
        """Return a query's first rows, and the same rows after mapping when there is a schema."""
        source = await self._stores.connections.find(tenant_id, ObjectId(request.source_connection_id))
        if source is None:
            raise unknown_reference("connection", "source_connection_id")
        columns = await self._find_columns(tenant_id, request)
        open_target = await self._find_target(tenant_id, request)
        await check_source_query(self._blocking, request.source_query, source)

        def look() -> Preview:
            target = None if open_target is None else open_target()
            wanted = None if columns is None else _wanted(request, columns, target)
            return preview_query(self._opener.open(source), request.source_query, request.limit, wanted)

        return await self._blocking.run_query(look)

    async def plan(self, tenant_id: str, mapping_id: ObjectId) -> Plan:
        """Return what a run would do now; nothing is written."""
        view = await self._mappings.get(tenant_id, mapping_id)
        source = await self._stores.connections.get(tenant_id, view.mapping.source_connection_id)
        target = await self._targets.find(view.mapping)
        version = snapshot(view.mapping, view.specs, view.schema, self._clock())
        return await self._blocking.run_query(_plan, self._opener, self._targets, version, source, target)

    async def _find_target(
        self, tenant_id: str, request: PreviewRequest
    ) -> Callable[[], ConnectionSettings] | None:
        """Return how to open the target whose limits count, None where none is named."""
        if request.target_connection_id is not None:
            target = await self._stores.connections.find(tenant_id, ObjectId(request.target_connection_id))
            if target is None:
                raise unknown_reference("connection", "target_connection_id")
            return partial(self._targets.open, target)
        if "target_connection_id" in request.model_fields_set and tenant_id == DEFAULT_TENANT:
            return partial(self._targets.open, None)
        return None

    async def _find_columns(self, tenant_id: str, request: PreviewRequest) -> tuple[TargetField, ...] | None:
        """Return the columns that the rows are mapped to, None where the query alone is looked at."""
        columns = await self._named_columns(tenant_id, request)
        if columns is None:
            if request.column_mappings:
                message = "column_mappings need the schema that they fill"
                raise InvalidMapping(message, code="missing", loc=("target_schema_id",))
            return None
        check_specs(request.column_mappings, columns)
        check_key_columns(request.key_columns, columns)
        return columns

    async def _named_columns(self, tenant_id: str, request: PreviewRequest) -> tuple[TargetField, ...] | None:
        if request.target_columns is not None:
            return read_fields(request.target_columns)
        if request.target_schema_id is None:
            return None
        schema = await self._stores.schemas.find(tenant_id, ObjectId(request.target_schema_id))
        if schema is None:
            raise unknown_reference("schema", "target_schema_id")
        return schema.columns


def _wanted(
    request: PreviewRequest, columns: tuple[TargetField, ...], target: ConnectionSettings | None
) -> Wanted:
    keys = None if request.key_columns is None else tuple(request.key_columns)
    return Wanted(columns, tuple(request.column_mappings), keys, target)


def _plan(
    opener: ConnectionOpener,
    targets: TargetFinder,
    version: MappingVersion,
    source: Connection,
    target: Connection | None,
) -> Plan:
    return make_plan(version, opener.open(source), targets.open(target))
