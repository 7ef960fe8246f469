"""Idempotency-Key: the same request twice happens once."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from tests.integration.access.people import ApiAs, People
from tests.integration.config_api.documents import connection_body, problem_of, schema_body

KEY = {"Idempotency-Key": "one-request"}


@pytest.fixture
async def admin(people: People) -> ApiAs:
    return await people.act_as("admin@example.com")


async def test_the_same_request_gets_its_first_answer_again(admin: ApiAs) -> None:
    first = await admin.post("/schemas/", schema_body(), headers=KEY)
    again = await admin.post("/schemas", schema_body(), headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"
    assert (await admin.get("/schemas/")).headers["x-total-count"] == "1"
    assert (await admin.get("/audit/", params={"action": "schema.create"})).headers["x-total-count"] == "1"


async def test_another_body_is_refused_and_another_path_or_caller_is_another_request(
    admin: ApiAs, people: People
) -> None:
    await admin.post("/schemas/", schema_body(), headers=KEY)
    other = await admin.post("/schemas/", schema_body(name="other"), headers=KEY)
    assert problem_of(other, 422)["code"] == "idempotency_key_reused"
    assert (await admin.post("/connections/", connection_body(), headers=KEY)).status_code == 201
    somebody = await people.act_as("other@example.com")
    assert (
        problem_of(await somebody.post("/schemas/", schema_body(), headers=KEY), 409)["code"] == "name_taken"
    )


async def test_of_requests_at_once_one_is_done(admin: ApiAs) -> None:
    answers = await asyncio.gather(*(admin.post("/schemas/", schema_body(), headers=KEY) for _ in range(6)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes <= {"idempotency_in_progress"}
    assert (await admin.get("/schemas/")).headers["x-total-count"] == "1"


async def test_a_failure_of_ours_is_not_kept(
    admin: ApiAs, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_args: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(app.state.services.schemas, "create", fail)
        problem_of(await admin.post("/schemas/", schema_body(), headers=KEY), 500)
    assert (await admin.post("/schemas/", schema_body(), headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "é".encode(), "x" * 256])
async def test_a_key_has_a_form(admin: ApiAs, key: Any) -> None:
    problem_of(await admin.post("/schemas/", schema_body(), headers={"Idempotency-Key": key}), 422)


async def test_neither_logins_nor_api_keys_are_kept(admin: ApiAs) -> None:
    body = {"name": "k", "scopes": ["runs:read"]}
    made = [await admin.post("/api-keys/", body, headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 409]


async def test_a_stored_request_holds_no_secret(admin: ApiAs, database: Any) -> None:
    await admin.post("/connections/", connection_body(password="stored-canary"), headers=KEY)
    kept = await database["idempotency_keys"].find_one()
    assert kept["answer"]["status"] == 201
    assert "stored-canary" not in str(kept)
