"""Indexes: made once however often they are asked for, and there for every query that the API makes."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from shared.store.client import StoreClient
from shared.store.indexes import INDEXES, make_indexes
from shared.store.runs import EPOCH
from shared.store.stores import Stores

TENANT = {"tenant_id": "default"}
ID = ObjectId()
QUERIES: list[tuple[str, dict[str, Any], list[tuple[str, int]]]] = [
    *[
        (name, TENANT, [("created_at", 1), ("_id", 1)])
        for name in ("connections", "schemas", "mappings", "schedules")
    ],
    *[(name, TENANT, [("name", 1)]) for name in ("connections", "schemas", "mappings", "schedules")],
    ("mappings", {**TENANT, "$or": [{"source_connection_id": ID}, {"target_connection_id": ID}]}, []),
    ("mappings", {**TENANT, "target_schema_id": ID}, []),
    ("mappings", {**TENANT, "fills": "default/t"}, []),
    ("schedules", {**TENANT, "mapping_id": ID}, []),
    ("column_mappings", {**TENANT, "mapping_id": ID}, [("position", 1)]),
    ("mapping_versions", {**TENANT, "mapping_id": ID, "mapping_version": 3}, []),
    ("mapping_versions", {**TENANT, "mapping_id": ID}, [("mapping_version", -1)]),
    ("target_tables", {**TENANT, "place": "default/t"}, []),
    ("runs", TENANT, [("queued_at", -1)]),
    ("runs", {**TENANT, "mapping_id": ID}, [("queued_at", -1)]),
    ("runs", {**TENANT, "schedule_id": ID}, [("queued_at", -1)]),
    ("runs", {"notices": {"$gt": ""}}, []),
    ("runs", {"late_at": {"$gt": EPOCH, "$lte": datetime(2026, 1, 1, tzinfo=UTC)}}, []),
    ("notices", {"status": "waiting", "$expr": {"$lte": ["$due_at", "$$NOW"]}}, [("due_at", 1)]),
    ("notices", {**TENANT, "run_id": ID}, []),
    ("run_logs", {**TENANT, "run_id": ID}, [("at", 1)]),
]


def stages(plan: dict[str, Any]) -> set[str]:
    below = [plan.get("inputStage"), *plan.get("inputStages", [])]
    return {plan["stage"], *(stage for inner in below if inner for stage in stages(inner))}


@pytest.mark.parametrize(("collection", "query", "sort"), QUERIES)
async def test_a_query_reads_by_an_index(
    stores: Stores, collection: str, query: dict[str, Any], sort: list[tuple[str, int]]
) -> None:
    cursor = stores.client.collection(collection).find(query)
    explained = await (cursor.sort(sort) if sort else cursor).explain()
    found = stages(explained["queryPlanner"]["winningPlan"])
    assert "COLLSCAN" not in found
    assert "SORT" not in found


async def test_making_them_again_and_at_once_changes_nothing(client: StoreClient) -> None:
    await asyncio.gather(*(make_indexes(client) for _ in range(3)))
    await make_indexes(client)
    for name, wanted in INDEXES.items():
        made = await client.collection(name).index_information()
        assert set(made) == {"_id_", *(index.document["name"] for index in wanted)}
