"""Bodies of requests with sound defaults, and a caller that makes what a test needs first."""

import asyncio
from typing import Any

import httpx2
from fastapi import FastAPI

Body = dict[str, Any]
PREFIX = "/api/v1"


async def wait_until_prepared(app: FastAPI) -> None:
    """Return once the API takes requests."""
    async with asyncio.timeout(60):
        await app.state.preparation.done.wait()


class Api:
    """Calls the API below its prefix, and makes documents with only the named fields changed."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **kwargs: Any) -> httpx2.Response:
        return await self.client.get(PREFIX + path, **kwargs)

    async def post(self, path: str, body: Any = None, **kwargs: Any) -> httpx2.Response:
        return await self.client.post(PREFIX + path, json=body, **kwargs)

    async def put(self, path: str, body: Any, **kwargs: Any) -> httpx2.Response:
        return await self.client.put(PREFIX + path, json=body, **kwargs)

    async def delete(self, path: str, **kwargs: Any) -> httpx2.Response:
        return await self.client.delete(PREFIX + path, **kwargs)

    async def make(self, path: str, body: Body) -> Body:
        response = await self.post(path, body)
        assert response.status_code == 201, response.text
        made: Body = response.json()
        return made

    async def make_connection(self, **changes: Any) -> Body:
        return await self.make("/connections/", connection_body(**changes))

    async def make_sqlite(self, **changes: Any) -> Body:
        return await self.make("/connections/", sqlite_body(**changes))

    async def make_schema(self, **changes: Any) -> Body:
        return await self.make("/schemas/", schema_body(**changes))

    async def mapping_body(self, **changes: Any) -> Body:
        """Return the body of a mapping whose references were made for it."""
        body: Body = {"name": "flights nightly", "source_query": "SELECT 1 AS id, 'x' AS label"}
        body.update(changes)
        if "source_connection_id" not in body:
            body["source_connection_id"] = (await self.make_sqlite(name=f"source of {body['name']}"))["id"]
        if "target_schema_id" not in body:
            body["target_schema_id"] = (await self.make_schema(name=f"schema of {body['name']}"))["id"]
        return body

    async def make_mapping(self, **changes: Any) -> Body:
        return await self.make("/mappings/", await self.mapping_body(**changes))

    async def make_schedule(self, mapping_id: str, **changes: Any) -> Body:
        return await self.make("/schedules/", schedule_body(mapping_id, **changes))


def connection_body(**changes: Any) -> Body:
    body: Body = {
        "name": "warehouse",
        "db_type": "postgresql",
        "host": "db.example.com",
        "database": "sales",
        "username": "reader",
        "password": "pa55-w0rd-canary",
    }
    return body | changes


def sqlite_body(**changes: Any) -> Body:
    return {"name": "local file", "db_type": "sqlite", "database": "local.sqlite"} | changes


def schema_body(**changes: Any) -> Body:
    columns = [
        {"name": "id", "data_type": "integer", "nullable": False, "primary_key": True},
        {"name": "label", "data_type": "string"},
    ]
    return {"name": "flights", "columns": columns} | changes


def schedule_body(mapping_id: str, **changes: Any) -> Body:
    return {"name": "nightly", "mapping_id": mapping_id, "cron_expression": "0 2 * * *"} | changes


def problem_of(response: httpx2.Response, status: int) -> Body:
    """Return the problem body of an answer, after looking that it is one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: Body = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


def places(problem: Body) -> list[str]:
    """Return the places of the fields at fault, dotted, without the `body` before them."""
    return [".".join(str(part) for part in error["loc"][1:]) for error in problem["errors"]]
