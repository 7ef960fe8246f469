"""Known secrets are put in wherever secrets go in, then searched for wherever anything comes out."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx2
import pytest
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase

from local_servers.api_client import FINAL
from local_servers.installation import Installation
from shared.logging import configure_logging
from shared.settings import Settings
from tests.integration.config_api.documents import Api, connection_body, sqlite_body
from tests.integration.executor.world import eventually

PASSWORD = 'canary/pass+"word&é\\1'
CHANGED = "canary/changed+pass&2"
UNSAVED = "canary/unsaved+pass&3"
SSL_KEY = "-----BEGIN PRIVATE KEY-----\ncanary/ssl+key&4\n-----END PRIVATE KEY-----"
USER_PASSWORD = "canary/user+pass&5"
SECRETS = (PASSWORD, CHANGED, UNSAVED, SSL_KEY, USER_PASSWORD)


def forms(secret: str) -> Iterator[str]:
    """Every way in which a secret could stand in a text."""
    raw = secret.encode()
    yield secret
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret), raw.hex())
    # Wherever it begins in a longer text, base64 has one of three forms; their edges mix with what is beside.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        inner = encoded[4 if shift else 0 : -4]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


def find_secrets(text: str, known: tuple[str, ...]) -> list[str]:
    return [f"{secret[:12]}… as {form[:8]}…" for secret in known for form in forms(secret) if form in text]


class Sightings:
    """Everything that came out, to be searched at the end."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.asked: set[tuple[str, str]] = set()  # methods and templates of the walk

    def add(self, answer: httpx2.Response) -> httpx2.Response:
        request = answer.request
        place = f"{len(self.texts)} {request.method} {request.url.path} {answer.status_code}"
        self.texts[place] = f"{answer.headers}{answer.text}"
        return answer


async def put_in(api: Api, seen: Sightings) -> list[str]:
    options = {"ssl_mode": "verify-full", "ssl_key": SSL_KEY}
    made = seen.add(
        await api.post(
            "/connections/", connection_body(host="127.0.0.1", port=9, password=PASSWORD, options=options)
        )
    ).json()
    place = f"/connections/{made['id']}"
    seen.add(await api.put(place, {"password": CHANGED}))
    seen.add(await api.put(place, {"password": UNSAVED, "port": "no number"}))
    seen.add(await api.put(place, {"host": "elsewhere.example.com"}))
    seen.add(await api.post("/connections/", connection_body(password=UNSAVED)))
    seen.add(await api.post("/connections/", connection_body(name="x", password=[UNSAVED])))
    seen.add(
        await api.post("/connections/", connection_body(name="y", host=f"u:{UNSAVED}@db", password=UNSAVED))
    )
    seen.add(await api.post("/connections/", sqlite_body(password=UNSAVED)))
    unsaved = connection_body(host="127.0.0.1", port=9, password=UNSAVED)
    seen.add(await api.post("/connections/test", unsaved, headers={"Idempotency-Key": "canary-key"}))
    seen.add(await api.post(f"{place}/test", {"purpose": "target"}))
    user = {"email": "canary@example.com", "password": USER_PASSWORD, "role": "ADMIN"}
    seen.add(await api.post("/users/", user))
    login = {"email": "canary@example.com", "password": USER_PASSWORD}
    tokens = (await api.post("/auth/login", login)).json()
    seen.add(await api.post("/auth/login", {**login, "password": UNSAVED}))
    seen.add(await api.post("/auth/refresh", {"refresh_token": tokens["refresh_token"][:-1]}))
    as_user = {"Authorization": f"Bearer {tokens['access_token']}"}
    key = (await api.post("/api-keys/", {"name": "k", "scopes": ["runs:read"]}, headers=as_user)).json()
    seen.add(await api.get("/runs/", headers={"X-API-Key": key["key"]}))
    totp = (await api.post("/auth/totp", headers=as_user)).json()
    await look_everywhere(api, seen, made["id"])
    return [tokens["access_token"], tokens["refresh_token"], key["key"].split("_")[2], totp["secret"]]


async def look_everywhere(api: Api, seen: Sightings, connection_id: str) -> None:
    query = {"source_connection_id": connection_id, "source_query": "SELECT 1 AS id"}
    seen.add(await api.post("/mappings/preview", query))
    seen.add(await api.post("/schemas/infer", {"connection_id": connection_id, "query": "SELECT 1 AS id"}))
    mapping = await api.make_mapping(source_connection_id=connection_id, retry={"max_attempts": 1})
    for path in ("plan", "run"):
        seen.add(await api.post(f"/mappings/{mapping['id']}/{path}"))
    seen.add(await api.post("/secrets/rotation"))
    places = ("connections/", f"connections/{connection_id}", f"connections/{connection_id}/tables", "runs/")
    more = ("users/", "api-keys/", "tenants/", "audit/?limit=1000", "audit/export", "secrets/rotation")
    for place in (*places, *more, f"mappings/{mapping['id']}/versions"):
        seen.add(await api.get(f"/{place}"))
    for path in ("/", "/health", "/metrics", "/openapi.json"):
        seen.add(await api.client.get(path))


