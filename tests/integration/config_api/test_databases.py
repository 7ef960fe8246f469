"""What the API asks of databases: tests, tables, inferred schemas, previews, plans."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from config_api.blocking import MAX_TESTS
from local_servers import Database
from tests.integration.config_api.documents import Api, Body, connection_body, places, problem_of, schema_body
from tests.integration.executor.world import eventually

FLIGHTS = (
    "CREATE TABLE flights (id INTEGER NOT NULL PRIMARY KEY, label VARCHAR(40), price DECIMAL(10,2))",
    "INSERT INTO flights VALUES (1, 'a|b', 1.50), (2, NULL, 22.00), (3, 'x', NULL)",
)


async def connect(api: Api, database: Database, name: str = "source") -> Body:
    return await api.make("/connections/", database.connection_body(name))


@pytest.fixture
def flights(any_database: Database) -> Database:
    any_database.execute(*FLIGHTS)
    return any_database


async def test_a_sound_connection_passes_every_step(api: Api, flights: Database) -> None:
    body = flights.connection_body("unsaved")
    del body["name"]
    report = (await api.post("/connections/test", body)).json()
    assert report["success"], report
    assert report["server_version"]
    assert all(step["ok"] is not False for step in report["steps"])
    assert (await api.get("/connections/")).json() == []


async def test_a_saved_test_is_noted_without_a_new_version(api: Api, flights: Database) -> None:
    made = await connect(api, flights)
    report = await api.post(f"/connections/{made['id']}/test", {"purpose": "target"})
    assert report.json()["success"], report.text
    assert report.json()["steps"][-1]["step"] == "write"
    read = (await api.get(f"/connections/{made['id']}")).json()
    assert read["last_test_status"] == "success"
    assert read["last_tested_at"] is not None
    assert read["version"] == 1


async def test_a_wrong_password_fails_at_login_and_is_noted(api: Api, postgresql_database: Database) -> None:
    body = postgresql_database.connection_body("wrong") | {"password": "wr0ng-canary"}
    made = await api.make("/connections/", body)
    answer = await api.post(f"/connections/{made['id']}/test")
    report = answer.json()
    assert (answer.status_code, report["success"]) == (200, False)
    assert [step["step"] for step in report["steps"] if step["ok"] is False] == ["login"]
    assert [step["ok"] for step in report["steps"] if step["step"] == "read"] == [None]
    assert "wr0ng-canary" not in answer.text
    assert (await api.get(f"/connections/{made['id']}")).json()["last_test_status"] == "failed"


async def test_a_host_that_never_answers_ends_within_five_seconds(api: Api) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        body = connection_body(host="127.0.0.1", port=silent.getsockname()[1])
        started = time.monotonic()
        answers, live = await asyncio.gather(
            asyncio.gather(*(api.post("/connections/test", body) for _ in range(4))),
            api.get("/connections/"),
        )
        assert time.monotonic() - started < 7
    assert live.status_code == 200
    for answer in answers:
        assert answer.status_code == 200
        assert answer.json()["success"] is False
        assert answer.json()["latency_ms"] <= 5000


async def test_connection_tests_beyond_the_pool_wait_for_a_place(api: Api) -> None:
    """Of a host that holds every connection, and lets all of them go at once."""
    peers: list[asyncio.StreamWriter] = []
    released = asyncio.Event()

    async def hold(_: asyncio.StreamReader, peer: asyncio.StreamWriter) -> None:
        peers.append(peer)
        await released.wait()
        peer.close()

    holding = await asyncio.start_server(hold, "127.0.0.1", 0)
    body = connection_body(host="127.0.0.1", port=holding.sockets[0].getsockname()[1])
    tests = [asyncio.create_task(api.post("/connections/test", body)) for _ in range(MAX_TESTS + 3)]
    waits = 'etl_pool_waiting{pool="connection_tests"} 3.0'

    async def all_places_are_taken() -> bool:
        return len(peers) == MAX_TESTS and waits in (await api.client.get("/metrics")).text

    try:
        await eventually(all_places_are_taken)
        assert len(peers) == MAX_TESTS
        released.set()
        answers = await asyncio.gather(*tests)
    finally:
        released.set()
        holding.close()
    assert len(peers) >= MAX_TESTS + 3
    assert {(answer.status_code, answer.json()["success"]) for answer in answers} == {(200, False)}


async def test_a_private_address_outside_the_allowed_networks_is_refused(api: Api) -> None:
    report = (await api.post("/connections/test", connection_body(host="10.255.0.1"))).json()
    assert report["success"] is False
    assert [step["step"] for step in report["steps"] if step["ok"] is False] == ["name"]
    made = await api.make_connection(host="10.255.0.1")
    preview = {"source_connection_id": made["id"], "source_query": "SELECT 1 AS a"}
    assert problem_of(await api.post("/mappings/preview", preview), 422)["code"] == "host_refused"


async def test_tables_are_listed_with_their_columns(api: Api, flights: Database) -> None:
    made = await connect(api, flights)
    tables = (await api.get(f"/connections/{made['id']}/tables")).json()
    found = next(table for table in tables if table["name"] == "flights")
    assert found["kind"] == "table"
    assert [column["name"] for column in found["columns"]] == ["id", "label", "price"]
    assert found["columns"][0]["nullable"] is False
    assert all(column["database_type"] for column in found["columns"])


async def test_a_schema_is_inferred_from_a_table_and_from_a_query(api: Api, flights: Database) -> None:
    made = await connect(api, flights)
    for where in ({"table": "flights"}, {"query": "SELECT * FROM flights"}):
        answer = await api.post("/schemas/infer", {"connection_id": made["id"], **where})
        assert answer.status_code == 200, answer.text
        columns = answer.json()["columns"]
        assert [column["name"] for column in columns] == ["id", "label", "price"]
        assert columns[0]["data_type"] == "integer"
        await api.make("/schemas/", {"name": f"from {next(iter(where))}", "columns": columns})
    refused = await api.post("/schemas/infer", {"connection_id": made["id"], "query": "DROP TABLE flights"})
    assert places(problem_of(refused, 422)) == ["query"]


async def test_a_preview_shows_rows_before_and_after_mapping(api: Api, flights: Database) -> None:
    made = await connect(api, flights)
    columns = [
        {"name": "id", "data_type": "integer", "nullable": False},
        {"name": "first", "data_type": "string"},
        {"name": "second", "data_type": "string", "nullable": False},
    ]
    schema = await api.make_schema(columns=columns)
    asked: Body = {
        "source_connection_id": made["id"],
        "source_query": "SELECT id, label FROM flights ORDER BY id",
        "limit": 2,
        "target_schema_id": schema["id"],
        "column_mappings": [
            {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]},
            {
                "type": "split",
                "source_columns": ["label"],
                "target_fields": ["first", "second"],
                "config": {"delimiter": "|"},
            },
        ],
    }
    answer = await api.post("/mappings/preview", asked)
    assert answer.status_code == 200, answer.text
    preview = answer.json()
    assert [column["name"] for column in preview["columns"]] == ["id", "label"]
    assert preview["rows"] == [{"id": 1, "label": "a|b"}, {"id": 2, "label": None}]
    assert (preview["row_count"], preview["truncated"]) == (2, True)
    assert preview["target"]["rows"][0] == {"id": 1, "first": "a", "second": "b"}
    error = preview["target"]["errors"][0]
    assert (error["row"], error["target_field"], error["source_columns"]) == (2, "second", ["label"])


async def test_a_preview_maps_to_a_schema_that_is_not_stored(api: Api, flights: Database) -> None:
    made = await connect(api, flights)
    asked: Body = {
        "source_connection_id": made["id"],
        "source_query": "SELECT id, label FROM flights ORDER BY id",
        "limit": 1,
        "target_columns": [
            {"name": "id", "data_type": "integer"},
            {"name": "note", "data_type": "string", "length": 2},
        ],
        "column_mappings": [
            {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]},
            {"type": "direct", "source_columns": ["label"], "target_fields": ["note"]},
        ],
    }
    answer = await api.post("/mappings/preview", asked)
    assert answer.status_code == 200, answer.text
    (error,) = answer.json()["target"]["errors"]
    assert (error["row"], error["target_field"], error["code"]) == (1, "note", "too_long")
    assert (await api.get("/schemas/")).json() == []
    schema = await api.make_schema()
    both = asked | {"target_schema_id": schema["id"]}
    assert "at most one" in problem_of(await api.post("/mappings/preview", both), 422)["errors"][0]["msg"]


async def test_a_preview_knows_the_limits_and_keys_of_its_target(
    api: Api, postgresql_database: Database, mariadb_database: Database
) -> None:
    source = await connect(api, postgresql_database)
    target = await connect(api, mariadb_database, "target")
    columns = [{"name": "x", "data_type": "float"}, {"name": "k", "data_type": "string"}]
    schema = await api.make_schema(columns=columns)
    asked: Body = {
        "source_connection_id": source["id"],
        "source_query": "SELECT '-0'::float8 AS x, NULL::text AS k",
        "target_schema_id": schema["id"],
    }
    for more, codes in (
        ({}, []),
        ({"target_connection_id": target["id"]}, ["not_representable"]),
        ({"target_connection_id": None}, ["not_representable"]),  # the default target is SQLite
        ({"key_columns": ["k"]}, ["null_in_key"]),
    ):
        answer = await api.post("/mappings/preview", asked | more)
        assert answer.status_code == 200, answer.text
        assert [error["code"] for error in answer.json()["target"]["errors"]] == codes, more


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM flights", "SELECT 1; SELECT 2", "UPDATE flights SET id = 9", "SELECT id FROM nowhere"],
)
async def test_a_refused_preview_leaves_the_source_as_it_was(api: Api, flights: Database, query: str) -> None:
    made = await connect(api, flights)
    before = flights.rows("SELECT * FROM flights ORDER BY id")
    asked = {"source_connection_id": made["id"], "source_query": query}
    problem = problem_of(await api.post("/mappings/preview", asked), 422)
    assert problem["errors"][0]["loc"][0] == "body"
    assert flights.rows("SELECT * FROM flights ORDER BY id") == before


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"source_connection_id": "0" * 24}, "source_connection_id"),
        ({"target_schema_id": "0" * 24}, "target_schema_id"),
        ({"target_connection_id": "0" * 24}, "target_connection_id"),
        ({"key_columns": ["id", "id"]}, "key_columns"),
        (
            {"target_columns": [{"name": "a", "data_type": "decimal", "scale": 2}]},
            "target_columns.0.precision",
        ),
        (
            {"column_mappings": [{"type": "direct", "source_columns": ["a"], "target_fields": ["a"]}]},
            "target_schema_id",
        ),
    ],
)
async def test_a_bad_preview_is_named(
    api: Api, sqlite_database: Database, changes: dict[str, Any], place: str
) -> None:
    sqlite_database.execute(*FLIGHTS)
    made = await connect(api, sqlite_database)
    asked = {"source_connection_id": made["id"], "source_query": "SELECT 1 AS a", **changes}
    assert places(problem_of(await api.post("/mappings/preview", asked), 422)) == [place]


async def test_an_unknown_source_column_is_named(api: Api, sqlite_database: Database) -> None:
    sqlite_database.execute(*FLIGHTS)
    made = await connect(api, sqlite_database)
    schema = await api.make_schema()
    asked = {
        "source_connection_id": made["id"],
        "source_query": "SELECT id FROM flights",
        "target_schema_id": schema["id"],
        "column_mappings": [{"type": "direct", "source_columns": ["nope"], "target_fields": ["label"]}],
    }
    problem = problem_of(await api.post("/mappings/preview", asked), 422)
    assert "'nope'" in problem["detail"]


async def test_a_source_that_is_down_is_unavailable_and_says_no_secret(
    api: Api, postgresql_database: Database
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as port_holder:
        port = port_holder.getsockname()[1]
    body = postgresql_database.connection_body("down") | {"port": port}
    made = await api.make("/connections/", body)
    asked = {"source_connection_id": made["id"], "source_query": "SELECT 1 AS a"}
    answer = await api.post("/mappings/preview", asked)
    assert problem_of(answer, 503)["code"] == "source_unavailable"
    assert postgresql_database.password not in answer.text


async def test_a_plan_writes_nothing(api: Api, flights: Database, sqlite_root: Path) -> None:
    source = await connect(api, flights)
    target = await api.make_sqlite(name="target", database="target.sqlite")
    mapping = await api.make_mapping(
        source_connection_id=source["id"],
        target_connection_id=target["id"],
        source_query="SELECT id, label FROM flights",
        target_schema_id=(await api.make_schema())["id"],
    )
    answer = await api.post(f"/mappings/{mapping['id']}/plan")
    assert answer.status_code == 200, answer.text
    plan = answer.json()
    assert plan["problems"] == []
    assert plan["write_mode"] == "replace"
    assert plan["statements"][0]["where"] == "source"
    assert any("flights" in statement for statement in plan["ddl"])
    assert not (sqlite_root / "default" / "target.sqlite").exists()


async def test_a_plan_names_the_column_that_contradicts_the_schema(
    api: Api, sqlite_database: Database, any_database: Database
) -> None:
    sqlite_database.execute(*FLIGHTS)
    any_database.execute("CREATE TABLE facts (id INTEGER NOT NULL PRIMARY KEY, label DATE)")
    source = await connect(api, sqlite_database)
    target = await connect(api, any_database, "target")
    mapping = await api.make_mapping(
        source_connection_id=source["id"],
        target_connection_id=target["id"],
        target_table="facts",
        source_query="SELECT id, label FROM flights",
        target_schema_id=(await api.make_schema())["id"],
    )
    answer = await api.post(f"/mappings/{mapping['id']}/plan")
    assert answer.status_code == 200, answer.text
    assert "facts" in answer.json()["problems"][0]["message"]


async def test_a_plan_for_the_default_target_names_what_is_missing(
    api: Api, sqlite_database: Database
) -> None:
    sqlite_database.execute(*FLIGHTS)
    source = await connect(api, sqlite_database)
    mapping = await api.make_mapping(
        source_connection_id=source["id"],
        source_query="SELECT id FROM flights",
        target_schema_id=(await api.make("/schemas/", schema_body()))["id"],
    )
    plan = (await api.post(f"/mappings/{mapping['id']}/plan")).json()
    assert "'label'" in plan["problems"][0]["message"]
