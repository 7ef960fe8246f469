"""Known secrets are put in wherever secrets go in, then searched for wherever anything comes out."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import httpx2
import pytest
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase

from shared.settings import Settings
from tests.integration.config_api.documents import Api, connection_body, sqlite_body

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
    mapping = await api.make_mapping(source_connection_id=connection_id)
    for path in ("plan", "run"):
        seen.add(await api.post(f"/mappings/{mapping['id']}/{path}"))
    seen.add(await api.post("/secrets/rotation"))
    places = ("connections/", f"connections/{connection_id}", f"connections/{connection_id}/tables", "runs/")
    more = ("users/", "api-keys/", "tenants/", "audit/?limit=1000", "audit/export", "secrets/rotation")
    for place in (*places, *more, f"mappings/{mapping['id']}/versions"):
        seen.add(await api.get(f"/{place}"))
    for path in ("/", "/health", "/metrics", "/openapi.json"):
        seen.add(await api.client.get(path))


async def test_no_secret_comes_out_anywhere(
    app: FastAPI,
    api: Api,
    settings: Settings,
    database: AsyncDatabase[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("DEBUG")
    seen = Sightings()
    made = await put_in(api, seen)

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
    assert len(seen.texts) > 40


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_what_it_looks_for(secret: str) -> None:
    for hidden in (
        secret,
        json.dumps({"password": secret}),
        f"mysql://u:{quote(secret, safe='')}@db",
        base64.b64encode(f"user:{secret} and so on".encode()).decode(),
    ):
        assert find_secrets(hidden, (secret,))
