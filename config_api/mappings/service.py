"""Rules of mappings and their column mappings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bson import ObjectId

from config_api.blocking import BlockingWork
from config_api.changes import apply_changes
from config_api.connections.service import refuse_referenced
from config_api.mappings.payloads import MappingCreate, MappingProblem, MappingUpdate
from config_api.mappings.rules import check_mapping, check_parts, check_specs, find_mapping_problems
from config_api.mappings.snapshots import claim_table, record_version
from config_api.versions import ExpectedVersion
from shared.clock import Clock
from shared.column_mappings import ColumnMappingSpec
from shared.documents.base import DEFAULT_TENANT, StoredDocument
from shared.documents.column_mapping import ColumnMapping
from shared.documents.connection import Connection
from shared.documents.mapping import Mapping, MappingVersion
from shared.documents.schema import Schema
from shared.errors import ConfigError, InvalidMapping, NotFound
from shared.query_gate import check_query
from shared.store.client import Session
from shared.store.documents import DocumentStore, Listing, Page
from shared.store.stores import Stores

D = TypeVar("D", bound=StoredDocument)


@dataclass(frozen=True)
class MappingView:
    """A mapping with what it is made of."""

    mapping: Mapping
    schema: Schema
    column_mappings: tuple[ColumnMapping, ...]

    @property
    def specs(self) -> list[ColumnMappingSpec]:
        return [one.spec for one in self.column_mappings]

    def find_problems(self) -> list[MappingProblem]:
        """Return what still keeps the mapping from running."""
        return find_mapping_problems(self.mapping, self.specs, self.schema)


class MappingService:
    def __init__(self, stores: Stores, blocking: BlockingWork, clock: Clock) -> None:
        self._stores = stores
        self._blocking = blocking
        self._clock = clock

    async def create(self, tenant_id: str, payload: MappingCreate) -> MappingView:
        """Store a mapping without column mappings: every field comes from the column of its name.

        Raises: ConfigError `unknown_reference`, InvalidQuery, InvalidMapping, Conflict.
        """
        now = self._clock()
        mapping = Mapping(tenant_id=tenant_id, created_at=now, updated_at=now, **_stored_fields(payload))

        async def body(session: Session) -> MappingView:
            schema = await self._check_references(mapping, session)
            await self._stores.mappings.insert(mapping, session)
            await claim_table(self._stores, mapping, schema, session)
            await record_version(self._stores, mapping, (), schema, now, session)
            return MappingView(mapping, schema, ())

        return await self._stores.client.transaction(body)

    async def get(self, tenant_id: str, mapping_id: ObjectId, session: Session | None = None) -> MappingView:
        """Return a mapping with its schema and column mappings. Raises NotFound."""
        mapping = await self._stores.mappings.get(tenant_id, mapping_id, session)
        schema = await self._stores.schemas.get(tenant_id, mapping.target_schema_id, session)
        found = await self._stores.column_mappings.list_of(tenant_id, mapping_id, session)
        return MappingView(mapping, schema, tuple(found))

    async def list_page(self, tenant_id: str, page: Page) -> tuple[list[MappingView], int]:
        """Return one page of mappings and their number."""
        listing = await self._stores.mappings.list_page(tenant_id, page)
        schema_ids = {mapping.target_schema_id for mapping in listing.documents}
        schemas = await self._stores.schemas.find_many(tenant_id, schema_ids)
        ids = [mapping.id for mapping in listing.documents]
        found = await self._stores.column_mappings.list_of_many(tenant_id, ids)
        views = [
            MappingView(mapping, schemas[mapping.target_schema_id], tuple(found[mapping.id]))
            for mapping in listing.documents
            if mapping.target_schema_id in schemas  # changed to another one, then deleted, between two reads
        ]
        return views, listing.total

    async def update(
        self, tenant_id: str, mapping_id: ObjectId, changes: MappingUpdate, expected: ExpectedVersion
    ) -> MappingView:
        """Change the fields that were sent. Raises as `create`."""

        async def body(session: Session) -> MappingView:
            view = await self.get(tenant_id, mapping_id, session)
            expected.check(view.mapping.version)
            payload = apply_changes(MappingCreate, _as_payload(view.mapping), changes)
            fields = _stored_fields(payload)
            changed = view.mapping.model_copy(update={**fields, "updated_at": self._clock()})
            schema = await self._check_references(changed, session)
            check_specs(view.specs, schema.columns)
            if changed.uses != view.mapping.uses:
                await self._stores.runs.renew_uses(changed, session)
            return await self._store(
                MappingView(changed, schema, view.column_mappings), tuple(fields), session
            )

        return await self._stores.client.transaction(body)

    async def delete(self, tenant_id: str, mapping_id: ObjectId, expected: ExpectedVersion) -> None:
        """Delete a mapping with its column mappings; its versions stay for the runs that used them.

        Raises: Conflict `referenced` while a schedule or an unfinished run refers to it.
        """

        async def body(session: Session) -> None:
            current = await self._stores.mappings.get(tenant_id, mapping_id, session)
            expected.check(current.version)
            schedules = await self._stores.schedules.of_mapping(tenant_id, mapping_id, session)
            refuse_referenced("mapping", "schedule", [schedule.name for schedule in schedules])
            if await self._stores.runs.has_unfinished(tenant_id, mapping_id, session):
                refuse_referenced("mapping", "unfinished run", ["of " + current.name])
            await self._stores.column_mappings.delete_of(tenant_id, mapping_id, session)
            await self._stores.mappings.delete(tenant_id, mapping_id, session)

        await self._stores.client.transaction(body)

    async def add_column_mappings(
        self,
        tenant_id: str,
        mapping_id: ObjectId,
        specs: Sequence[ColumnMappingSpec],
        expected: ExpectedVersion,
    ) -> tuple[MappingView, list[ColumnMapping]]:
        """Add column mappings behind those there are, all or none; return the mapping and the new ones."""
        added: list[ColumnMapping] = []

        async def body(session: Session) -> MappingView:
            view = await self.get(tenant_id, mapping_id, session)
            expected.check(view.mapping.version)
            position = max((one.position for one in view.column_mappings), default=-1) + 1
            added[:] = self._build(view.mapping, specs, position)
            return await self._store_set(view, (*view.column_mappings, *added), session, len(view.specs))

        return await self._stores.client.transaction(body), added

    async def replace_column_mappings(
        self,
        tenant_id: str,
        mapping_id: ObjectId,
        specs: Sequence[ColumnMappingSpec],
        expected: ExpectedVersion,
    ) -> MappingView:
        """Put a new set in place of the whole former one."""

        async def body(session: Session) -> MappingView:
            view = await self.get(tenant_id, mapping_id, session)
            expected.check(view.mapping.version)
            return await self._store_set(view, tuple(self._build(view.mapping, specs, 0)), session, 0)

        return await self._stores.client.transaction(body)

    async def delete_column_mapping(
        self,
        tenant_id: str,
        mapping_id: ObjectId,
        column_mapping_id: ObjectId,
        expected: ExpectedVersion,
    ) -> MappingView:
        """Delete one column mapping. Raises NotFound."""

        async def body(session: Session) -> MappingView:
            view = await self.get(tenant_id, mapping_id, session)
            expected.check(view.mapping.version)
            kept = tuple(one for one in view.column_mappings if one.id != column_mapping_id)
            if len(kept) == len(view.column_mappings):
                raise NotFound("There is no such column mapping")
            return await self._store_set(view, kept, session, 0)

        return await self._stores.client.transaction(body)

    async def list_versions(
        self, tenant_id: str, mapping_id: ObjectId, page: Page
    ) -> Listing[MappingVersion]:
        """Return the versions of a mapping, newest first. Raises NotFound."""
        await self._stores.mappings.get(tenant_id, mapping_id)
        return await self._stores.mapping_versions.list_page(tenant_id, mapping_id, page)

    async def _store_set(
        self, view: MappingView, column_mappings: tuple[ColumnMapping, ...], session: Session, new_from: int
    ) -> MappingView:
        try:
            check_specs([one.spec for one in column_mappings], view.schema.columns)
        except InvalidMapping as error:
            # The client counts what it sent, not what was there before.
            _, index, *rest = error.loc
            error.loc = (int(index) - new_from, *rest)
            raise
        mapping = view.mapping.model_copy(update={"updated_at": self._clock()})
        await self._stores.column_mappings.replace_set(
            mapping.tenant_id, mapping.id, column_mappings, session
        )
        return await self._store(MappingView(mapping, view.schema, column_mappings), (), session)

    async def _store(self, view: MappingView, fields: Sequence[str], session: Session) -> MappingView:
        """Store a mapping's next version."""
        stored = await self._stores.mappings.update(
            view.mapping, fields, expected_version=view.mapping.version, session=session
        )
        await claim_table(self._stores, stored, view.schema, session)
        await record_version(self._stores, stored, view.specs, view.schema, self._clock(), session)
        return MappingView(stored, view.schema, view.column_mappings)

    async def _check_references(self, mapping: Mapping, session: Session) -> Schema:
        """Return the schema; whatever is referred to is touched, so that it cannot be deleted meanwhile."""
        source: Connection = await self._refer(
            self._stores.connections, mapping, mapping.source_connection_id, "source_connection_id", session
        )
        schema: Schema = await self._refer(
            self._stores.schemas, mapping, mapping.target_schema_id, "target_schema_id", session
        )
        if mapping.target_connection_id is not None:
            await self._refer(
                self._stores.connections,
                mapping,
                mapping.target_connection_id,
                "target_connection_id",
                session,
            )
        elif mapping.tenant_id != DEFAULT_TENANT:
            raise ConfigError(
                "This tenant has no default target", code="missing", loc=("target_connection_id",)
            )
        check_mapping(mapping, schema)
        check_parts(mapping, source)
        await check_source_query(self._blocking, mapping.source_query, source)
        return schema

    async def _refer(
        self, store: DocumentStore[D], mapping: Mapping, document_id: ObjectId, field: str, session: Session
    ) -> D:
        found = await store.find(mapping.tenant_id, document_id, session)
        if found is None or not await store.touch(mapping.tenant_id, document_id, session):
            raise unknown_reference(store.noun, field)
        return found

    def _build(
        self, mapping: Mapping, specs: Sequence[ColumnMappingSpec], first_position: int
    ) -> list[ColumnMapping]:
        now = self._clock()
        return [
            ColumnMapping(
                tenant_id=mapping.tenant_id,
                mapping_id=mapping.id,
                position=position,
                spec=spec,
                created_at=now,
                updated_at=now,
            )
            for position, spec in enumerate(specs, start=first_position)
        ]


