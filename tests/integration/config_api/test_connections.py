"""Connections: secrets go in only, names are one's own, a password stays where it was given for."""

import asyncio
from typing import Any

import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase

from config_api.dependencies import Services
from tests.integration.config_api.documents import Api, connection_body, places, problem_of, sqlite_body

Database = AsyncDatabase[dict[str, Any]]
PASSWORD = "pa55-w0rd-canary"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nkey-canary\n-----END PRIVATE KEY-----\n"
NO_ID = "f" * 24


async def test_a_created_connection_reads_back_without_its_secrets(api: Api) -> None:
    options = {"ssl_mode": "verify-full", "ssl_ca": PEM, "ssl_cert": PEM, "ssl_key": KEY}
    created = await api.post("/connections/", connection_body(options=options))
    assert created.status_code == 201
    body = created.json()
    assert created.headers["location"] == f"/api/v1/connections/{body['id']}"
    assert created.headers["etag"] == '"1"'
    assert body["port"] == 5432
    assert body["status"] == "ok"
    assert body["last_tested_at"] is None
    assert body["options"]["ssl_mode"] == "verify-full"
    assert body["options"]["max_parallel"] == 4
    assert body["created_at"].endswith("Z")
    assert "password" not in body
    assert "ssl_key" not in body["options"]
    read = await api.get(f"/connections/{body['id']}")
    assert read.json() == body
    assert PASSWORD not in created.text + read.text
    assert "key-canary" not in created.text + read.text


async def test_secrets_are_stored_as_tokens_only(api: Api, database: Database) -> None:
    await api.make_connection(options={"ssl_key": KEY})
    stored = await database["connections"].find_one()
    assert stored is not None
    assert PASSWORD not in str(stored)
    assert "key-canary" not in str(stored)
    assert stored["password_encrypted"].startswith("gAAAA")


@pytest.mark.parametrize(("db_type", "port"), [("postgresql", 5432), ("mysql", 3306)])
async def test_the_port_is_the_usual_one_of_the_database(api: Api, db_type: str, port: int) -> None:
    assert (await api.make_connection(db_type=db_type))["port"] == port


async def test_sqlite_has_a_file_name_and_nothing_of_a_server(api: Api) -> None:
    created = await api.make_sqlite()
    assert (created["host"], created["port"], created["username"]) == (None, None, None)
    problem = problem_of(await api.post("/connections/", sqlite_body(name="x", host="h", password="p")), 422)
    assert sorted(places(problem)) == ["host", "password"]


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\b", ".", "..", " . ", "C:x", "/etc/passwd", "x?mode=rw", "a%2fb"]
)
async def test_a_sqlite_database_never_leaves_its_folder(api: Api, name: str) -> None:
    problem = problem_of(await api.post("/connections/", sqlite_body(database=name)), 422)
    assert places(problem) == ["database"]
    assert problem["errors"][0]["type"] == "not_a_file_name"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "5432"}, "port"),
        ({"port": True}, "port"),
        ({"db_type": "oracle"}, "db_type"),
        ({"host": "/var/run/postgresql"}, "host"),
        ({"host": "db host=evil"}, "host"),
        ({"host": "169.254.169.254"}, "host"),
        ({"host": "0x7f000001"}, "host"),
        ({"host": "fe80::1"}, "host"),
        ({"host": None}, "host"),
        ({"username": None}, "username"),
        ({"password": None}, "password"),
        ({"password": {"$gt": ""}}, "password"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 7}, "name"),
        ({"colour": "red"}, "colour"),
        ({"options": {"ssl_mode": "maybe"}}, "options.ssl_mode"),
        ({"options": {"ssl_ca": "/etc/ssl/ca.pem"}}, "options.ssl_ca"),
        ({"options": {"ssl_key": "/root/key.pem"}}, "options.ssl_key"),
        ({"options": {"session_time_zone": "Mars/Olympus"}}, "options.session_time_zone"),
        ({"options": {"max_parallel": 0}}, "options.max_parallel"),
        ({"options": {"other": 1}}, "options.other"),
    ],
)
async def test_a_bad_field_is_named(api: Api, changes: dict[str, Any], place: str) -> None:
    response = await api.post("/connections/", connection_body(**changes))
    problem = problem_of(response, 422)
    assert places(problem) == [place]
    assert PASSWORD not in response.text


