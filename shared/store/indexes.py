"""Every index, in one table, made at start by whichever service comes first."""

import asyncio

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.store.access_indexes import ACCESS_INDEXES
from shared.store.client import StoreClient
from shared.store.control_indexes import CONTROL_INDEXES


def _named() -> tuple[IndexModel, ...]:
    return (
        IndexModel([("tenant_id", ASCENDING), ("name", ASCENDING)], name="one_name", unique=True),
        IndexModel([("tenant_id", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)], name="oldest"),
    )


def _referrers(*fields: str) -> tuple[IndexModel, ...]:
    return tuple(
        IndexModel([("tenant_id", ASCENDING), (field, ASCENDING)], name=f"by_{field}") for field in fields
    )


_DEFINITIONS: dict[str, tuple[IndexModel, ...]] = {
    "connections": _named(),
    "schemas": _named(),
    "mappings": (
        *_named(),
        *_referrers("source_connection_id", "target_connection_id", "target_schema_id", "fills"),
    ),
    "schedules": (*_named(), *_referrers("mapping_id")),
    "column_mappings": (
        IndexModel(
            [("tenant_id", ASCENDING), ("mapping_id", ASCENDING), ("position", ASCENDING)],
            name="one_position",
            unique=True,
        ),
    ),
    "mapping_versions": (
        IndexModel(
            [("tenant_id", ASCENDING), ("mapping_id", ASCENDING), ("mapping_version", DESCENDING)],
            name="one_version",
            unique=True,
        ),
    ),
    "target_tables": (
        IndexModel([("tenant_id", ASCENDING), ("place", ASCENDING)], name="one_place", unique=True),
    ),
}

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    name: (*_DEFINITIONS.get(name, ()), *CONTROL_INDEXES.get(name, ()), *ACCESS_INDEXES.get(name, ()))
    for name in sorted({*_DEFINITIONS, *CONTROL_INDEXES, *ACCESS_INDEXES})
}


async def make_indexes(client: StoreClient) -> None:
    """Make every index that is missing; those that exist are left alone."""
    await asyncio.gather(
        *(client.collection(name).create_indexes(list(indexes)) for name, indexes in INDEXES.items())
    )
