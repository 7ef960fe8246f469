"""Schemas: declared columns, and how they may change."""

import asyncio
from typing import Any

import pytest

from tests.integration.config_api.documents import Api, Body, places, problem_of, schema_body

DECIMAL = {"name": "price", "data_type": "decimal", "precision": 12, "scale": 2}


def columns_with(*more: Body) -> list[Body]:
    return [*schema_body()["columns"], *more]


async def test_a_schema_reads_back_with_its_defaults(api: Api) -> None:
    made = await api.make_schema(columns=columns_with(DECIMAL), description="what flies")
    assert made["columns"][1] == {
        "name": "label",
        "data_type": "string",
        "nullable": True,
        "primary_key": False,
        "precision": None,
        "scale": None,
        "length": None,
    }
    assert (await api.get(f"/schemas/{made['id']}")).json() == made


@pytest.mark.parametrize(
    "data_type",
    [
        *("string", "integer", "float", "boolean", "date", "timestamp"),
        *("time", "timestamptz", "binary", "json", "uuid"),
    ],
)
async def test_every_data_type_is_taken(api: Api, data_type: str) -> None:
    await api.make_schema(columns=[{"name": "a", "data_type": data_type}])


@pytest.mark.parametrize(
    ("column", "place"),
    [
        ({"name": "a", "data_type": "decimal"}, "columns.0.precision"),
        ({"name": "a", "data_type": "decimal", "precision": 10}, "columns.0.scale"),
        ({"name": "a", "data_type": "decimal", "precision": 2, "scale": 3}, "columns.0.scale"),
        ({"name": "a", "data_type": "decimal", "precision": 0, "scale": 0}, "columns.0.precision"),
        ({"name": "a", "data_type": "integer", "precision": 10}, "columns.0.precision"),
        ({"name": "a", "data_type": "integer", "length": 10}, "columns.0.length"),
        ({"name": "a", "data_type": "string", "length": 0}, "columns.0.length"),
        ({"name": "a", "data_type": "money"}, "columns.0.data_type"),
        ({"name": "a", "data_type": "string", "nullable": "yes"}, "columns.0.nullable"),
        ({"name": "a", "data_type": "string", "colour": 1}, "columns.0.colour"),
        ({"name": "", "data_type": "string"}, "columns.0.name"),
        ({"name": "a\nb", "data_type": "string"}, "columns.0.name"),
        ({"name": "a" * 64, "data_type": "string"}, "columns.0.name"),
        ({"data_type": "string"}, "columns.0.name"),
    ],
)
async def test_a_bad_column_is_named(api: Api, column: Body, place: str) -> None:
    problem = problem_of(await api.post("/schemas/", schema_body(columns=[column])), 422)
    assert place in places(problem)


async def test_an_empty_schema_and_names_that_differ_in_case_only_are_refused(api: Api) -> None:
    assert places(problem_of(await api.post("/schemas/", schema_body(columns=[])), 422)) == ["columns"]
    twice = columns_with({"name": "LABEL", "data_type": "string"})
    problem = problem_of(await api.post("/schemas/", schema_body(columns=twice)), 422)
    assert "'LABEL'" in problem["errors"][0]["msg"]


async def test_names_are_unique_under_concurrency(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("/schemas/", schema_body()) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]


