"""Mappings and their column mappings: references, rules, versions."""

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from tests.integration.config_api.documents import Api, Body, places, problem_of, schema_body

Database = AsyncDatabase[dict[str, Any]]
NO_ID = "0" * 24
DIRECT_ID = {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]}
DIRECT_LABEL = {"type": "direct", "source_columns": ["label"], "target_fields": ["label"]}
JOIN_LABEL = {
    "type": "join",
    "source_columns": ["a", "b"],
    "target_fields": ["label"],
    "config": {"separator": " "},
}


async def test_a_mapping_reads_back_with_its_defaults(api: Api) -> None:
    body = await api.mapping_body()
    created = await api.post("/mappings/", body)
    made = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/api/v1/mappings/{made['id']}"
    assert made["target_connection_id"] is None
    assert made["target_table"] == "schema of flights nightly"
    assert made["write_mode"] == "replace"
    assert made["key_columns"] == ["id"]
    assert made["on_error"] == {"policy": "fail", "max_rows": None, "max_percent": None}
    assert made["guards"] == {"min_rows": None, "max_change_percent": None, "allow_empty": False}
    assert made["retry"] == {"max_attempts": 3, "backoff_seconds": 10.0}
    assert (made["take_over_table"], made["timeout_seconds"], made["notify"]) == (False, 21600, [])
    assert made["problems"] == []
    assert (await api.get(f"/mappings/{made['id']}")).json() == made
    listed = await api.get("/mappings/")
    assert (listed.json(), listed.headers["x-total-count"]) == ([made], "1")


@pytest.mark.parametrize("field", ["source_connection_id", "target_schema_id", "target_connection_id"])
async def test_a_reference_to_nothing_is_invalid(api: Api, field: str) -> None:
    body = await api.mapping_body()
    problem = problem_of(await api.post("/mappings/", {**body, field: NO_ID}), 422)
    assert (problem["code"], places(problem)) == ("unknown_reference", [field])
    malformed = problem_of(await api.post("/mappings/", {**body, field: "12"}), 422)
    assert places(malformed) == [field]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM flights",
        "SELECT 1; DROP TABLE flights",
        "WITH gone AS (DELETE FROM flights RETURNING *) SELECT * FROM gone",
        "not sql at all (",
        "",
    ],
)
async def test_only_one_reading_query_is_saved(api: Api, query: str) -> None:
    problem = problem_of(await api.post("/mappings/", await api.mapping_body(source_query=query)), 422)
    assert places(problem) == ["source_query"]
    made = await api.make_mapping(name="good")
    problem_of(await api.put(f"/mappings/{made['id']}", {"source_query": query}), 422)


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        ({"key_columns": ["nope"]}, "key_columns.0", "unknown_key_column"),
        ({"write_mode": "merge"}, "write_mode", None),
        (
            {"write_mode": "replace", "incremental": {"cursor_column": "id"}},
            "write_mode",
            "incremental_replace",
        ),
        (
            {"incremental": {"cursor_column": "id", "initial_value": "yesterday"}},
            "incremental.initial_value",
            None,
        ),
        ({"incremental": {}}, "incremental.cursor_column", "missing"),
        ({"source_query": "SELECT {{low}} AS id"}, "source_query", "window_without_incremental"),
        ({"on_error": {"max_rows": 5}}, "on_error.policy", None),
        ({"guards": {"min_rows": -1}}, "guards.min_rows", None),
        ({"timeout_seconds": 0}, "timeout_seconds", None),
        ({"notify": ["ftp://example.com/x"]}, "notify.0", None),
        ({"notify": ["https://me:secret@example.com/x"]}, "notify.0", None),
        ({"notify": ["mailto:a@example.com,b@example.com"]}, "notify.0", None),
        ({"notify": ["https://example.com/x", "mailto:a@example.com?bcc=b@example.com"]}, "notify.1", None),
        ({"key_columns": ["id", "id"]}, "key_columns", None),
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts", None),
        ({"surprise": 1}, "surprise", "extra_forbidden"),
    ],
)
async def test_a_bad_field_is_named(api: Api, changes: Body, place: str, code: str | None) -> None:
    problem = problem_of(await api.post("/mappings/", await api.mapping_body(**changes)), 422)
    assert places(problem) == [place]
    if code is not None:
        assert problem["errors"][0]["type"] == code


