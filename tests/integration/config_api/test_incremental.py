"""Moving cursors, backfills and replays: what is queued, recorded and refused."""

from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from local_servers import Database
from tests.integration.config_api.documents import Api, Body, problem_of

QUERY = "SELECT id, label, at FROM events"


async def make_windowed(api: Api, database: Database, **changes: Any) -> Body:
    database.execute("CREATE TABLE events (id INTEGER, label TEXT, at INTEGER)")
    database.execute("INSERT INTO events VALUES (1, 'a', 5)")
    connection = await api.make("/connections/", database.connection_body("events"))
    return await api.make_mapping(
        **{
            "source_connection_id": connection["id"],
            "target_connection_id": connection["id"],
            "source_query": QUERY,
            "incremental": {"cursor_column": "at"},
            **changes,
        }
    )


async def test_a_moved_cursor_stands_in_the_ledger(api: Api, sqlite_database: Database) -> None:
    mapping = await make_windowed(api, sqlite_database)
    path = f"/mappings/{mapping['id']}/cursor"
    moved = await api.post(path, {"value": 3})
    assert (moved.status_code, moved.json()["watermark"]) == (200, "integer:3")
    assert (await api.post(f"/mappings/{mapping['id']}/plan")).json()["window"] == {
        "low": "integer:3",
        "high": "integer:5",
    }
    back = await api.post(path, {"value": None})
    assert (back.json()["cursor_column"], back.json()["watermark"]) == ("at", None)
    with sqlite_database.cursor() as cursor:
        cursor.execute("SELECT kind, state, watermark_high FROM etl_engine_runs ORDER BY fence")
        assert cursor.fetchall() == [("cursor", "committed", "integer:3"), ("cursor", "committed", None)]


async def test_a_cursor_is_not_moved_below_a_live_run(
    api: Api, sqlite_database: Database, database: AsyncDatabase[dict[str, Any]]
) -> None:
    mapping = await make_windowed(api, sqlite_database)
    run = (await api.post(f"/mappings/{mapping['id']}/run")).json()
    await database["runs"].update_one(
        {"_id": ObjectId(run["id"])}, {"$set": {"status": "running", "fence": 1}}
    )
    problem = problem_of(await api.post(f"/mappings/{mapping['id']}/cursor", {"value": 3}), 409)
    assert problem["code"] == "run_live"


@pytest.mark.parametrize("value", ["soon", "2024-13-01", "1e5"])
async def test_a_cursor_value_of_no_form_is_refused(api: Api, sqlite_database: Database, value: str) -> None:
    mapping = await make_windowed(api, sqlite_database)
    answer = await api.post(f"/mappings/{mapping['id']}/cursor", {"value": value})
    assert problem_of(answer, 422)["code"] == "invalid_cursor_value"
    assert value not in answer.text


async def test_a_mapping_without_a_cursor_has_none_to_move(api: Api) -> None:
    mapping = await api.make_mapping()
    problem = problem_of(await api.post(f"/mappings/{mapping['id']}/cursor", {"value": 3}), 422)
    assert problem["code"] == "not_incremental"


async def test_a_backfill_is_queued_in_chunks(
    api: Api, sqlite_database: Database, database: AsyncDatabase[dict[str, Any]]
) -> None:
    mapping = await make_windowed(api, sqlite_database)
    answer = await api.post(f"/mappings/{mapping['id']}/backfill", {"from": 0, "to": 25, "chunk": 10})
    assert answer.status_code == 202, answer.text
    runs = answer.json()
    assert [(run["status"], run["trigger"]) for run in runs] == [("queued", "backfill")] * 3
    stored = [await database["runs"].find_one({"_id": ObjectId(run["id"])}) for run in runs]
    assert [one and one["fixed_window"] for one in stored] == [
        {"low": "0", "high": "10", "includes_low": True},
        {"low": "10", "high": "20", "includes_low": False},
        {"low": "20", "high": "25", "includes_low": False},
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"from": 5, "to": 1}, "invalid_range"),
        ({"from": "2024-01-01", "to": 7}, "invalid_range"),
        ({"from": 0, "to": 10_000, "chunk": 1}, "too_many_chunks"),
        ({"from": "2024-01-01", "to": "2024-02-01", "chunk": 3600}, "invalid_chunk"),
    ],
)
async def test_what_is_no_range_is_refused(
    api: Api, sqlite_database: Database, body: Body, code: str
) -> None:
    mapping = await make_windowed(api, sqlite_database)
    problem = problem_of(await api.post(f"/mappings/{mapping['id']}/backfill", body), 422)
    assert problem["code"] == code


async def test_only_upsert_is_backfilled(api: Api, sqlite_database: Database) -> None:
    mapping = await make_windowed(api, sqlite_database, write_mode="append")
    problem = problem_of(await api.post(f"/mappings/{mapping['id']}/backfill", {"from": 0, "to": 1}), 422)
    assert problem["code"] == "backfill_needs_key"


async def _ended(
    api: Api, database: AsyncDatabase[dict[str, Any]], mapping: Body, status: str, rejected: int
) -> str:
    run: Body = (await api.post(f"/mappings/{mapping['id']}/run")).json()
    change = {"status": status, "progress.rows_rejected": rejected}
    await database["runs"].update_one({"_id": ObjectId(run["id"])}, {"$set": change})
    return str(run["id"])


async def test_a_replay_is_queued_for_a_runs_rejected_rows(
    api: Api, database: AsyncDatabase[dict[str, Any]]
) -> None:
    mapping = await api.make_mapping(write_mode="upsert")
    first = await _ended(api, database, mapping, "succeeded", 2)
    answer = await api.post(f"/runs/{first}/rejected-rows/replay")
    assert answer.status_code == 202, answer.text
    run = answer.json()
    assert (run["trigger"], run["retry_of"], run["status"]) == ("replay", first, "queued")
    stored = await database["runs"].find_one({"_id": ObjectId(run["id"])})
    assert stored is not None
    assert stored["replay_of"] == ObjectId(first)


@pytest.mark.parametrize(
    ("status", "rejected", "code"),
    [("failed", 2, "run_not_succeeded"), ("succeeded", 0, "no_rejected_rows")],
)
async def test_what_has_nothing_to_replay_is_refused(
    api: Api, database: AsyncDatabase[dict[str, Any]], status: str, rejected: int, code: str
) -> None:
    mapping = await api.make_mapping(write_mode="upsert")
    first = await _ended(api, database, mapping, status, rejected)
    assert problem_of(await api.post(f"/runs/{first}/rejected-rows/replay"), 409)["code"] == code


async def test_replace_without_keys_cannot_be_replayed(
    api: Api, database: AsyncDatabase[dict[str, Any]]
) -> None:
    columns = [{"name": "id", "data_type": "integer"}, {"name": "label", "data_type": "string"}]
    schema = await api.make_schema(name="no keys", columns=columns)
    mapping = await api.make_mapping(write_mode="replace", target_schema_id=schema["id"])
    first = await _ended(api, database, mapping, "succeeded", 2)
    problem = problem_of(await api.post(f"/runs/{first}/rejected-rows/replay"), 422)
    assert problem["code"] == "replay_needs_key"
