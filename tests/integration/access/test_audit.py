"""The audit: what is in it, what is not, and that nobody changes it unseen."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

from config_api.access.audit_trail import AuditDraft
from shared.documents.audit import AuditEntry
from shared.documents.user import Role
from tests.integration.access.people import ApiAs, People
from tests.integration.config_api.documents import connection_body, problem_of

ADMIN = "admin@example.com"


async def test_a_change_is_there_with_its_before_and_after_and_without_its_secrets(people: People) -> None:
    admin = await people.act_as(ADMIN)
    made = await admin.make_connection()
    place = f"/connections/{made['id']}"
    changed = await admin.put(
        place, {"database": "other", "password": "another-canary"}, headers={"X-Request-ID": "r-1"}
    )
    assert changed.status_code == 200
    await admin.delete(place)
    listed = await admin.get("/audit/", params={"target": place[1:]})
    deleted, updated, created = listed.json()
    assert listed.headers["x-total-count"] == "3"
    assert [one["action"] for one in (created, updated, deleted)] == [
        f"connection.{verb}" for verb in ("create", "update", "delete")
    ]
    assert (updated["actor"], updated["request_id"], updated["address"]) == (ADMIN, "r-1", "127.0.0.1")
    assert updated["changed"] == ["database", "password_encrypted"]
    assert (updated["before"]["database"], updated["after"]["database"]) == ("sales", "other")
    assert updated["after"]["password_encrypted"] == "***"
    assert (created["before"], deleted["after"]) == (None, None)
    assert "canary" not in listed.text


async def test_logins_runs_and_refusals_are_there(people: People) -> None:
    admin = await people.act_as(ADMIN)
    await people.log_in(ADMIN, "wrong password")
    await people.log_in("my-password@typed.here", "x")
    await people.act_as("reader@example.com", Role.TENANT_USER, read_only=True)
    reader = people.with_tokens((await people.log_in("reader@example.com")).json())
    problem_of(await reader.post("/connections/", connection_body()), 403)
    mapping = await admin.make_mapping()
    run = (await admin.post(f"/mappings/{mapping['id']}/run")).json()
    entries = (await admin.get("/audit/", params={"limit": 1000})).json()
    seen = {(one["action"], one["actor"], one["status"], one["target"]) for one in entries}
    assert {
        ("auth.login", ADMIN, 200, None),
        ("auth.login", ADMIN, 401, None),
        ("auth.login", "nobody", 401, None),
        ("connection.create", "reader@example.com", 403, None),
        ("mapping.run", ADMIN, 202, f"runs/{run['id']}"),
    } <= seen
    assert "my-password" not in json.dumps(entries)


async def test_the_chains_show_what_was_changed_or_removed(
    people: People, database: AsyncDatabase[dict[str, object]]
) -> None:
    admin = await people.act_as(ADMIN)
    for name in ("a", "b", "c"):
        await admin.make_schema(name=name)
    verdict = (await admin.get("/audit/verify")).json()
    assert (verdict["ok"], verdict["chains"], verdict["entries"]) == (True, 1, 4)
    lines = (await admin.get("/audit/export")).text.splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [1, 2, 3, 4]
    await database["audit"].update_one({"sequence": 2}, {"$set": {"actor": "somebody else"}})
    verdict = (await admin.get("/audit/verify")).json()
    assert [fault["sequence"] for fault in verdict["faults"]] == [2]
    await database["audit"].delete_one({"sequence": 2})
    verdict = (await admin.get("/audit/verify")).json()
    assert (verdict["ok"], [fault["sequence"] for fault in verdict["faults"]]) == (False, [3])


async def test_a_tenants_audit_is_its_own(people: People) -> None:
    admin = await people.act_as(ADMIN)
    inside = {"X-Tenant-ID": await people.make_tenant("north")}
    await admin.post("/connections/", connection_body(), headers=inside)
    found = (await admin.get("/audit/", headers=inside)).json()
    assert [one["action"] for one in found] == ["connection.create"]
    assert (await admin.get("/audit/", params={"action": "connection.create"})).json() == []
    assert (await admin.get("/audit/verify", headers=inside)).json()["entries"] == 1


async def verdict_of(admin: ApiAs) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.get("/audit/verify")).json()
    return found


async def test_many_at_once_make_one_unbroken_chain(people: People) -> None:
    admin = await people.act_as(ADMIN)
    made = await asyncio.gather(*(admin.make_schema(name=f"s{number}") for number in range(30)))
    listed = (await admin.get("/audit/", params={"action": "schema.create", "limit": 100})).json()
    assert {one["target"] for one in listed} == {f"schemas/{one['id']}" for one in made}
    verdict = await verdict_of(admin)
    assert (verdict["ok"], verdict["chains"], verdict["entries"]) == (True, 1, 31)


async def test_after_a_failed_write_a_new_chain_begins_and_the_log_says_so(
    people: People, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = await people.act_as(ADMIN)
    store = people.services.stores.audit
    append = store.append

    async def fail_once(entries: Sequence[AuditEntry]) -> None:
        monkeypatch.setattr(store, "append", append)
        raise AutoReconnect("gone")

    monkeypatch.setattr(store, "append", fail_once)
    await admin.make_schema(name="lost")
    await admin.make_schema(name="kept")
    failed = [line for line in capsys.readouterr().err.splitlines() if "audit_failed" in line]
    assert len(failed) == 1
    assert "schema.create schemas/" in failed[0]
    verdict = await verdict_of(admin)
    assert (verdict["ok"], verdict["chains"], verdict["entries"]) == (True, 2, 2)


async def test_the_entry_of_a_request_that_was_given_up_is_written(people: People) -> None:
    admin = await people.act_as(ADMIN)
    draft = AuditDraft("default", ADMIN, None, "given.up", 200, "127.0.0.1", "r-9")
    recording = asyncio.create_task(people.services.audit.record(draft))
    await asyncio.sleep(0)
    recording.cancel()
    await admin.make_schema(name="later")  # written after it, in the same chain
    [found] = (await admin.get("/audit/", params={"action": "given.up"})).json()
    assert (found["sequence"], (await verdict_of(admin))["ok"]) == (2, True)


async def test_a_mistake_of_ours_keeps_nobody_waiting(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await people.act_as(ADMIN)

    async def fail(entries: Sequence[AuditEntry]) -> None:
        raise RuntimeError(len(entries))

    monkeypatch.setattr(people.services.stores.audit, "append", fail)
    answer = await admin.post("/schemas/", {"name": "x", "columns": [{"name": "a", "data_type": "string"}]})
    assert answer.status_code == 500
