"""Logging in, staying in, going out; second factors, users, API keys, tenants, limits."""

import asyncio
from datetime import timedelta

import httpx2
import pyotp
import pytest
from fastapi import FastAPI

from config_api.main import create_app
from shared.documents.user import Role
from shared.settings import Settings
from tests.integration.access.people import PASSWORD, ApiAs, People
from tests.integration.config_api.documents import problem_of, schema_body, wait_until_prepared

ADMIN = "admin@example.com"


async def refresh(people: People, token: str) -> httpx2.Response:
    return await people.anonymous.post("/auth/refresh", {"refresh_token": token})


async def test_a_login_answers_as_the_contract_says(people: People) -> None:
    await people.make_user(ADMIN)
    answer = await people.log_in("Admin@Example.com")
    tokens = answer.json()
    assert set(tokens) == {
        *("access_token", "token_type", "expires_in", "refresh_token", "role", "tenantId"),
    }
    assert (tokens["token_type"], tokens["role"], tokens["tenantId"]) == ("bearer", "ADMIN", "default")
    assert answer.headers["cache-control"] == "no-store"
    me = (await people.with_tokens(tokens).get("/auth/me")).json()
    assert (me["email"], me["role"], me["read_only"]) == (ADMIN, "ADMIN", False)


async def test_what_was_wrong_is_not_told(people: People) -> None:
    await people.make_user(ADMIN)
    await people.make_user("gone@example.com", is_active=False)
    answers = [
        await people.log_in(ADMIN, "wrong password"),
        await people.log_in("nobody@example.com"),
        await people.log_in("gone@example.com"),
    ]
    bodies = [problem_of(answer, 401) for answer in answers]
    assert {(body["code"], body["detail"]) for body in bodies} == {
        ("invalid_credentials", "E-mail or password is wrong")
    }


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_login(people: People) -> None:
    await people.make_user(ADMIN)
    first = (await people.log_in(ADMIN)).json()
    second = (await refresh(people, first["refresh_token"])).json()
    assert (await people.with_tokens(second).get("/auth/me")).status_code == 200
    assert problem_of(await refresh(people, first["refresh_token"]), 401)["code"] == "login_ended"
    problem_of(await refresh(people, second["refresh_token"]), 401)
    problem_of(await people.with_tokens(second).get("/auth/me"), 401)


async def test_of_two_who_refresh_at_once_one_gets_through(people: People) -> None:
    await people.make_user(ADMIN)
    token = (await people.log_in(ADMIN)).json()["refresh_token"]
    answers = await asyncio.gather(*(refresh(people, token) for _ in range(5)))
    assert sum(answer.status_code == 200 for answer in answers) == 1


async def test_a_forged_refresh_token_ends_nothing(people: People) -> None:
    await people.make_user(ADMIN)
    tokens = (await people.log_in(ADMIN)).json()
    prefix, login_id, generation, _ = tokens["refresh_token"].split(".")
    for forged in (f"{prefix}.{login_id}.{generation}.{'0' * 64}", "", "a.b", "é", f"{prefix}.x.1.y"):
        assert (await refresh(people, forged)).status_code == 401
    assert (await people.with_tokens(tokens).get("/auth/me")).status_code == 200


async def test_logging_out_ends_the_access_token_too(people: People) -> None:
    await people.make_user(ADMIN)
    tokens = (await people.log_in(ADMIN)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await people.anonymous.post("/auth/logout", body)).status_code == 204
    problem_of(await people.with_tokens(tokens).get("/runs/"), 401)
    problem_of(await refresh(people, tokens["refresh_token"]), 401)
    other = (await people.log_in(ADMIN)).json()
    assert (await people.with_tokens(other).post("/auth/logout")).status_code == 204
    problem_of(await people.with_tokens(other).get("/runs/"), 401)


async def test_a_changed_password_ends_the_other_logins(people: People) -> None:
    here = await people.act_as(ADMIN)
    there = people.with_tokens((await people.log_in(ADMIN)).json())
    wrong = await here.post("/auth/password", {"current_password": "x", "new_password": "y" * 12})
    assert problem_of(wrong, 422)["code"] == "wrong_password"
    change = {"current_password": PASSWORD, "new_password": "another long password"}
    assert (await here.post("/auth/password", change)).status_code == 204
    assert (await here.get("/runs/")).status_code == 200
    problem_of(await there.get("/runs/"), 401)
    problem_of(await people.log_in(ADMIN), 401)
    assert (await people.log_in(ADMIN, "another long password")).status_code == 200


async def test_a_second_factor_is_good_once(people: People) -> None:
    admin = await people.act_as(ADMIN)
    begun = (await admin.post("/auth/totp")).json()
    assert begun["otpauth_url"].startswith("otpauth://totp/")
    generator = pyotp.TOTP(begun["secret"])
    now = people.services.second_factor._clock()
    assert (
        problem_of(await admin.post("/auth/totp/confirm", {"otp": "000000x"}), 422)["code"] == "invalid_otp"
    )
    confirmed = await admin.post("/auth/totp/confirm", {"otp": generator.at(now - timedelta(seconds=30))})
    codes = confirmed.json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert problem_of(await people.log_in(ADMIN), 401)["code"] == "otp_required"
    assert problem_of(await people.log_in(ADMIN, otp="123456789"), 401)["code"] == "invalid_otp"
    code = generator.at(now)
    assert (await people.log_in(ADMIN, otp=code)).status_code == 200
    assert problem_of(await people.log_in(ADMIN, otp=code), 401)["code"] == "invalid_otp"
    assert (await people.log_in(ADMIN, otp=codes[0])).status_code == 200
    assert problem_of(await people.log_in(ADMIN, otp=codes[0]), 401)["code"] == "invalid_otp"
    problem_of(await people.log_in(ADMIN, "wrong password", otp=codes[1]), 401)
    assert (await admin.post("/auth/totp/disable", {"password": PASSWORD})).status_code == 204
    assert (await people.log_in(ADMIN)).status_code == 200