async def test_upsert_and_lookback_need_keys(api: Api) -> None:
    keyless = await api.make_schema(name="keyless", columns=[{"name": "id", "data_type": "integer"}])
    body = await api.mapping_body(target_schema_id=keyless["id"], write_mode="upsert")
    assert problem_of(await api.post("/mappings/", body), 422)["code"] == "missing_key"
    late = {"cursor_column": "id", "lookback": 60}
    body |= {"write_mode": None, "incremental": late}
    assert problem_of(await api.post("/mappings/", body), 422)["code"] == "lookback_needs_key"
    made = await api.make("/mappings/", body | {"key_columns": ["id"]})
    assert made["write_mode"] == "upsert"


async def test_incremental_without_keys_appends(api: Api) -> None:
    keyless = await api.make_schema(name="keyless", columns=[{"name": "id", "data_type": "integer"}])
    made = await api.make_mapping(
        target_schema_id=keyless["id"],
        source_query="SELECT 1 AS id WHERE 1 > {{low}}",
        incremental={"cursor_column": "id", "initial_value": "0"},
    )
    assert made["write_mode"] == "append"


async def test_a_replaced_table_has_one_mapping(api: Api) -> None:
    first = await api.make_mapping(name="first", target_table="flights")
    second = await api.mapping_body(name="second", target_table="flights")
    problem = problem_of(await api.post("/mappings/", second), 409)
    assert (problem["code"], "'first'" in problem["detail"]) == ("target_table_taken", True)
    problem_of(await api.post("/mappings/", second | {"write_mode": "append"}), 409)
    await api.put(f"/mappings/{first['id']}", {"write_mode": "append"})
    other = await api.make("/mappings/", second | {"write_mode": "append"})
    problem_of(await api.put(f"/mappings/{other['id']}", {"write_mode": "replace"}), 409)
    assert (await api.put(f"/mappings/{other['id']}", {"target_table": "elsewhere"})).status_code == 200
    assert (await api.put(f"/mappings/{other['id']}", {"write_mode": "replace"})).status_code == 200


