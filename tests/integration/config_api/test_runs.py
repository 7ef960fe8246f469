"""Runs: queued by hand, listed, cancelled, retried, and what they wrote."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from fastapi import FastAPI

from config_api.dependencies import Services
from local_servers import Database
from shared import rejected_rows
from shared.documents.notice import Notice
from shared.ledger_tables import REJECTED_ROWS
from shared.store.run_logs import LogLine
from tests.integration.config_api.documents import Api, Body, places, problem_of


async def queue(api: Api, **changes: Any) -> Body:
    mapping = await api.make_mapping(**changes)
    answer = await api.post(f"/mappings/{mapping['id']}/run")
    assert answer.status_code == 202, answer.text
    run: Body = answer.json()
    return run


async def test_a_run_by_hand_is_queued_once(api: Api) -> None:
    mapping = await api.make_mapping()
    answer = await api.post(f"/mappings/{mapping['id']}/run")
    run = answer.json()
    assert answer.headers["location"] == f"/api/v1/runs/{run['id']}"
    assert (run["status"], run["trigger"], run["attempt"]) == ("queued", "manual", 0)
    assert (run["mapping_id"], run["mapping_version"]) == (mapping["id"], 1)
    assert run["progress"]["phase"] == "plan"
    assert (run["schedule_id"], run["error"], run["window"], run["finished_at"]) == (None,) * 4
    assert not {"fence", "lease_expires_at", "sessions", "tenant_id"} & set(run)
    second = problem_of(await api.post(f"/mappings/{mapping['id']}/run"), 409)
    assert second["code"] == "run_already_queued"
    assert (await api.get(f"/runs/{run['id']}")).json() == run


async def test_of_many_runs_by_hand_at_once_one_is_queued(api: Api) -> None:
    mapping = await api.make_mapping()
    answers = await asyncio.gather(*(api.post(f"/mappings/{mapping['id']}/run") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 7]


async def test_runs_are_listed_newest_first_and_filtered(api: Api) -> None:
    runs = [await queue(api, name=f"m{number}") for number in range(3)]
    await api.post(f"/runs/{runs[0]['id']}/cancel")
    listed = await api.get("/runs/")
    assert [run["id"] for run in listed.json()] == [run["id"] for run in reversed(runs)]
    assert listed.headers["x-total-count"] == "3"
    filters: list[tuple[Body, list[Body]]] = [
        ({"mapping_id": runs[1]["mapping_id"]}, [runs[1]]),
        ({"status": "cancelled"}, [runs[0]]),
        ({"status": "queued", "sort": "queued_at"}, runs[1:]),
        ({"trigger": "schedule"}, []),
        ({"schedule_id": "0" * 24}, []),
        ({"since": runs[1]["queued_at"], "until": runs[1]["queued_at"]}, [runs[1]]),
        ({"limit": 1, "offset": 1}, [runs[1]]),
    ]
    for params, expected in filters:
        found = (await api.get("/runs/", params=params)).json()
        assert [run["id"] for run in found] == [run["id"] for run in expected], params


@pytest.mark.parametrize(
    "query",
    [{"mapping_id": "x"}, {"status": "done"}, {"trigger": "me"}, {"since": "yesterday"}, {"sort": "name"}],
)
async def test_a_bad_filter_is_named(api: Api, query: Body) -> None:
    assert places(problem_of(await api.get("/runs/", params=query), 422)) == list(query)


async def test_a_waiting_run_is_cancelled_at_once_and_only_once(api: Api) -> None:
    run = await queue(api)
    cancelled = await api.post(f"/runs/{run['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert cancelled.json()["finished_at"] is not None
    assert problem_of(await api.post(f"/runs/{run['id']}/cancel"), 409)["code"] == "run_finished"


async def test_an_ended_run_is_retried_as_a_new_one(api: Api) -> None:
    run = await queue(api)
    problem = problem_of(await api.post(f"/runs/{run['id']}/retry"), 409)
    assert problem["code"] == "run_not_finished"
    await api.post(f"/runs/{run['id']}/cancel")
    again = (await api.post(f"/runs/{run['id']}/retry")).json()
    assert (again["status"], again["trigger"], again["retry_of"]) == ("queued", "retry", run["id"])
    assert again["id"] != run["id"]


async def test_the_run_of_a_deleted_mapping_is_not_retried(api: Api) -> None:
    run = await queue(api)
    await api.post(f"/runs/{run['id']}/cancel")
    assert (await api.delete(f"/mappings/{run['mapping_id']}")).status_code == 204
    assert problem_of(await api.post(f"/runs/{run['id']}/retry"), 409)["code"] == "mapping_deleted"
    assert (await api.get(f"/runs/{run['id']}")).status_code == 200


@pytest.mark.parametrize("path", ["", "/logs", "/notices", "/rejected-rows"])
async def test_a_run_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    for run_id in ("0" * 24, "x"):
        problem_of(await api.get(f"/runs/{run_id}{path}"), 404)


async def test_whom_a_run_was_told_to_is_listed(api: Api, app: FastAPI) -> None:
    run = await queue(api)
    notices = app.state.services.stores.notices
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for tenant_id in ("default", "another"):
        target = f"https://example.org/{tenant_id}"
        values: dict[str, Any] = {
            "run_id": ObjectId(run["id"]),
            "kind": "failed",
            "target": target,
            "body": "{}",
            "due_at": now,
        }
        await notices.add([Notice(tenant_id=tenant_id, created_at=now, updated_at=now, **values)])
    taken = await notices.take_due(60)
    await notices.record_failure(taken, "answered_500", 60)
    answer = await api.get(f"/runs/{run['id']}/notices")
    assert answer.headers["x-total-count"] == "1"
    [notice] = answer.json()
    assert {name: notice[name] for name in ("kind", "target", "status", "attempts", "error", "sent_at")} == {
        "kind": "failed",
        "target": "https://example.org/default",
        "status": "waiting",
        "attempts": 1,
        "error": "answered_500",
        "sent_at": None,
    }


async def test_a_runs_log_is_read_in_order(api: Api, app: FastAPI) -> None:
    run = await queue(api)
    services: Services = app.state.services
    stored = await services.stores.runs.get("default", ObjectId(run["id"]))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [LogLine(start + timedelta(seconds=n), "info", f"line {n}", 1, n) for n in range(3)]
    await services.stores.run_logs.append(stored, lines)
    answer = await api.get(f"/runs/{run['id']}/logs", params={"limit": 2})
    assert answer.headers["x-total-count"] == "3"
    assert answer.json() == [
        {"at": f"2026-01-01T00:00:0{n}Z", "level": "info", "message": f"line {n}", "attempt": 1}
        for n in range(2)
    ]


async def test_a_run_without_rejected_rows_has_none(api: Api) -> None:
    run = await queue(api)
    answer = await api.get(f"/runs/{run['id']}/rejected-rows")
    assert (answer.status_code, answer.json(), answer.headers["x-total-count"]) == (200, [], "0")


async def test_rejected_rows_are_read_from_the_target_as_json_and_csv(
    api: Api, sqlite_database: Database
) -> None:
    target = await api.make("/connections/", sqlite_database.connection_body("target"))
    run = await queue(api, target_connection_id=target["id"])
    sqlite_database.execute(
        f"CREATE TABLE {REJECTED_ROWS} (run_id TEXT, row_number INTEGER, mapping_version INTEGER,"
        " source_row TEXT, errors TEXT)"
    )
    error = {"target_field": "id", "source_columns": ["a"], "code": "not_an_integer", "message": "no integer"}
    for number in (2, 9):
        row = json.dumps({"a": "x,y", "b": None})
        sqlite_database.execute(
            f"INSERT INTO {REJECTED_ROWS} VALUES ('{run['id']}', {number}, 1, '{row}', '{json.dumps([error])}')"
        )
    path = f"/runs/{run['id']}/rejected-rows"
    answer = await api.get(path, params={"limit": 1, "offset": 1})
    assert answer.headers["x-total-count"] == "2"
    assert answer.json() == [
        {"row_number": 9, "source_row": {"a": "x,y", "b": None}, "errors": [error], "mapping_version": 1}
    ]
    table = await api.get(path, headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert list(csv.reader(io.StringIO(table.text))) == [
        ["row_number", "mapping_version", "errors", "a", "b"],
        ["2", "1", "id: no integer", "x,y", ""],
        ["9", "1", "id: no integer", "x,y", ""],
    ]


async def test_all_rejected_rows_are_downloaded_in_blocks(
    api: Api, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = await api.make("/connections/", sqlite_database.connection_body("target"))
    run = await queue(api, target_connection_id=target["id"])
    sqlite_database.execute(
        f"CREATE TABLE {REJECTED_ROWS} (run_id TEXT, row_number INTEGER, mapping_version INTEGER,"
        " source_row TEXT, errors TEXT)",
        f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        INSERT INTO {REJECTED_ROWS} SELECT '{run["id"]}', i * 2, 1, '{{"a": "x' || i || '"}}', '[]' FROM n""",
        f"INSERT INTO {REJECTED_ROWS} VALUES ('another', 3, 1, '{{}}', '[]')",
    )
    monkeypatch.setattr(rejected_rows, "BLOCK_ROWS", 700)
    path, wants_csv = f"/runs/{run['id']}/rejected-rows", {"Accept": "text/csv"}
    whole = await api.get(path, headers=wants_csv)
    assert (whole.status_code, whole.headers["x-total-count"]) == (200, "2500")
    assert "rejected-rows" in whole.headers["content-disposition"]
    lines = list(csv.reader(io.StringIO(whole.text, newline="")))
    assert lines[0] == ["row_number", "mapping_version", "errors", "a"]
    assert lines[1:] == [[str(n * 2), "1", "", f"x{n}"] for n in range(1, 2501)]
    page = await api.get(path, headers=wants_csv, params={"limit": 2, "offset": 1000})
    assert [line[0] for line in csv.reader(io.StringIO(page.text, newline=""))] == [
        "row_number",
        "2002",
        "2004",
    ]
