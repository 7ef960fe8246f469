"""The rules common to every endpoint: forms of paths, request ids, CORS, bodies, errors."""

import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from config_api.middleware import MAX_BODY_BYTES
from tests.integration.config_api.documents import Api, connection_body, places, problem_of, schema_body

CANARY = "echo-canary-7f3a"
ORIGIN = "http://localhost:5173"


@pytest.mark.parametrize("path", ["/connections", "/connections/", "/runs", "/runs/"])
async def test_a_path_answers_with_and_without_its_last_slash(api: Api, path: str) -> None:
    assert (await api.get(path)).status_code == 200


async def test_the_last_slash_makes_no_difference_for_one_document_either(api: Api) -> None:
    made = await api.make_schema()
    assert (await api.get(f"/schemas/{made['id']}/")).status_code == 200
    assert (await api.put(f"/schemas/{made['id']}/", {"description": "x"})).status_code == 200
    assert (await api.post("/schemas", schema_body(name="without"))).status_code == 201


async def test_an_unknown_path_is_a_problem(client: httpx2.AsyncClient) -> None:
    assert problem_of(await client.get("/nothing/here"), 404)["code"] == "not_found"


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api: Api) -> None:
    answer = await api.delete("/connections/")
    assert problem_of(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_options_says_what_there_is(client: httpx2.AsyncClient) -> None:
    answer = await client.options("/api/v1/connections/0123")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"


async def test_head_is_get_without_its_body(client: httpx2.AsyncClient) -> None:
    answer = await client.head("/api/v1/connections")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-total-count"] == "0"


async def test_a_request_id_is_taken_when_it_is_sound_and_made_otherwise(client: httpx2.AsyncClient) -> None:
    given = await client.get("/health/live", headers={"X-Request-ID": "abc-1.2_3"})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    for unsound in ("", "a" * 129, "line\tbreak", "<script>"):
        made = (await client.get("/health/live", headers={"X-Request-ID": unsound})).headers["x-request-id"]
        assert len(made) == 32
    assert float(given.headers["x-process-time-ms"]) >= 0


async def test_cors_is_for_the_settings_origins_only(client: httpx2.AsyncClient) -> None:
    ask = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    allowed = await client.options("/api/v1/connections/", headers=ask)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert allowed.headers["access-control-allow-credentials"] == "true"
    asked = await client.get("/api/v1/connections/", headers={"Origin": ORIGIN})
    exposed = {name.strip() for name in asked.headers["access-control-expose-headers"].split(",")}
    assert exposed == {"ETag", "Location", "X-Total-Count", "X-Request-ID", "Retry-After"}
    for origin in (
        "http://localhost:9999",
        "https://localhost:5173",
        "null",
        "http://localhost:5173.evil.com",
    ):
        refused = await client.get("/api/v1/connections/", headers={"Origin": origin})
        assert "access-control-allow-origin" not in refused.headers


async def test_errors_carry_cors_headers_too(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v1/connections/nothing", headers={"Origin": ORIGIN})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == ORIGIN


async def test_large_answers_are_compressed_for_those_who_take_it(api: Api) -> None:
    for number in range(4):
        await api.make_schema(name=f"wide {number}")
    taken = await api.get("/schemas/", headers={"Accept-Encoding": "gzip"})
    plain = await api.get("/schemas/", headers={"Accept-Encoding": "identity"})
    assert taken.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in taken.headers["vary"]
    assert int(taken.headers["content-length"]) < len(plain.content)
    assert taken.json() == plain.json()
    assert "content-encoding" not in plain.headers
    small = await api.get("/health", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


async def test_a_body_beyond_the_limit_is_refused(client: httpx2.AsyncClient) -> None:
    body = b'{"name": "' + b"x" * MAX_BODY_BYTES + b'"}'
    json_type = {"Content-Type": "application/json"}
    declared = await client.post("/api/v1/connections/", content=body, headers=json_type)
    assert problem_of(declared, 413)["code"] == "body_too_large"

    async def parts() -> Any:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    problem_of(await client.post("/api/v1/connections/", content=parts(), headers=json_type), 413)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"port": 1e999}',
        b'{"port": ' + b"9" * 30 + b"}",
        b'{"port": ' + b"9" * 6000 + b"}",
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"name": "a", "name": "b"}',
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b'{"name": ' + b"[" * 60 + b"]" * 60 + b"}",
    ],
)
async def test_a_body_that_nothing_could_hold_is_invalid(client: httpx2.AsyncClient, body: bytes) -> None:
    for path in ("connections/", "schemas/", "mappings/", "schedules/", "mappings/preview"):
        answer = await client.post(
            f"/api/v1/{path}", content=body, headers={"Content-Type": "application/json"}
        )
        assert problem_of(answer, 422)["code"] == "invalid_request"


async def test_only_json_bodies_are_read(client: httpx2.AsyncClient) -> None:
    problem_of(await client.post("/api/v1/connections/", content=b"a=b"), 415)
    form = await client.post("/api/v1/connections/", data={"name": "x"})
    assert problem_of(form, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/connections/", {**connection_body(), "port": CANARY}),
        ("/connections/", {**connection_body(), "db_type": CANARY}),
        ("/connections/", {**connection_body(), "host": f"/{CANARY}"}),
        ("/connections/", {**connection_body(), "options": {"ssl_ca": CANARY, "session_time_zone": CANARY}}),
        ("/schemas/", schema_body(columns=[{"name": "a", "data_type": CANARY}])),
        ("/schemas/", schema_body(columns=CANARY)),
        ("/schedules/preview", {"cron_expression": CANARY}),
        ("/schedules/preview", {"cron_expression": "* * * * *", "timezone": CANARY}),
        ("/mappings/preview", {"source_connection_id": CANARY, "source_query": "SELECT 1"}),
        (
            "/mappings/preview",
            {
                "source_connection_id": "0" * 24,
                "source_query": "SELECT 1",
                "column_mappings": [{"type": CANARY, "source_columns": ["a"]}],
            },
        ),
    ],
)
async def test_the_input_is_never_echoed(api: Api, path: str, body: Any) -> None:
    answer = await api.post(path, body)
    problem_of(answer, 422)
    assert CANARY not in answer.text


@pytest.mark.parametrize("value", [{"$gt": ""}, {"$where": "1"}, ["a"], 1, True, None, {"$ne": None}])
async def test_operators_and_wrong_types_are_no_names(api: Api, value: Any) -> None:
    problem = problem_of(await api.post("/schemas/", schema_body(name=value)), 422)
    assert places(problem) == ["name"]
    assert (await api.get("/connections/", params={"q": json.dumps(value)})).status_code == 200


async def test_the_openapi_document_names_every_operation_once(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalpha() for name in names)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/v1") and method in ("post", "put") and "requestBody" in operation:
                assert "application/problem+json" in operation["responses"]["422"]["content"], path


async def test_an_unexpected_error_is_a_bare_problem(app: FastAPI, client: httpx2.AsyncClient) -> None:
    async def fail() -> None:
        raise RuntimeError(CANARY)

    app.state.services.schemas.list_page = lambda *_args: fail()
    answer = await client.get("/api/v1/schemas/", headers={"Origin": ORIGIN})
    assert problem_of(answer, 500)["code"] == "internal_error"
    assert CANARY not in answer.text
    assert answer.headers["access-control-allow-origin"] == ORIGIN