async def test_of_many_mappings_that_replace_one_table_one_is_saved(api: Api) -> None:
    base = await api.mapping_body()
    bodies = [base | {"name": f"m{number}", "target_table": "contested"} for number in range(6)]
    answers = await asyncio.gather(*(api.post("/mappings/", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]


async def test_renaming_a_schema_onto_a_replaced_table_is_refused(api: Api) -> None:
    await api.make_mapping(name="first", target_table="flights")
    schema = await api.make_schema(name="planes")
    await api.make_mapping(name="second", target_schema_id=schema["id"])
    problem = problem_of(await api.put(f"/schemas/{schema['id']}", {"name": "flights"}), 409)
    assert problem["code"] == "target_table_taken"
    assert (await api.get(f"/schemas/{schema['id']}")).json()["name"] == "planes"


@pytest.mark.parametrize("kind", ["connections", "schemas"])
async def test_a_delete_that_races_with_a_reference_leaves_nothing_dangling(api: Api, kind: str) -> None:
    for number in range(8):
        body = await api.mapping_body(name=f"m{number}")
        field = {"connections": "source_connection_id", "schemas": "target_schema_id"}[kind]
        deleted, created = await asyncio.gather(
            api.delete(f"/{kind}/{body[field]}"), api.post("/mappings/", body)
        )
        assert (deleted.status_code, created.status_code) in {(204, 422), (409, 201)}


async def test_a_mapping_in_use_names_its_schedule(api: Api) -> None:
    made = await api.make_mapping()
    await api.make_schedule(made["id"], name="every night")
    problem = problem_of(await api.delete(f"/mappings/{made['id']}"), 409)
    assert "'every night'" in problem["detail"]


async def test_a_mapping_with_an_unfinished_run_stays(api: Api) -> None:
    made = await api.make_mapping()
    assert (await api.post(f"/mappings/{made['id']}/run")).status_code == 202
    assert problem_of(await api.delete(f"/mappings/{made['id']}"), 409)["code"] == "referenced"


async def test_of_a_run_and_a_delete_at_once_one_happens(api: Api) -> None:
    for number in range(6):
        made = await api.make_mapping(name=f"m{number}")
        path = f"/mappings/{made['id']}"
        deleted, queued = await asyncio.gather(api.delete(path), api.post(f"{path}/run"))
        assert (deleted.status_code, queued.status_code) in {(204, 404), (409, 202)}


async def test_column_mappings_go_with_their_mapping(api: Api, database: Database) -> None:
    made = await api.make_mapping()
    path = f"/mappings/{made['id']}"
    await api.post(f"{path}/column-mappings", [DIRECT_ID, JOIN_LABEL])
    assert (await api.delete(path)).status_code == 204
    assert await database["column_mappings"].count_documents({}) == 0
    problem_of(await api.get(f"{path}/column-mappings"), 404)


async def test_column_mappings_are_added_one_or_several_and_keep_their_order(api: Api) -> None:
    made = await api.make_mapping()
    path = f"/mappings/{made['id']}/column-mappings"
    one = await api.post(path, JOIN_LABEL)
    assert (one.status_code, one.headers["etag"]) == (201, '"2"')
    assert one.json()[0]["config"] == {"separator": " ", "on_null": "skip"}
    several = await api.post(path, [DIRECT_ID])
    assert [spec["target_fields"] for spec in several.json()] == [["id"]]
    listed = await api.get(path)
    assert [spec["type"] for spec in listed.json()] == ["join", "direct"]
    assert listed.headers["etag"] == '"3"'
    assert (await api.get(f"/mappings/{made['id']}")).json()["version"] == 3


async def test_of_a_list_with_one_fault_nothing_is_added(api: Api) -> None:
    made = await api.make_mapping()
    path = f"/mappings/{made['id']}/column-mappings"
    unknown = {**DIRECT_LABEL, "target_fields": ["nope"]}
    problem = problem_of(await api.post(path, [DIRECT_ID, unknown]), 422)
    assert (problem["code"], places(problem)) == ("unknown_target_field", ["1.target_fields.0"])
    assert "'nope'" in problem["detail"]
    assert (await api.get(path)).json() == []
    assert (await api.get(f"/mappings/{made['id']}")).json()["version"] == 1


async def test_a_target_field_is_filled_once(api: Api) -> None:
    made = await api.make_mapping()
    path = f"/mappings/{made['id']}/column-mappings"
    assert (await api.post(path, DIRECT_LABEL)).status_code == 201
    problem = problem_of(await api.post(path, [DIRECT_ID, JOIN_LABEL]), 422)
    assert places(problem) == ["1.target_fields.0"]


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({**DIRECT_ID, "type": "lookup"}, "0"),
        ({**DIRECT_ID, "source_columns": []}, "0.direct.source_columns"),
        ({**DIRECT_ID, "source_columns": ["a", "b"]}, "0.direct.source_columns"),
        ({**DIRECT_ID, "config": {"delimiter": ","}}, "0.direct.config.delimiter"),
        ({**JOIN_LABEL, "config": {}}, "0.join.config.separator"),
        ({**JOIN_LABEL, "source_columns": ["a"]}, "0.join.source_columns"),
        ({"type": "split", "source_columns": ["a"], "target_fields": ["id", "label"]}, "0.split.config"),
        (
            {
                "type": "split",
                "source_columns": ["a"],
                "target_fields": ["label"],
                "config": {"delimiter": ","},
            },
            "0.split.target_fields",
        ),
    ],
)
async def test_a_bad_column_mapping_is_named(api: Api, spec: Body, place: str) -> None:
    made = await api.make_mapping()
    problem = problem_of(await api.post(f"/mappings/{made['id']}/column-mappings", [spec]), 422)
    assert places(problem) == [place]


