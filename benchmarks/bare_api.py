"""The least that FastAPI and PyMongo need for the requests of the API benchmark: its 1.00.

`python -m benchmarks.bare_api`, with BARE_MONGODB_URL and BARE_PORT in the environment.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import uvicorn
from bson import ObjectId
from fastapi import Body, FastAPI, HTTPException, Response
from pydantic import BaseModel
from pymongo import AsyncMongoClient, ReturnDocument


class ColumnBody(BaseModel):
    name: str
    data_type: str
    nullable: bool = True
    primary_key: bool = False


class SchemaBody(BaseModel):
    name: str
    description: str | None = None
    columns: list[ColumnBody]


class SchemaChange(BaseModel):
    description: str


class SchemaAnswer(SchemaBody):
    id: str
    version: int
    created_at: datetime
    updated_at: datetime


def create_app(mongodb_url: str) -> FastAPI:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_url, tz_aware=True, w="majority")
    schemas = client["bare_api"]["schemas"]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await schemas.create_index("name", unique=True)
        yield
        await client.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    @app.post("/schemas/", status_code=201)
    async def create(body: Annotated[SchemaBody, Body()]) -> SchemaAnswer:
        now = datetime.now(UTC)
        stored = {**body.model_dump(), "version": 1, "created_at": now, "updated_at": now}
        await schemas.insert_one(stored)
        return answer(stored)

    @app.get("/schemas/")
    async def list_page(response: Response, limit: int = 100, offset: int = 0) -> list[SchemaAnswer]:
        cursor = schemas.find({}).sort("created_at", 1).skip(offset).limit(limit)
        page = [answer(stored) async for stored in cursor]
        response.headers["X-Total-Count"] = str(await schemas.count_documents({}))
        return page

    @app.get("/schemas/{schema_id}")
    async def read(schema_id: str) -> SchemaAnswer:
        return answer(await schemas.find_one({"_id": ObjectId(schema_id)}))

    @app.put("/schemas/{schema_id}")
    async def update(schema_id: str, change: Annotated[SchemaChange, Body()]) -> SchemaAnswer:
        changes = {"description": change.description, "updated_at": datetime.now(UTC)}
        stored = await schemas.find_one_and_update(
            {"_id": ObjectId(schema_id)},
            {"$set": changes, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return answer(stored)

    return app


def answer(stored: dict[str, Any] | None) -> SchemaAnswer:
    if stored is None:
        raise HTTPException(404)
    return SchemaAnswer(id=str(stored["_id"]), **{k: v for k, v in stored.items() if k != "_id"})


def main() -> None:
    app = create_app(os.environ["BARE_MONGODB_URL"])
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BARE_PORT"]), log_level="warning")


if __name__ == "__main__":
    main()
