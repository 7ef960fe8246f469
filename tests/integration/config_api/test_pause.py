"""The pause switches: who turns them, what they show, and what the audit keeps of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from tests.integration.config_api.documents import Api, places, problem_of

Database = AsyncDatabase[dict[str, Any]]


async def test_a_switch_that_was_never_used_is_off(api: Api) -> None:
    shown = (await api.get("/pause")).json()
    installation = {"paused": False, "note": None, "since": None, "version": 0}
    assert shown == {**installation, "installation": installation}


async def test_a_switch_shows_since_when_and_why(api: Api) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    on = await api.put("/pause", {"paused": True, "note": "the warehouse moves"})
    assert (on.json()["paused"], on.json()["note"], on.headers["etag"]) == (
        True,
        "the warehouse moves",
        '"1"',
    )
    since = datetime.fromisoformat(on.json()["since"])
    assert since > before
    renamed = (await api.put("/pause/", {"note": "still moving"})).json()
    assert (renamed["paused"], renamed["since"], renamed["version"]) == (True, on.json()["since"], 2)
    off = (await api.put("/pause", {"paused": False, "note": None})).json()
    assert (off["paused"], off["since"], off["note"], off["version"]) == (False, None, None, 3)
    problem_of(await api.put("/pause", {"paused": True}, headers={"If-Match": '"2"'}), 412)


async def test_health_shows_whether_all_is_paused(api: Api) -> None:
    assert (await api.client.get("/health")).json()["paused"] is False
    await api.put("/pause", {"paused": True})
    assert (await api.client.get("/health")).json()["paused"] is False
    await api.put("/pause/installation", {"paused": True})
    assert (await api.client.get("/health")).json()["paused"] is True


async def test_every_time_it_was_on_is_kept(api: Api, database: Database) -> None:
    for paused in (True, True, False, False, True):
        await api.put("/pause/installation", {"paused": paused})
    stored = await database["pauses"].find_one({"tenant_id": "*"})
    assert stored is not None
    first, second = stored["intervals"]
    assert first["since"] <= first["until"] <= second["since"]
    assert second["until"] is None


async def test_a_paused_schedule_shows_no_next_run(api: Api) -> None:
    mapping = await api.make_mapping()
    made = await api.make_schedule(mapping["id"])
    for switch in ("/pause", "/pause/installation"):
        await api.put(switch, {"paused": True})
        assert (await api.get(f"/schedules/{made['id']}")).json()["next_run_at"] is None
        assert [one["next_run_at"] for one in (await api.get("/schedules/")).json()] == [None]
        await api.put(switch, {"paused": False})
        assert (await api.get(f"/schedules/{made['id']}")).json() == made


async def test_a_run_that_waits_says_why(api: Api, database: Database) -> None:
    mapping = await api.make_mapping()
    run = (await api.post(f"/mappings/{mapping['id']}/run")).json()

    async def waits() -> Any:
        shown = (await api.get(f"/runs/{run['id']}")).json()
        assert (await api.get("/runs/")).json() == [shown]
        return shown["waiting_for"]

    nothing = {"until": None, "connection_id": None}
    assert await waits() == {"reason": "worker", **nothing}
    await api.put("/pause", {"paused": True})
    assert await waits() == {"reason": "paused", **nothing}
    await api.put("/pause", {"paused": False})
    [stored] = await database["runs"].find({}).to_list()
    source = mapping["source_connection_id"]
    assert stored["uses"] == [source, "default"]
    for number in range(4):
        other = {**stored, "_id": f"live {number}", "mapping_id": number, "status": "running"}
        await database["runs"].insert_one({**other, "slots": [f"default:{number}"]})
    shown = (await api.get(f"/runs/{run['id']}")).json()
    assert shown["waiting_for"] == {"reason": "connection", "until": None, "connection_id": "default"}
    await database["runs"].delete_many({"status": "running"})
    await database["runs"].update_one({}, {"$set": {"needs": 99}})
    assert await waits() == {"reason": "newer_executor", **nothing}
    until = datetime(2099, 1, 1, tzinfo=UTC)
    await database["runs"].update_one({}, {"$set": {"needs": 1, "not_before": until}})
    assert await waits() == {"reason": "time", **nothing, "until": "2099-01-01T00:00:00Z"}


async def test_a_mapping_with_another_connection_takes_its_waiting_runs_along(
    api: Api, database: Database
) -> None:
    mapping = await api.make_mapping()
    await api.post(f"/mappings/{mapping['id']}/run")
    other = await api.make_sqlite(name="another source")
    await api.put(f"/mappings/{mapping['id']}", {"source_connection_id": other["id"]})
    [stored] = await database["runs"].find({}).to_list()
    assert stored["uses"] == [other["id"], "default"]


@pytest.mark.parametrize("body", [{"paused": "yes"}, {"note": "x" * 501}, {"note": "a\nb"}, {"colour": 1}])
async def test_a_bad_field_is_named(api: Api, body: dict[str, Any]) -> None:
    assert places(problem_of(await api.put("/pause", body), 422)) == list(body)


async def test_the_audit_keeps_what_was_turned(api: Api) -> None:
    await api.put("/pause", {"paused": True, "note": "why"})
    await api.put("/pause/installation", {"paused": True})
    await api.put("/pause", {"paused": False})
    entries = (await api.get("/audit/")).json()
    told = [
        (one["action"], one["before"] and one["before"]["paused"], one["after"]["paused"]) for one in entries
    ]
    assert told == [
        ("pause.update", True, False),
        ("pause.update_installation", None, True),
        ("pause.update", None, True),
    ]
    assert "paused" in entries[0]["changed"]