async def walk(app: FastAPI, api: Api, seen: Sightings) -> None:
    """Ask every operation of the document, with secrets in the places where nothing expects them.

    A new parameter of a path has no id here, and then this fails: give it one.
    """
    ids = await known_ids(api)
    wrong = {"password": UNSAVED, "secret": [UNSAVED], "token": UNSAVED, "name": {UNSAVED: UNSAVED}}
    operations = [(m.upper(), path) for path, methods in app.openapi()["paths"].items() for m in methods]
    # What deletes comes last, so that everything else is asked about what is there.
    for method, template in sorted(operations, key=lambda one: one[0] == "DELETE"):
        path = re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], template)
        sent = "HEAD" if template.endswith("/events/stream") else method
        bodies = [wrong, [wrong], None] if method in ("POST", "PUT") else [None]
        for body in bodies:
            seen.add(await api.client.request(sent, path, json=body, params={"x": "1"}))
        bearer = {"Authorization": f"Bearer {CHANGED.replace('/', '.')}"}
        seen.add(await api.client.request(sent, path, headers=bearer))
        seen.asked.add((method, template))


async def known_ids(api: Api) -> dict[str, str]:
    mapping = (await api.get("/mappings/")).json()[0]
    spec = {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]}
    [column_mapping] = (await api.post(f"/mappings/{mapping['id']}/column-mappings", spec)).json()
    user = (await api.get("/users/")).json()[0]["id"]
    return {
        "connection_id": mapping["source_connection_id"],
        "schema_id": mapping["target_schema_id"],
        "mapping_id": mapping["id"],
        "column_mapping_id": column_mapping["id"],
        "schedule_id": (await api.make_schedule(mapping["id"]))["id"],
        "run_id": (await api.get("/runs/")).json()[0]["id"],
        "user_id": user,
        "api_key_id": (await api.get("/api-keys/")).json()[0]["id"],
        "tenant_id": (await api.post("/tenants/", {"name": "canaries"})).json()["id"],
    }


async def has_ended(api: Api, run_id: str) -> bool:
    return (await api.get(f"/runs/{run_id}")).json()["status"] in FINAL


async def run_in_an_executor(
    api: Api, seen: Sightings, settings: Settings, database: AsyncDatabase[dict[str, Any]], folder: Path
) -> None:
    """Let a real executor try the run of the connection with the secrets; it fails, and says why."""
    assert settings.mongodb_url is not None
    environment = {
        "MONGODB_URL": settings.mongodb_url.reveal(),
        "MONGODB_DB_NAME": settings.mongodb_db_name,
        "ENCRYPTION_KEY": settings.encryption_key[0].reveal(),
        "SQLITE_ROOT": str(settings.sqlite_root),
        "LOG_LEVEL": "debug",
        "EXECUTOR_WORKERS": "1",
        "POLL_SECONDS": "0.2",
    }
    with Installation(folder, environment) as installation:
        executor = await asyncio.to_thread(installation.start_executor)
        [run] = (await api.get("/runs/")).json()
        await eventually(lambda: has_ended(api, run["id"]))
        seen.add(await api.get(f"/runs/{run['id']}"))
        seen.add(await api.get(f"/runs/{run['id']}/logs"))
        for path in ("/metrics", "/status", "/health"):
            seen.texts[f"executor {path}"] = (await asyncio.to_thread(executor.get, path))[1]
        await asyncio.to_thread(executor.stop)
        seen.texts["executor's log"] = executor.logs()
    assert "run_ended" in seen.texts["executor's log"]
    assert await database["runs"].count_documents({"status": "failed"}) == 1


async def test_no_secret_comes_out_anywhere(
    app: FastAPI,
    api: Api,
    settings: Settings,
    database: AsyncDatabase[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    configure_logging("debug", "json")
    caplog.set_level("DEBUG")
    seen = Sightings()
    made = await put_in(api, seen)
    await run_in_an_executor(api, seen, settings, database, tmp_path / "installation")
    configure_logging("debug", "console")
    await walk(app, api, seen)
    documented = {(m.upper(), path) for path, methods in app.openapi()["paths"].items() for m in methods}
    assert seen.asked == documented

    async def crash(*_args: Any) -> None:
        secret = PASSWORD
        raise RuntimeError(len(secret))

    monkeypatch.setattr(app.state.services.connections, "create", crash)
    seen.add(await api.post("/connections/", connection_body(name="crash", password=PASSWORD)))
    for name in await database.list_collection_names():
        seen.texts[f"collection {name}"] = "".join([str(one) async for one in database[name].find()])
    output = capsys.readouterr()
    seen.texts |= {"stdout": output.out, "stderr": output.err, "log": caplog.text}
    known = (*SECRETS, *made, *(key.reveal() for key in settings.encryption_key))
    hits = {place: found for place, text in seen.texts.items() if (found := find_secrets(text, known))}
    assert hits == {}
    assert len(seen.texts) > 250


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_what_it_looks_for(secret: str) -> None:
    for hidden in (
        secret,
        json.dumps({"password": secret}),
        f"mysql://u:{quote(secret, safe='')}@db",
        base64.b64encode(f"user:{secret} and so on".encode()).decode(),
    ):
        assert find_secrets(hidden, (secret,))
