"""The sample data: there after one call, the same after many, and it teaches what it is meant to teach."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from shared.documents.base import DEFAULT_TENANT
from tests.integration.config_api.documents import Api, Body, problem_of, sqlite_body

FILE = "sample-shop.sqlite"


async def test_one_call_makes_the_file_and_its_connection(api: Api) -> None:
    answer = await api.post("/connections/sample")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/connections/{made['id']}"
    assert (made["name"], made["db_type"], made["database"]) == ("Sample shop", "sqlite", FILE)
    tables = (await api.get(f"/connections/{made['id']}/tables")).json()
    assert [table["name"] for table in tables] == ["orders", "products"]
    assert (await api.post(f"/connections/{made['id']}/test")).json()["success"]


async def test_its_rows_can_be_joined_and_split_and_one_amount_is_none(api: Api) -> None:
    made = (await api.post("/connections/sample")).json()
    asked: Body = {
        "source_connection_id": made["id"],
        "source_query": "SELECT id, first_name, last_name, place, amount FROM orders ORDER BY id",
        "limit": 100,
        "target_columns": [
            {"name": "full_name", "data_type": "string"},
            {"name": "city", "data_type": "string"},
            {"name": "country", "data_type": "string", "length": 2},
            {"name": "amount", "data_type": "decimal", "precision": 10, "scale": 2},
        ],
        "column_mappings": [
            {
                "type": "join",
                "source_columns": ["first_name", "last_name"],
                "target_fields": ["full_name"],
                "config": {"separator": " "},
            },
            {
                "type": "split",
                "source_columns": ["place"],
                "target_fields": ["city", "country"],
                "config": {"delimiter": ", "},
            },
            {"type": "direct", "source_columns": ["amount"], "target_fields": ["amount"]},
        ],
    }
    target = (await api.post("/mappings/preview", asked)).json()["target"]
    first = {"full_name": "Ada Lovelace", "city": "London", "country": "GB", "amount": "19.90"}
    assert target["rows"][0] == first
    assert [(error["row"], error["target_field"]) for error in target["errors"]] == [(7, "amount")]


async def test_more_calls_change_nothing(api: Api, sqlite_root: Path) -> None:
    made = (await api.post("/connections/sample")).json()
    renamed = await api.put(f"/connections/{made['id']}", {"name": "my shop"})
    path = sqlite_root / DEFAULT_TENANT / FILE
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM orders WHERE id > 1")
        database.execute("DROP TABLE products")
        database.commit()
    again = await api.post("/connections/sample")
    assert (again.status_code, again.json()) == (200, renamed.json())
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM products").fetchone() == (4,)


async def test_calls_at_the_same_time_make_one(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("/connections/sample") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await api.get("/connections/")).json()) == 1


async def test_a_name_or_file_that_is_taken_is_left_alone(api: Api, sqlite_root: Path) -> None:
    await api.make_sqlite(**sqlite_body(name="Sample shop"))
    assert problem_of(await api.post("/connections/sample"), 409)["code"] == "name_taken"
    path = sqlite_root / DEFAULT_TENANT / FILE
    path.write_bytes(b"notes, not a database" * 100)
    assert problem_of(await api.post("/connections/sample"), 409)["code"] == "sample_file_unusable"
    assert path.read_bytes().startswith(b"notes")