async def test_a_missing_field_is_named(api: Api) -> None:
    problem = problem_of(await api.post("/connections/", {"db_type": "postgresql"}), 422)
    assert {"name", "host", "database", "username", "password"} <= set(places(problem))


async def test_a_name_is_taken_once(api: Api) -> None:
    await api.make_connection()
    problem = problem_of(await api.post("/connections/", connection_body()), 409)
    assert problem["code"] == "name_taken"
    assert "'warehouse'" in problem["detail"]


async def test_of_many_creations_of_one_name_one_wins(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("/connections/", connection_body()) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 11]


async def test_of_many_renamings_to_one_name_one_wins(api: Api) -> None:
    made = [await api.make_connection(name=f"c{number}") for number in range(6)]
    answers = await asyncio.gather(*(api.put(f"/connections/{one['id']}", {"name": "taken"}) for one in made))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]


async def test_put_changes_what_is_sent_and_leaves_the_rest(api: Api) -> None:
    made = await api.make_connection(options={"ssl_mode": "require", "max_parallel": 9})
    changed = await api.put(f"/connections/{made['id']}", {"name": "renamed"})
    assert changed.status_code == 200
    assert changed.headers["etag"] == '"2"'
    same = {"version", "updated_at", "name"}
    assert {k: v for k, v in changed.json().items() if k not in same} == {
        k: v for k, v in made.items() if k not in same
    }
    assert changed.json()["name"] == "renamed"


async def test_an_object_that_is_sent_replaces_the_whole_one(api: Api) -> None:
    made = await api.make_connection(options={"max_parallel": 9, "ledger_schema": "ledger"})
    changed = await api.put(f"/connections/{made['id']}", {"options": {"max_parallel": 8}})
    assert changed.json()["options"]["max_parallel"] == 8
    assert changed.json()["options"]["ledger_schema"] is None


async def test_null_sets_a_field_back_to_its_default(api: Api) -> None:
    made = await api.make_connection(port=15432, options={"max_parallel": 9})
    changed = await api.put(
        f"/connections/{made['id']}", {"port": None, "options": None, "password": "again"}
    )
    assert changed.json()["port"] == 5432
    assert changed.json()["options"]["max_parallel"] == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "elsewhere.example.com"},
        {"port": 6543},
        {"db_type": "mysql"},
        {"username": "somebody"},
        {"options": {"ssl_mode": "disable"}},
        {"options": {"ssl_ca": PEM}},
    ],
)
async def test_the_stored_password_is_never_sent_to_a_new_place(api: Api, changes: dict[str, Any]) -> None:
    made = await api.make_connection()
    problem = problem_of(await api.put(f"/connections/{made['id']}", changes), 422)
    assert problem["code"] == "password_required"
    assert places(problem) == ["password"]
    assert (await api.put(f"/connections/{made['id']}", {**changes, "password": "new"})).status_code == 200


async def test_a_private_key_stays_with_its_certificate(api: Api, app: FastAPI) -> None:
    made = await api.make_connection(options={"ssl_cert": PEM, "ssl_key": KEY})
    kept = await api.put(f"/connections/{made['id']}", {"options": {"ssl_cert": PEM, "max_parallel": 2}})
    assert kept.status_code == 200
    services: Services = app.state.services
    stored = (await services.stores.connections.find_where("default", {}))[0]
    assert stored.options.ssl_key_encrypted is not None
    assert services.keyring.decrypt(stored.options.ssl_key_encrypted).reveal() == KEY
    dropped = await api.put(f"/connections/{made['id']}", {"options": {"ssl_cert": PEM, "ssl_key": None}})
    assert problem_of(dropped, 422)["code"] == "password_required"


async def test_becoming_sqlite_drops_the_password(api: Api, app: FastAPI) -> None:
    made = await api.make_connection()
    changes = {"db_type": "sqlite", "database": "x.sqlite", "host": None, "port": None, "username": None}
    assert (await api.put(f"/connections/{made['id']}", changes)).status_code == 200
    services: Services = app.state.services
    assert (await services.stores.connections.find_where("default", {}))[0].password_encrypted is None