WIDE = {"name": "price", "data_type": "decimal", "precision": 14, "scale": 3}


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(
            columns_with(DECIMAL, {"name": "note", "data_type": "string"}), id="nullable column added"
        ),
        pytest.param(columns_with(WIDE), id="precision and scale widened"),
        pytest.param(columns_with(), id="unused column removed"),
        pytest.param(
            [{**schema_body()["columns"][0], "nullable": True}, *columns_with(DECIMAL)[1:]],
            id="required made nullable",
        ),
    ],
)
async def test_a_schema_may_widen(api: Api, columns: list[Body]) -> None:
    made = await api.make_schema(columns=columns_with(DECIMAL))
    changed = await api.put(f"/schemas/{made['id']}", {"columns": columns})
    assert changed.status_code == 200, changed.text
    assert [column["name"] for column in changed.json()["columns"]] == [column["name"] for column in columns]


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ({"name": "price", "data_type": "float"}, "column_type_changed"),
        ({**DECIMAL, "precision": 11}, "column_narrowed"),
        ({**DECIMAL, "scale": 1}, "column_narrowed"),
        ({**DECIMAL, "scale": 3}, "column_narrowed"),
        ({**DECIMAL, "nullable": False}, "column_narrowed"),
        ({**DECIMAL, "primary_key": True}, "column_key_changed"),
        ({"name": "new", "data_type": "string", "nullable": False}, "required_column_added"),
    ],
)
async def test_a_schema_never_narrows(api: Api, column: Body, code: str) -> None:
    made = await api.make_schema(columns=columns_with(DECIMAL))
    problem = problem_of(await api.put(f"/schemas/{made['id']}", {"columns": columns_with(column)}), 409)
    assert problem["code"] == code
    assert f"'{column['name']}'" in problem["detail"]


async def test_text_may_become_longer_but_not_shorter(api: Api) -> None:
    made = await api.make_schema(columns=[{"name": "a", "data_type": "string", "length": 10}])
    path = f"/schemas/{made['id']}"
    for length, status in ((20, 200), (10, 409), (None, 200), (50, 409)):
        column: dict[str, Any] = {"name": "a", "data_type": "string", "length": length}
        assert (await api.put(path, {"columns": [column]})).status_code == status


async def test_a_column_that_a_column_mapping_fills_stays(api: Api) -> None:
    schema = await api.make_schema()
    mapping = await api.make_mapping(target_schema_id=schema["id"])
    spec = {"type": "direct", "source_columns": ["x"], "target_fields": ["label"]}
    assert (await api.post(f"/mappings/{mapping['id']}/column-mappings", spec)).status_code == 201
    only_id = {"columns": schema_body()["columns"][:1]}
    problem = problem_of(await api.put(f"/schemas/{schema['id']}", only_id), 409)
    assert problem["code"] == "column_in_use"
    assert "'label'" in problem["detail"]


async def test_a_schema_in_use_names_its_mapping(api: Api) -> None:
    schema = await api.make_schema()
    await api.make_mapping(name="loads flights", target_schema_id=schema["id"])
    problem = problem_of(await api.delete(f"/schemas/{schema['id']}"), 409)
    assert (problem["code"], "'loads flights'" in problem["detail"]) == ("referenced", True)


async def test_a_changed_schema_gives_its_mappings_a_new_version(api: Api) -> None:
    schema = await api.make_schema()
    mapping = await api.make_mapping(target_schema_id=schema["id"])
    more = {"columns": columns_with({"name": "note", "data_type": "string"})}
    assert (await api.put(f"/schemas/{schema['id']}", more)).status_code == 200
    versions = (await api.get(f"/mappings/{mapping['id']}/versions")).json()
    assert [version["version"] for version in versions] == [2, 1]
    assert [len(version["columns"]) for version in versions] == [3, 2]
    assert (await api.get(f"/mappings/{mapping['id']}")).json()["version"] == 2


async def test_a_description_alone_gives_no_mapping_a_new_version(api: Api) -> None:
    schema = await api.make_schema()
    mapping = await api.make_mapping(target_schema_id=schema["id"])
    assert (await api.put(f"/schemas/{schema['id']}", {"description": "new"})).status_code == 200
    assert (await api.get(f"/mappings/{mapping['id']}")).json()["version"] == 1


async def test_inferring_wants_a_query_or_a_table(api: Api) -> None:
    source = await api.make_sqlite()
    for more in ({}, {"query": "SELECT 1", "table": "t"}):
        problem_of(await api.post("/schemas/infer", {"connection_id": source["id"], **more}), 422)
    unknown = {"connection_id": "0" * 24, "table": "t"}
    problem = problem_of(await api.post("/schemas/infer", unknown), 422)
    assert (problem["code"], places(problem)) == ("unknown_reference", ["connection_id"])