async def test_put_replaces_the_whole_set_and_delete_takes_one(api: Api) -> None:
    made = await api.make_mapping()
    path = f"/mappings/{made['id']}/column-mappings"
    await api.post(path, [DIRECT_ID, JOIN_LABEL])
    replaced = await api.put(path, [DIRECT_ID, DIRECT_LABEL])
    assert [spec["type"] for spec in replaced.json()] == ["direct", "direct"]
    gone = replaced.json()[0]["id"]
    deleted = await api.delete(f"{path}/{gone}")
    assert (deleted.status_code, deleted.headers["etag"]) == (204, '"4"')
    problem_of(await api.delete(f"{path}/{gone}"), 404)
    assert [spec["target_fields"] for spec in (await api.get(path)).json()] == [["label"]]
    assert (await api.put(path, [])).json() == []


async def test_column_mappings_share_the_mappings_etag(api: Api) -> None:
    made = await api.make_mapping()
    path = f"/mappings/{made['id']}/column-mappings"
    first = {"If-Match": '"1"'}
    assert (await api.post(path, DIRECT_ID, headers=first)).status_code == 201
    problem_of(await api.post(path, DIRECT_LABEL, headers=first), 412)
    problem_of(await api.put(path, [], headers=first), 412)
    problem_of(await api.put(f"/mappings/{made['id']}", {"name": "x"}, headers=first), 412)
    answers = await asyncio.gather(
        *(api.post(path, spec, headers={"If-Match": '"2"'}) for spec in (DIRECT_LABEL, JOIN_LABEL))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 412]


async def test_an_unfilled_required_field_is_a_problem_until_it_is_filled(api: Api) -> None:
    made = await api.make_mapping()
    path = f"/mappings/{made['id']}"
    await api.post(f"{path}/column-mappings", DIRECT_LABEL)
    problems = (await api.get(path)).json()["problems"]
    assert [problem["code"] for problem in problems] == ["required_field_unfilled"]
    assert "'id'" in problems[0]["message"]
    refused = problem_of(await api.post(f"{path}/run"), 422)
    assert (refused["code"], "'id'" in refused["detail"]) == ("mapping_incomplete", True)
    await api.post(f"{path}/column-mappings", DIRECT_ID)
    assert (await api.get(path)).json()["problems"] == []


async def test_each_change_stores_a_version_that_never_changes(api: Api) -> None:
    made = await api.make_mapping(source_query="SELECT 1 AS id")
    path = f"/mappings/{made['id']}"
    await api.put(path, {"source_query": "SELECT 2 AS id"})
    await api.post(f"{path}/column-mappings", DIRECT_ID)
    listed = await api.get(f"{path}/versions")
    versions = listed.json()
    assert listed.headers["x-total-count"] == "3"
    assert [version["version"] for version in versions] == [3, 2, 1]
    assert [version["source_query"] for version in versions] == ["SELECT 2 AS id"] * 2 + ["SELECT 1 AS id"]
    assert [len(version["column_mappings"]) for version in versions] == [1, 0, 0]
    run = (await api.post(f"{path}/run")).json()
    assert run["mapping_version"] == 3


async def test_pointing_at_a_schema_without_a_filled_field_is_refused(api: Api) -> None:
    made = await api.make_mapping()
    await api.post(f"/mappings/{made['id']}/column-mappings", DIRECT_LABEL)
    other = await api.make_schema(name="other", columns=schema_body()["columns"][:1])
    problem = problem_of(await api.put(f"/mappings/{made['id']}", {"target_schema_id": other["id"]}), 422)
    assert problem["code"] == "unknown_target_field"


async def test_null_sets_a_mappings_field_back_to_its_default(api: Api) -> None:
    made = await api.make_mapping(
        write_mode="append",
        target_table="t",
        timeout_seconds=5,
        notify=["https://x.org/a?b=c@d", "mailto:ops@x.org"],
    )
    changes = {"write_mode": None, "target_table": None, "timeout_seconds": None, "notify": None}
    changed = (await api.put(f"/mappings/{made['id']}", changes)).json()
    assert (changed["write_mode"], changed["timeout_seconds"], changed["notify"]) == ("replace", 21600, [])
    assert changed["target_table"] == "schema of flights nightly"
    problem = problem_of(await api.put(f"/mappings/{made['id']}", {"source_query": None}), 422)
    assert places(problem) == ["source_query"]