async def test_if_match_with_another_version_changes_nothing(api: Api) -> None:
    made = await api.make_connection()
    path = f"/connections/{made['id']}"
    stale = {"If-Match": '"7"'}
    assert problem_of(await api.put(path, {"name": "x"}, headers=stale), 412)["code"] == "version_mismatch"
    problem_of(await api.delete(path, headers=stale), 412)
    assert (await api.put(path, {"name": "x"}, headers={"If-Match": '"1"'})).status_code == 200
    problem_of(await api.put(path, {"name": "y"}, headers={"If-Match": '"1"'}), 412)
    assert (await api.delete(path, headers={"If-Match": "*"})).status_code == 204


async def test_of_concurrent_changes_with_one_etag_one_wins(api: Api) -> None:
    made = await api.make_connection()
    path = f"/connections/{made['id']}"
    answers = await asyncio.gather(
        *(api.put(path, {"name": f"n{n}"}, headers={"If-Match": '"1"'}) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]


async def test_concurrent_changes_without_if_match_all_count(api: Api) -> None:
    made = await api.make_connection()
    path = f"/connections/{made['id']}"
    answers = await asyncio.gather(*(api.put(path, {"database": f"d{n}"}) for n in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await api.get(path)).json()["version"] == 9


async def test_a_deleted_connection_is_gone(api: Api) -> None:
    made = await api.make_connection()
    deleted = await api.delete(f"/connections/{made['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    for answer in (
        await api.get(f"/connections/{made['id']}"),
        await api.put(f"/connections/{made['id']}", {"name": "x"}),
        await api.delete(f"/connections/{made['id']}"),
    ):
        assert problem_of(answer, 404)["code"] == "not_found"


@pytest.mark.parametrize("bad", ["1", "zzzzzzzzzzzzzzzzzzzzzzzz", "%00", "..%2f", NO_ID, NO_ID[:-1]])
async def test_an_id_of_nothing_is_not_found(api: Api, bad: str) -> None:
    problem_of(await api.get(f"/connections/{bad}"), 404)


async def test_lists_are_paged_sorted_and_searched(api: Api) -> None:
    for name in ("b.x", "a.y", "bax", "C"):
        await api.make_connection(name=name)
    listed = await api.get("/connections/", params={"sort": "-name", "limit": 2, "offset": 1})
    assert [one["name"] for one in listed.json()] == ["b.x", "a.y"]
    assert listed.headers["x-total-count"] == "4"
    found = await api.get("/connections/", params={"q": ".", "sort": "name"})
    assert [one["name"] for one in found.json()] == ["a.y", "b.x"]
    assert found.headers["x-total-count"] == "2"
    assert [one["name"] for one in (await api.get("/connections/", params={"q": "c"})).json()] == ["C"]
    oldest_first = [one["name"] for one in (await api.get("/connections/")).json()]
    assert oldest_first == ["b.x", "a.y", "bax", "C"]


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"offset": -1}, {"sort": "password"}, {"q": "\0"}],
)
async def test_a_bad_list_parameter_is_named(api: Api, query: dict[str, Any]) -> None:
    problem = problem_of(await api.get("/connections/", params=query), 422)
    assert places(problem) == list(query)


async def test_a_secret_that_no_key_opens_marks_its_connection_and_nothing_else(
    api: Api, database: Database
) -> None:
    broken = await api.make_connection(name="broken")
    await api.make_connection(name="whole")
    foreign = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    await database["connections"].update_one({"name": "broken"}, {"$set": {"password_encrypted": foreign}})
    listed = {one["name"]: one for one in (await api.get("/connections/")).json()}
    assert {name: one["status"] for name, one in listed.items()} == {
        "broken": "secret_unreadable",
        "whole": "ok",
    }
    assert listed["broken"]["warnings"][0]["code"] == "secret_unreadable"
    problem = problem_of(await api.post(f"/connections/{broken['id']}/test"), 422)
    assert problem["code"] == "secret_unreadable"
    assert (await api.put(f"/connections/{broken['id']}", {"password": "new"})).json()["status"] == "ok"


async def test_a_connection_in_use_names_its_mapping(api: Api) -> None:
    source = await api.make_sqlite()
    await api.make_mapping(name="nightly load", source_connection_id=source["id"])
    problem = problem_of(await api.delete(f"/connections/{source['id']}"), 409)
    assert problem["code"] == "referenced"
    assert "'nightly load'" in problem["detail"]
