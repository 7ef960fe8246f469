"""Versions of mappings: each change of what a run would do is a number, and a row that never changes."""

from collections.abc import Sequence
from datetime import datetime

from shared.column_mappings import ColumnMappingSpec
from shared.documents.mapping import Mapping, MappingVersion
from shared.documents.schema import Schema
from shared.errors import Conflict
from shared.store.client import Session
from shared.store.mappings import is_replacing
from shared.store.stores import Stores


def snapshot(
    mapping: Mapping, specs: Sequence[ColumnMappingSpec], schema: Schema, at: datetime
) -> MappingVersion:
    """Return what a run of the mapping would use now."""
    return MappingVersion(
        tenant_id=mapping.tenant_id,
        created_at=at,
        updated_at=at,
        mapping_id=mapping.id,
        mapping_version=mapping.version,
        mapping=mapping,
        column_mappings=tuple(specs),
        target_schema=schema,
    )


async def record_version(
    stores: Stores,
    mapping: Mapping,
    specs: Sequence[ColumnMappingSpec],
    schema: Schema,
    at: datetime,
    session: Session,
) -> None:
    """Store the mapping's present version."""
    await stores.mapping_versions.insert(snapshot(mapping, specs, schema, at), session)


async def renew_dependents(stores: Stores, schema: Schema, at: datetime, session: Session) -> None:
    """Give every mapping of a changed schema its next version."""
    for mapping in await stores.mappings.using_schema(schema.tenant_id, schema.id, session):
        renewed = await stores.mappings.update(
            mapping.model_copy(update={"updated_at": at}),
            (),
            expected_version=mapping.version,
            session=session,
        )
        await claim_table(stores, renewed, schema, session)
        found = await stores.column_mappings.list_of(mapping.tenant_id, mapping.id, session)
        await record_version(stores, renewed, [one.spec for one in found], schema, at, session)


async def claim_table(stores: Stores, mapping: Mapping, schema: Schema, session: Session) -> None:
    """Note which table the mapping fills. Raises Conflict `target_table_taken`.

    A replacing mapping has its table for itself; others may share one.
    """
    table = mapping.target_table or schema.name
    for other in await stores.mappings.claim_target_table(mapping, table, session):
        if is_replacing(mapping) or is_replacing(other):
            raise Conflict(
                f"The target table {table!r} is filled by the mapping {other.name!r}, and a mapping that"
                " replaces a table must be the only one that fills it",
                code="target_table_taken",
                loc=("target_table",),
            )
