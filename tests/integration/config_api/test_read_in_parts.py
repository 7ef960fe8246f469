"""A mapping's `read_in_parts`: who may have it, what is kept of it, what a plan says of it."""

from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from local_servers import Database
from tests.integration.config_api.documents import Api, Body, places, problem_of

PARTS = {"column": "id", "parts": 4}


async def mapping_of_postgresql(api: Api, **changes: Any) -> Body:
    source = await api.make_connection(name="of a server")
    return await api.make_mapping(source_connection_id=source["id"], **changes)


async def test_nothing_is_read_in_parts_unless_it_is_said(
    api: Api, database: AsyncDatabase[dict[str, Any]]
) -> None:
    made = await api.make_mapping()
    assert made["read_in_parts"] is None
    versions = f"/mappings/{made['id']}/versions"
    assert (await api.get(versions)).json()[0]["read_in_parts"] is None
    # As a version without the field has stored it.
    of_mapping = {"_id": ObjectId(made["id"])}
    await database["mappings"].update_one(of_mapping, {"$unset": {"read_in_parts": ""}})
    await database["mapping_versions"].update_many({}, {"$unset": {"mapping.read_in_parts": ""}})
    assert (await api.get(f"/mappings/{made['id']}")).json()["read_in_parts"] is None
    assert (await api.get(versions)).json()[0]["read_in_parts"] is None
    renamed = await api.put(f"/mappings/{made['id']}", {"name": "renamed"})
    assert (renamed.status_code, renamed.json()["read_in_parts"]) == (200, None)


async def test_it_stays_when_other_fields_are_changed_and_goes_with_null(api: Api) -> None:
    made = await mapping_of_postgresql(api, read_in_parts=PARTS)
    path = f"/mappings/{made['id']}"
    assert made["read_in_parts"] == PARTS
    renamed = (await api.put(path, {"name": "renamed"})).json()
    assert renamed["read_in_parts"] == PARTS
    fewer = (await api.put(path, {"read_in_parts": PARTS | {"parts": 2}})).json()
    assert fewer["read_in_parts"]["parts"] == 2
    assert (await api.put(path, {"read_in_parts": None})).json()["read_in_parts"] is None
    versions = (await api.get(f"{path}/versions")).json()
    assert [version["read_in_parts"] for version in versions] == [None, PARTS | {"parts": 2}, PARTS, PARTS]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"parts": 4}, "read_in_parts.column"),
        ({"column": "id"}, "read_in_parts.parts"),
        ({"column": "", "parts": 4}, "read_in_parts.column"),
        ({"column": "a\0b", "parts": 4}, "read_in_parts.column"),
        ({"column": "id", "parts": 1}, "read_in_parts.parts"),
        ({"column": "id", "parts": 9}, "read_in_parts.parts"),
        ({"column": "id", "parts": True}, "read_in_parts.parts"),
        ({"column": "id", "parts": "4"}, "read_in_parts.parts"),
        ({"column": "id", "parts": 4, "more": 1}, "read_in_parts.more"),
        (4, "read_in_parts"),
    ],
)
async def test_a_bad_value_is_named(api: Api, value: Any, place: str) -> None:
    source = await api.make_connection(name="of a server")
    body = await api.mapping_body(source_connection_id=source["id"], read_in_parts=value)
    assert places(problem_of(await api.post("/mappings/", body), 422)) == [place]


async def test_the_source_must_be_postgresql_at_every_save(api: Api) -> None:
    body = await api.mapping_body(read_in_parts=PARTS)
    problem = problem_of(await api.post("/mappings/", body), 422)
    assert (problem["code"], places(problem)) == ("parts_need_postgresql", ["read_in_parts"])
    assert "sqlite" in problem["detail"]
    mysql = await api.make_connection(name="mysql", db_type="mysql")
    problem_of(await api.post("/mappings/", body | {"source_connection_id": mysql["id"]}), 422)
    made = await mapping_of_postgresql(api, name="good", read_in_parts=PARTS)
    path = f"/mappings/{made['id']}"
    problem = problem_of(await api.put(path, {"source_connection_id": mysql["id"]}), 422)
    assert problem["code"] == "parts_need_postgresql"
    both = {"source_connection_id": mysql["id"], "read_in_parts": None}
    assert (await api.put(path, both)).status_code == 200
    assert problem_of(await api.put(path, {"read_in_parts": PARTS}), 422)["code"] == "parts_need_postgresql"


