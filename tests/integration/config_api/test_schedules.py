"""Schedules: due instants, references, and when one may be enabled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from tests.integration.config_api.documents import Api, Body, places, problem_of, schedule_body


async def test_a_schedule_reads_back_with_its_defaults_and_its_next_run(api: Api) -> None:
    mapping = await api.make_mapping()
    made = await api.make_schedule(mapping["id"])
    assert (made["timezone"], made["enabled"], made["overlap_policy"]) == ("UTC", True, "skip")
    assert (made["catch_up"], made["misfire_grace_seconds"], made["jitter_seconds"]) == ("latest", 60, 0)
    assert (made["last_run_at"], made["last_run_status"], made["retry"]) == (None, None, None)
    next_run = datetime.fromisoformat(made["next_run_at"])
    now = datetime.fromisoformat(made["created_at"])
    assert timedelta(0) < next_run - now <= timedelta(days=1)
    assert (next_run.hour, next_run.minute) == (2, 0)
    assert (await api.get(f"/schedules/{made['id']}")).json() == made


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"cron_expression": "* * *"}, "cron_expression"),
        ({"cron_expression": "0 0 L * *"}, "cron_expression"),
        ({"cron_expression": "0 0 * * 1#2"}, "cron_expression"),
        ({"cron_expression": "*/90 * * * *"}, "cron_expression"),
        ({"cron_expression": "٣ * * * *"}, "cron_expression"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"jitter_seconds": -1}, "jitter_seconds"),
        ({"overlap_policy": "kill"}, "overlap_policy"),
        ({"start_at": "2030-01-01T00:00:00"}, "start_at"),
        ({"start_at": 5}, "start_at"),
        ({"end_at": "0001-01-01T00:00:00+14:00"}, "end_at"),
        ({"start_at": "2031-01-01T00:00:00Z", "end_at": "2030-01-01T00:00:00Z"}, ""),
        ({"mapping_id": "x"}, "mapping_id"),
        ({"colour": 1}, "colour"),
    ],
)
async def test_a_bad_field_is_named(api: Api, changes: Body, place: str) -> None:
    body = schedule_body("0" * 24) | changes
    assert places(problem_of(await api.post("/schedules/", body), 422)) == [place]


async def test_a_mapping_that_is_not_there_is_invalid(api: Api) -> None:
    problem = problem_of(await api.post("/schedules/", schedule_body("0" * 24)), 422)
    assert (problem["code"], places(problem)) == ("unknown_reference", ["mapping_id"])


async def test_only_a_complete_mapping_is_scheduled(api: Api) -> None:
    mapping = await api.make_mapping()
    label = {"type": "direct", "source_columns": ["label"], "target_fields": ["label"]}
    await api.post(f"/mappings/{mapping['id']}/column-mappings", label)
    problem = problem_of(await api.post("/schedules/", schedule_body(mapping["id"])), 422)
    assert (problem["code"], "'id'" in problem["detail"]) == ("mapping_incomplete", True)
    made = await api.make_schedule(mapping["id"], enabled=False)
    assert made["next_run_at"] is None
    problem_of(await api.put(f"/schedules/{made['id']}", {"enabled": True}), 422)
    field_id = {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]}
    await api.post(f"/mappings/{mapping['id']}/column-mappings", field_id)
    enabled = await api.put(f"/schedules/{made['id']}", {"enabled": True})
    assert enabled.json()["next_run_at"] is not None


async def test_a_changed_schedule_goes_on_from_its_next_tick(api: Api) -> None:
    mapping = await api.make_mapping()
    made = await api.make_schedule(mapping["id"])
    changed = (await api.put(f"/schedules/{made['id']}", {"cron_expression": "30 5 * * *"})).json()
    assert changed["next_run_at"][11:] == "05:30:00Z"
    assert changed["timezone"] == "UTC"
    zoned = (await api.put(f"/schedules/{made['id']}", {"timezone": "Asia/Kathmandu"})).json()
    assert zoned["next_run_at"][11:] == "23:45:00Z"
    paused = (await api.put(f"/schedules/{made['id']}", {"enabled": False})).json()
    assert paused["next_run_at"] is None


async def test_start_and_end_bound_the_ticks(api: Api) -> None:
    mapping = await api.make_mapping()
    later = await api.make_schedule(mapping["id"], name="later", start_at="2035-05-05T00:00:00+02:00")
    assert later["start_at"] == "2035-05-04T22:00:00Z"
    assert later["next_run_at"] == "2035-05-05T02:00:00Z"
    over = await api.make_schedule(mapping["id"], name="over", end_at="2020-01-01T00:00:00Z")
    assert over["next_run_at"] is None


async def test_a_delete_that_races_with_a_schedule_leaves_nothing_dangling(api: Api) -> None:
    for number in range(6):
        mapping = await api.make_mapping(name=f"m{number}")
        deleted, created = await asyncio.gather(
            api.delete(f"/mappings/{mapping['id']}"),
            api.post("/schedules/", schedule_body(mapping["id"], name=f"s{number}")),
        )
        assert (deleted.status_code, created.status_code) in {(204, 422), (409, 201)}


async def test_a_deleted_schedule_lets_its_mapping_go(api: Api) -> None:
    mapping = await api.make_mapping()
    made = await api.make_schedule(mapping["id"])
    assert (await api.delete(f"/schedules/{made['id']}")).status_code == 204
    assert (await api.delete(f"/mappings/{mapping['id']}")).status_code == 204


async def test_names_are_unique(api: Api) -> None:
    mapping = await api.make_mapping()
    answers = await asyncio.gather(*(api.post("/schedules/", schedule_body(mapping["id"])) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]


async def test_a_preview_describes_and_lists_instants_strictly_after(api: Api) -> None:
    asked = {
        "cron_expression": "30 1 * * *",
        "timezone": "Europe/Vienna",
        "count": 3,
        "after": "2026-10-24T23:30:00Z",
    }
    answer = (await api.post("/schedules/preview", asked)).json()
    assert answer["next_runs"] == ["2026-10-26T00:30:00Z", "2026-10-27T00:30:00Z", "2026-10-28T00:30:00Z"]
    assert answer["description"]
    by_default = (await api.post("/schedules/preview", {"cron_expression": "@hourly"})).json()
    assert len(by_default["next_runs"]) == 5


@pytest.mark.parametrize("changes", [{"count": 0}, {"count": 101}, {"after": "soon"}, {"extra": 1}])
async def test_a_bad_preview_is_named(api: Api, changes: dict[str, Any]) -> None:
    asked = {"cron_expression": "* * * * *", **changes}
    assert places(problem_of(await api.post("/schedules/preview", asked), 422)) == list(changes)


async def make_overdue(api: Api, database: AsyncDatabase[dict[str, Any]], **changes: Any) -> Body:
    """A schedule of every hour whose last three ticks nobody has fired."""
    mapping = await api.make_mapping()
    made = await api.make_schedule(mapping["id"], cron_expression="30 * * * *", **changes)
    this_hour = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
    due = this_hour - timedelta(hours=3 if this_hour < datetime.now(UTC) else 4) + timedelta(hours=1)
    await database["schedules"].update_one({}, {"$set": {"next_due_at": due}})
    return made


@pytest.mark.parametrize(("enabled", "reason"), [(True, "missed"), (False, "paused")])
async def test_ticks_that_a_change_of_times_passes_over_are_recorded(
    api: Api, database: AsyncDatabase[dict[str, Any]], enabled: bool, reason: str
) -> None:
    made = await make_overdue(api, database, enabled=enabled)
    renamed = (await api.put(f"/schedules/{made['id']}", {"name": "new"})).json()
    assert (await api.get("/runs/")).json() == []  # only the times matter: the tick is still to be fired
    if enabled:
        assert datetime.fromisoformat(renamed["next_run_at"]) < datetime.now(UTC)
    changed = (await api.put(f"/schedules/{made['id']}", {"cron_expression": "45 * * * *"})).json()
    [record] = (await api.get(f"/runs/?schedule_id={made['id']}")).json()
    assert (record["status"], record["reason"], record["count"]) == ("skipped", reason, 3)
    if enabled:
        assert datetime.fromisoformat(changed["next_run_at"]) > datetime.now(UTC)


async def test_ticks_that_a_deletion_passes_over_are_recorded(
    api: Api, database: AsyncDatabase[dict[str, Any]]
) -> None:
    made = await make_overdue(api, database)
    await api.put("/pause", {"paused": True})
    assert (await api.delete(f"/schedules/{made['id']}")).status_code == 204
    [record] = (await api.get(f"/runs/?schedule_id={made['id']}")).json()
    assert (record["reason"], record["count"]) == ("missed", 3)