def unknown_reference(noun: str, field: str) -> ConfigError:
    """Return the error for a reference to nothing."""
    return ConfigError(f"There is no such {noun}", code="unknown_reference", loc=(field,))


async def check_source_query(blocking: BlockingWork, query: str, source: Connection) -> None:
    """Let the query gate see a query, in a thread: parsing takes time. Raises InvalidQuery."""
    await blocking.run_query(check_query, query, source.db_type.value)


def _stored_fields(payload: MappingCreate) -> dict[str, Any]:
    target = payload.target_connection_id
    fields = {name: getattr(payload, name) for name in MappingCreate.model_fields}
    return {
        **fields,
        "source_connection_id": ObjectId(payload.source_connection_id),
        "target_schema_id": ObjectId(payload.target_schema_id),
        "target_connection_id": None if target is None else ObjectId(target),
        "key_columns": None if payload.key_columns is None else tuple(payload.key_columns),
        "notify": tuple(payload.notify),
    }


def _as_payload(mapping: Mapping) -> MappingCreate:
    target = mapping.target_connection_id
    return MappingCreate.model_construct(
        **{
            **{name: getattr(mapping, name) for name in MappingCreate.model_fields},
            "source_connection_id": str(mapping.source_connection_id),
            "target_schema_id": str(mapping.target_schema_id),
            "target_connection_id": None if target is None else str(target),
            "key_columns": None if mapping.key_columns is None else list(mapping.key_columns),
            "notify": list(mapping.notify),
        }
    )
