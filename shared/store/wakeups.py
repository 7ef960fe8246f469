"""Changes that may make something due, as they happen."""

from collections.abc import AsyncIterator

from shared.store.client import MongoDocument, StoreClient

_CHANGED = "updateDescription.updatedFields"
_PIPELINE: list[MongoDocument] = [
    {
        "$match": {
            "ns.coll": {"$in": ["runs", "schedules"]},
            "$or": [
                {"operationType": {"$in": ["insert", "replace"]}},
                {f"{_CHANGED}.status": {"$exists": True}},
                {f"{_CHANGED}.not_before": {"$exists": True}},
                {"ns.coll": "schedules", f"{_CHANGED}.version": {"$exists": True}},
            ],
        }
    },
    {"$project": {"ns": 1}},
]


async def watch_wakeups(client: StoreClient) -> AsyncIterator[str]:
    """Yield "runs" or "schedules" whenever a run changes its state or a schedule its definition."""
    async with await client.database.watch(_PIPELINE) as changes:
        async for change in changes:
            yield change["ns"]["coll"]