async def test_users_are_an_administrators_affair(people: People) -> None:
    admin = await people.act_as(ADMIN)
    made = await admin.post("/users/", {"email": "New@example.com", "password": PASSWORD})
    user = made.json()
    assert (made.status_code, user["email"], user["role"]) == (201, "new@example.com", "TENANT_USER")
    assert "password" not in made.text
    taken = await admin.post("/users/", {"email": "new@example.com", "password": PASSWORD})
    assert problem_of(taken, 409)["code"] == "email_taken"
    problem_of(await admin.post("/users/", {"email": "x@example.com", "password": "short"}), 422)
    as_user = people.with_tokens((await people.log_in("new@example.com")).json())
    assert (await as_user.get("/runs/")).status_code == 200
    changed = await admin.put(f"/users/{user['id']}", {"read_only": True})
    assert changed.json()["read_only"] is True
    problem_of(await as_user.get("/runs/"), 401)
    me = (await admin.get("/auth/me")).json()
    assert problem_of(await admin.delete(f"/users/{me['id']}"), 409)["code"] == "last_admin"
    assert problem_of(await admin.put(f"/users/{me['id']}", {"role": None}), 409)["code"] == "last_admin"
    assert (await admin.delete(f"/users/{user['id']}")).status_code == 204
    problem_of(await people.log_in("new@example.com"), 401)


async def test_an_api_key_is_shown_once_and_ends_with_its_time_its_user_or_by_hand(people: People) -> None:
    admin = await people.act_as(ADMIN)
    body = {"name": "nightly", "scopes": ["mappings:write", "runs:read"]}
    made = (await admin.post("/api-keys/", body)).json()
    listed = await admin.get("/api-keys/")
    assert made["key"] not in listed.text
    assert made["key"].split("_")[2] not in listed.text
    caller = ApiAs(people.client, {"X-API-Key": made["key"]})
    assert (await caller.get("/mappings/")).status_code == 200
    assert (await admin.get("/api-keys/")).json()[0]["last_used_at"] is not None
    assert problem_of(await admin.post("/api-keys/", body), 409)["code"] == "name_taken"
    problem_of(await admin.post("/api-keys/", {**body, "name": "x", "scopes": ["all"]}), 422)
    late = {**body, "name": "late", "expires_at": "2020-01-01T00:00:00Z"}
    assert problem_of(await admin.post("/api-keys/", late), 422)["code"] == "in_the_past"
    problem_of(await caller.get("/runs/", headers={"X-Tenant-ID": await people.make_tenant("x")}), 403)
    assert (await admin.delete(f"/api-keys/{made['id']}")).status_code == 204
    problem_of(await caller.get("/runs/"), 401)


async def test_a_key_loses_the_rights_that_its_user_loses(people: People) -> None:
    admin = await people.act_as(ADMIN)
    user = await people.make_user("user@example.com", Role.TENANT_USER)
    as_user = people.with_tokens((await people.log_in("user@example.com")).json())
    body = {"name": "k", "scopes": ["schemas:write"]}
    key = (await as_user.post("/api-keys/", body)).json()["key"]
    caller = ApiAs(people.client, {"X-API-Key": key})
    problem_of(await caller.post("/schemas/", {}), 422)
    await admin.put(f"/users/{user.id}", {"read_only": True})
    problem_of(await caller.post("/schemas/", {}), 403)
    await admin.put(f"/users/{user.id}", {"is_active": False})
    problem_of(await caller.get("/schemas/"), 401)


async def test_tenants_come_and_go_empty(people: People) -> None:
    admin = await people.act_as(ADMIN)
    tenant = (await admin.post("/tenants/", {"name": "north"})).json()
    inside = {"X-Tenant-ID": tenant["id"]}
    made = await admin.post("/schemas/", schema_body(), headers=inside)
    assert made.status_code == 201
    assert (await admin.get("/schemas/")).json() == []
    assert problem_of(await admin.delete(f"/tenants/{tenant['id']}"), 409)["code"] == "referenced"
    assert (await admin.delete(f"/schemas/{made.json()['id']}", headers=inside)).status_code == 204
    assert (await admin.put(f"/tenants/{tenant['id']}", {"name": "south"})).json()["name"] == "south"
    assert (await admin.delete(f"/tenants/{tenant['id']}")).status_code == 204
    assert (await admin.get("/tenants/default")).json()["id"] == "default"


@pytest.mark.parametrize("changes", [{"logins_per_minute": 2}, {"requests_per_minute": 3}])
async def test_who_asks_too_often_waits(settings: Settings, changes: dict[str, int]) -> None:
    app: FastAPI = create_app(settings.model_copy(update=changes))
    async with app.router.lifespan_context(app):
        await wait_until_prepared(app)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
            people = People(app, client)
            await people.make_user(ADMIN)
            logins = [await people.log_in(ADMIN) for _ in range(3)]
            if "logins_per_minute" in changes:
                refused = logins[2]
            else:
                caller = people.with_tokens(logins[0].json())
                refused = [await caller.get("/runs/") for _ in range(4)][3]
            assert problem_of(refused, 429)["code"] == "too_many_requests"
            assert 1 <= int(refused.headers["retry-after"]) <= 60
