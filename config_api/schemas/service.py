"""Rules of schemas."""

from bson import ObjectId

from config_api.blocking import BlockingWork
from config_api.changes import apply_changes
from config_api.connections.service import ConnectionOpener, refuse_referenced
from config_api.mappings.snapshots import renew_dependents
from config_api.schemas.evolution import check_evolution
from config_api.schemas.payloads import ColumnIn, SchemaCreate, SchemaInfer, SchemaUpdate, read_fields
from config_api.versions import ExpectedVersion
from shared.clock import Clock
from shared.dialects import dialect_for
from shared.documents.connection import Connection
from shared.documents.mapping import effective_key_columns
from shared.documents.schema import Schema
from shared.errors import ConfigError, InvalidQuery
from shared.infer import infer_columns
from shared.store.client import Session
from shared.store.documents import Listing, Page
from shared.store.stores import Stores
from shared.types import TargetField


class SchemaService:
    def __init__(
        self, stores: Stores, opener: ConnectionOpener, blocking: BlockingWork, clock: Clock
    ) -> None:
        self._stores = stores
        self._opener = opener
        self._blocking = blocking
        self._clock = clock

    async def create(self, tenant_id: str, payload: SchemaCreate) -> Schema:
        """Store a new schema. Raises Conflict `name_taken`."""
        now = self._clock()
        schema = Schema(
            tenant_id=tenant_id,
            name=payload.name,
            description=payload.description,
            columns=read_fields(payload.columns),
            created_at=now,
            updated_at=now,
        )
        return await self._stores.schemas.insert(schema)

    async def get(self, tenant_id: str, schema_id: ObjectId) -> Schema:
        return await self._stores.schemas.get(tenant_id, schema_id)

    async def list_page(self, tenant_id: str, page: Page) -> Listing[Schema]:
        return await self._stores.schemas.list_page(tenant_id, page)

    async def update(
        self, tenant_id: str, schema_id: ObjectId, changes: SchemaUpdate, expected: ExpectedVersion
    ) -> Schema:
        """Change a schema, and give the mappings that use it their next version.

        Raises: Conflict for a change that a filled table could contradict.
        """

        if changes.model_fields_set <= {"description"}:
            # Nothing else hangs on it: one conditional write is enough.
            fields = {name: getattr(changes, name) for name in changes.model_fields_set}
            return await self._stores.schemas.set_fields(
                tenant_id, schema_id, {**fields, "updated_at": self._clock()}, expected.versions
            )

        async def body(session: Session) -> Schema:
            current = await self._stores.schemas.get(tenant_id, schema_id, session)
            expected.check(current.version)
            changed = self._change(current, changes)
            if changed.columns != current.columns:
                check_evolution(current.columns, changed.columns, await self._filled(current, session))
            stored = await self._stores.schemas.update(
                changed,
                ("name", "description", "columns"),
                expected_version=current.version,
                session=session,
            )
            if (stored.name, stored.columns) != (current.name, current.columns):
                await renew_dependents(self._stores, stored, self._clock(), session)
            return stored

        return await self._stores.client.transaction(body)

    async def delete(self, tenant_id: str, schema_id: ObjectId, expected: ExpectedVersion) -> None:
        """Delete a schema that no mapping uses. Raises Conflict `referenced`."""

        async def body(session: Session) -> None:
            current = await self._stores.schemas.get(tenant_id, schema_id, session)
            expected.check(current.version)
            users = await self._stores.mappings.using_schema(tenant_id, schema_id, session)
            refuse_referenced("schema", "mapping", [mapping.name for mapping in users])
            await self._stores.schemas.delete(tenant_id, schema_id, session)

        await self._stores.client.transaction(body)

    async def infer(self, tenant_id: str, payload: SchemaInfer) -> tuple[TargetField, ...]:
        """Propose columns that hold a query's or table's values as they are."""
        connection = await self._stores.connections.find(tenant_id, ObjectId(payload.connection_id))
        if connection is None:
            raise ConfigError("There is no such connection", code="unknown_reference", loc=("connection_id",))
        try:
            return await self._blocking.run_query(_infer, self._opener, connection, payload)
        except InvalidQuery as error:
            error.loc = ("query",) if payload.table is None else ("table",)
            raise

    def _change(self, current: Schema, changes: SchemaUpdate) -> Schema:
        present = SchemaCreate.model_construct(
            name=current.name,
            description=current.description,
            columns=[ColumnIn.model_construct(**column.model_dump()) for column in current.columns],
        )
        payload = apply_changes(SchemaCreate, present, changes)
        return current.model_copy(
            update={
                "name": payload.name,
                "description": payload.description,
                "columns": read_fields(payload.columns),
                "updated_at": self._clock(),
            }
        )

    async def _filled(self, schema: Schema, session: Session) -> set[str]:
        """Return the columns that column mappings fill or that mappings have as keys."""
        filled: set[str] = set()
        for mapping in await self._stores.mappings.using_schema(schema.tenant_id, schema.id, session):
            found = await self._stores.column_mappings.list_of(schema.tenant_id, mapping.id, session)
            filled.update(name for one in found for name in one.spec.target_fields)
            filled.update(effective_key_columns(mapping, schema))
        return filled


def _infer(opener: ConnectionOpener, connection: Connection, payload: SchemaInfer) -> tuple[TargetField, ...]:
    settings = opener.open(connection)
    return infer_columns(settings, payload.query or _table_query(settings.db_type, payload.table or ""))


def _table_query(db_type: str, table: str) -> str:
    dialect = dialect_for(db_type)
    parts = table.split(".", 1) if dialect.capabilities.default_namespace is not None else [table]
    quoted = ".".join(dialect.quote(part) for part in parts)
    return f"SELECT * FROM {quoted}"  # noqa: S608 - identifiers, quoted