async def test_a_source_read_in_parts_stays_postgresql(api: Api) -> None:
    made = await mapping_of_postgresql(api, read_in_parts=PARTS)
    path = f"/connections/{made['source_connection_id']}"
    change = {"db_type": "mysql", "password": "pa55-w0rd-canary"}
    problem = problem_of(await api.put(path, change), 422)
    assert (problem["code"], places(problem)) == ("parts_need_postgresql", ["db_type"])
    assert "'flights nightly'" in problem["detail"]
    assert (await api.put(path, {"database": "other"})).status_code == 200
    await api.put(f"/mappings/{made['id']}", {"read_in_parts": None})
    assert (await api.put(path, change)).status_code == 200


async def test_a_target_of_a_mapping_read_in_parts_may_change(api: Api) -> None:
    target = await api.make_connection(name="target")
    await mapping_of_postgresql(api, read_in_parts=PARTS, target_connection_id=target["id"])
    change = {"db_type": "mysql", "password": "pa55-w0rd-canary"}
    assert (await api.put(f"/connections/{target['id']}", change)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "parts", "reason"),
    [
        ({}, 4, None),
        ({"source_query": "SELECT id, label FROM t LIMIT 5"}, 1, "LIMIT"),
        ({"source_query": "SELECT id, label FROM t WHERE at < now()"}, 1, "now()"),
        ({"write_mode": "upsert", "incremental": {"cursor_column": "id"}}, 1, "ranked"),
    ],
)
async def test_a_plan_says_in_how_many_parts_or_why_not(
    changes: Body, parts: int, reason: str | None, api: Api, postgresql_database: Database
) -> None:
    postgresql_database.execute("CREATE TABLE t (id integer, label text, at timestamptz)")
    source = await api.make("/connections/", postgresql_database.connection_body("source"))
    body = {"source_query": "SELECT id, label FROM t", "source_connection_id": source["id"], **changes}
    made = await api.make_mapping(read_in_parts=PARTS, **body)
    plan = (await api.post(f"/mappings/{made['id']}/plan")).json()
    assert plan["problems"] == []
    assert (plan["read_in_parts"]["column"], plan["read_in_parts"]["parts"]) == ("id", parts)
    assert (reason or "") in (plan["read_in_parts"]["reason"] or "")
    assert (plan["read_in_parts"]["reason"] is None) == (reason is None)
    await api.put(f"/mappings/{made['id']}", {"read_in_parts": None})
    assert (await api.post(f"/mappings/{made['id']}/plan")).json()["read_in_parts"] is None


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("nope", "the query has no column 'nope'"),
        (
            "label",
            "column 'label', by which the source is read in parts, is text; legal types: smallint, integer",
        ),
        ("ratio", "is double precision; legal types"),
    ],
)
async def test_a_plan_names_a_column_that_cannot_cut(
    column: str, said: str, api: Api, postgresql_database: Database
) -> None:
    postgresql_database.execute("CREATE TABLE t (id integer, label text, ratio float)")
    source = await api.make("/connections/", postgresql_database.connection_body("source"))
    made = await api.make_mapping(
        source_query="SELECT id, label, ratio FROM t",
        source_connection_id=source["id"],
        read_in_parts=PARTS | {"column": column},
    )
    plan = (await api.post(f"/mappings/{made['id']}/plan")).json()
    [problem] = plan["problems"]
    assert problem["loc"] == ["read_in_parts", "column"]
    assert said in problem["message"]
