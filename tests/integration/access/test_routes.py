"""Every route of the OpenAPI document, asked by everybody who must not get what it has."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from fastapi import FastAPI

from config_api.access.permissions import UNVERSIONED, VERSIONED, Permission
from config_api.access.tokens import AUDIENCE, ISSUER
from config_api.main import _route_table, create_app
from shared.documents.user import Role
from shared.settings import Settings
from tests.integration.access.people import JWT_KEY, ApiAs, People
from tests.integration.config_api.documents import PREFIX, problem_of

NO_ID = "0123456789abcdef01234567"
STREAM = f"{PREFIX}/events/stream"


def operations(app: FastAPI) -> Iterator[tuple[str, str, Permission]]:
    table = UNVERSIONED | {(method, PREFIX + path): found for (method, path), found in VERSIONED.items()}
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path, table[method.upper(), path]


def guarded(app: FastAPI) -> list[tuple[str, str, Permission]]:
    return [one for one in operations(app) if one[2].access != "public"]


def filled(path: str, ids: dict[str, str] | None = None) -> str:
    parts = (part.strip("{}") if part.startswith("{") else part for part in path.split("/"))
    known = ids or {}
    return "/".join(known.get(part, NO_ID) if f"{{{part}}}" in path.split("/") else part for part in parts)


async def ask(caller: ApiAs, method: str, path: str, **kwargs: Any) -> int:
    # A stream never ends, so only its head is asked for.
    asked = "HEAD" if path == STREAM else method
    body: dict[str, Any] | None = {} if method in ("POST", "PUT") else None
    return (await caller.ask(asked, path, json=body, **kwargs)).status_code


def test_every_route_is_known_to_the_guard(app: FastAPI, settings: Settings) -> None:
    documented = {(method, path) for method, path, _ in operations(app)}
    assert len(documented) > 50
    assert set(_route_table(settings).operations()) - documented == {
        ("GET", path) for path in ("/docs", "/docs/oauth2-redirect", "/openapi.json")
    }
    assert documented <= set(_route_table(settings).operations())


def test_a_route_that_the_table_forgot_keeps_the_service_from_starting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(VERSIONED, ("GET", "/runs/"))
    with pytest.raises(RuntimeError, match="GET /api/v1/runs/"):
        create_app(settings)


async def test_nobody_gets_in_without_a_credential(app: FastAPI, people: People) -> None:
    for method, path, permission in operations(app):
        status = await ask(people.anonymous, method, filled(path))
        wanted = {200, 204, 422, 401} if path.endswith(("/login", "/refresh")) else {200, 204}
        assert status in (wanted if permission.access == "public" else {401}), (method, path, status)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    sound: dict[str, Any] = {
        "sub": NO_ID,
        "sid": NO_ID,
        "role": "ADMIN",
        "tenant": "default",
        "read_only": False,
        "iat": now,
        "exp": now + 600,
        "aud": AUDIENCE,
        "iss": ISSUER,
    }
    return {name: value for name, value in (sound | changes).items() if value is not None}


def bad_tokens(good: str) -> dict[str, str]:
    read = jwt.decode(good, options={"verify_signature": False})
    head, body, signature = good.split(".")
    admin = jwt.encode({**read, "role": "ADMIN", "tenant": "other"}, "x" * 32, "HS256")
    return {
        "expired": jwt.encode({**read, "exp": int(time.time()) - 1}, JWT_KEY, "HS256"),
        "tampered": f"{head}.{admin.split('.')[1]}.{signature}",
        "cut": f"{head}.{body}.",
        "none": jwt.encode(read, "", "none"),
        "other key": admin,
        "other algorithm": jwt.encode(read, JWT_KEY * 2, "HS512"),
        "other audience": jwt.encode({**read, "aud": "somebody"}, JWT_KEY, "HS256"),
        "other issuer": jwt.encode({**read, "iss": "somebody"}, JWT_KEY, "HS256"),
        "without end": jwt.encode(
            {name: value for name, value in read.items() if name != "exp"}, JWT_KEY, "HS256"
        ),
        "unknown login": jwt.encode(claims(), JWT_KEY, "HS256"),
        "no token": "xyz",
        "unknown key": f"etlk_{'0' * 16}_{'0' * 64}",
    }


async def test_a_bad_token_opens_no_route(app: FastAPI, people: People) -> None:
    await people.make_user("admin@example.com")
    good = (await people.log_in("admin@example.com")).json()["access_token"]
    for kind, token in bad_tokens(good).items():
        caller = ApiAs(people.client, {"Authorization": f"Bearer {token}"})
        for method, path, _ in guarded(app):
            assert await ask(caller, method, filled(path)) == 401, (kind, method, path)


async def test_roles_and_rights_are_held_against_every_route(app: FastAPI, people: People) -> None:
    tenant_id = await people.make_tenant("other")
    user = await people.act_as("user@example.com", Role.TENANT_USER, tenant_id)
    reader = await people.act_as("reader@example.com", Role.TENANT_USER, tenant_id, read_only=True)
    for method, path, permission in guarded(app):
        if permission.access == "login":
            continue
        place = filled(path)
        assert (await ask(user, method, place) == 403) == (permission.access == "admin"), (method, path)
        refused = permission.access == "admin" or permission.writes
        assert (await ask(reader, method, place) == 403) == refused, (method, path)
        elsewhere = {"X-Tenant-ID": "default"}
        assert await ask(user, method, place, headers=elsewhere) == 403, (method, path)


async def test_an_api_key_opens_what_its_scopes_say(app: FastAPI, people: People) -> None:
    admin = await people.act_as("admin@example.com")
    made = (await admin.post("/api-keys/", {"name": "reads runs", "scopes": ["runs:read"]})).json()
    as_key = ApiAs(people.client, {"X-API-Key": made["key"]})
    as_bearer = ApiAs(people.client, {"Authorization": f"Bearer {made['key']}"})
    for method, path, permission in guarded(app):
        allowed = permission.access == "self" or "runs:read" in permission.scopes
        for caller in (as_key, as_bearer):
            assert (await ask(caller, method, filled(path)) != 403) == allowed, (method, path)


async def test_another_tenants_documents_are_not_there(app: FastAPI, people: People) -> None:
    admin = await people.act_as("admin@example.com")
    mapping = await admin.make_mapping()
    schedule = await admin.make_schedule(mapping["id"])
    run = (await admin.post(f"/mappings/{mapping['id']}/run")).json()
    key = (await admin.post("/api-keys/", {"name": "k", "scopes": ["runs:read"]})).json()
    ids = {
        "connection_id": mapping["source_connection_id"],
        "schema_id": mapping["target_schema_id"],
        "mapping_id": mapping["id"],
        "schedule_id": schedule["id"],
        "run_id": run["id"],
        "api_key_id": key["id"],
        "user_id": (await admin.get("/auth/me")).json()["id"],
    }
    tenant_id = await people.make_tenant("other")
    stranger = await people.act_as("user@example.com", Role.TENANT_USER, tenant_id)
    spec = {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]}
    for method, path, permission in guarded(app):
        if "{" not in path or "{tenant_id}" in path:
            continue
        callers = [stranger] if permission.access != "admin" else []
        callers.append(ApiAs(people.client, admin.headers | {"X-Tenant-ID": tenant_id}))
        for caller in callers:
            body: Any = [spec] if "column-mappings" in path else {}
            answer = await caller.ask(
                method, filled(path, ids), json=body if method in ("POST", "PUT") else None
            )
            if answer.status_code == 422 and path.endswith(("/backfill", "/cursor")):
                continue  # their bodies are looked at first
            problem_of(answer, 404)
    for path in ("connections", "schemas", "mappings", "schedules", "runs", "users", "api-keys"):
        answer = await admin.get(f"/{path}/", headers={"X-Tenant-ID": tenant_id})
        assert [one.get("email") for one in answer.json()] in ([], ["user@example.com"]), path
    assert (await admin.get(f"/mappings/{mapping['id']}")).status_code == 200


async def test_a_tenant_that_does_not_exist_is_not_found(people: People) -> None:
    admin = await people.act_as("admin@example.com")
    problem_of(await admin.get("/runs/", headers={"X-Tenant-ID": NO_ID}), 404)
    problem_of(await admin.get("/runs/", headers={"X-Tenant-ID": "x"}), 404)
