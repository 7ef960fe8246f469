"""A plan and a preview write nothing, anywhere: catalogs, rows, files and documents are the same before and after."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from local_servers import Database
from tests.integration.config_api.documents import Api, Body

SOURCE = (
    "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, day DATE, note VARCHAR(20))",
    "INSERT INTO orders VALUES (1, '2024-01-02', 'a|b'), (2, NULL, NULL)",
)
COLUMNS = [
    {"name": "id", "data_type": "integer", "nullable": False, "primary_key": True},
    {"name": "day", "data_type": "date"},
    {"name": "first", "data_type": "string"},
    {"name": "rest", "data_type": "integer"},
]
SPECS: list[Body] = [
    {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]},
    {"type": "direct", "source_columns": ["day"], "target_fields": ["day"]},
    {
        "type": "split",
        "source_columns": ["note"],
        "target_fields": ["first", "rest"],
        "config": {"delimiter": "|"},
    },
]
TABLES = {
    "missing": (),
    "with a column to be added": (
        "CREATE TABLE facts (id BIGINT NOT NULL PRIMARY KEY, day {date}, note INTEGER)",
        "INSERT INTO facts VALUES (9, NULL, 7)",
    ),
    "contradicting": ("CREATE TABLE facts (id VARCHAR(9) NOT NULL PRIMARY KEY, rest DATE)",),
}


def snapshot(database: Database) -> object:
    """Return all that a write could change: names, definitions, rows, and when they were last touched."""
    if database.path is not None:
        folder = database.path.parent
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir()
            if not path.name.endswith("-shm") and path.stat().st_size
        }
    if database.flavour == "postgresql":
        return [
            database.rows(f"SELECT xmin::text, c.* FROM {catalog} c ORDER BY {order}")
            for catalog, order in (
                ("(SELECT xmin, oid, relname, relkind, relfilenode FROM pg_class)", "oid"),
                ("(SELECT xmin, attrelid, attname, atttypid FROM pg_attribute)", "attrelid, attname"),
                ("(SELECT xmin, oid, nspname FROM pg_namespace)", "oid"),
            )
        ] + [
            database.rows(f'SELECT xmin::text, ctid::text, t::text FROM public."{name}" t ORDER BY 2')
            for (name,) in database.rows(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            )
        ]
    tables = database.rows(
        "SELECT table_name, create_time, auto_increment FROM information_schema.tables"
        " WHERE table_schema = DATABASE() ORDER BY 1"
    )
    columns = database.rows(
        "SELECT table_name, column_name, column_type FROM information_schema.columns"
        " WHERE table_schema = DATABASE() ORDER BY 1, 2"
    )
    return tables, columns, [database.rows(f"SELECT * FROM `{name}` ORDER BY 1") for name, _, _ in tables]


async def documents(database: AsyncDatabase[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return every document but those that say who asked, and that the service lives."""
    names = set(await database.list_collection_names()) - {"audit", "executors"}
    return {name: [one async for one in database[name].find().sort("_id")] for name in sorted(names)}


@pytest.mark.parametrize("incremental", [False, True])
@pytest.mark.parametrize("table", list(TABLES))
async def test_looking_changes_nothing(
    table: str,
    incremental: bool,
    api: Api,
    database: AsyncDatabase[dict[str, Any]],
    sqlite_database: Database,
    any_database: Database,
) -> None:
    sqlite_database.execute(*SOURCE)
    date = "TEXT" if any_database.path is not None else "DATE"
    any_database.execute(*(statement.format(date=date) for statement in TABLES[table]))
    if table == "missing" and any_database.path is not None:
        any_database.path.unlink(missing_ok=True)
    source = await api.make("/connections/", sqlite_database.connection_body("source"))
    target = await api.make("/connections/", any_database.connection_body("target"))
    schema = await api.make_schema(columns=COLUMNS)
    mapping = await api.make_mapping(
        source_connection_id=source["id"],
        target_connection_id=target["id"],
        target_schema_id=schema["id"],
        target_table="facts",
        source_query="SELECT id, day, note FROM orders",
        write_mode="append" if incremental else "replace",
        **({"incremental": {"cursor_column": "id"}} if incremental else {}),
    )
    answer = await api.post(f"/mappings/{mapping['id']}/column-mappings", SPECS)
    assert answer.status_code == 201, answer.text
    before = snapshot(any_database), snapshot(sqlite_database), await documents(database)

    for _ in range(2):
        plan = await api.post(f"/mappings/{mapping['id']}/plan")
        assert plan.status_code == 200, plan.text
        assert bool(plan.json()["problems"]) == (table == "contradicting"), plan.text
        assert bool(plan.json()["ddl"]) == (table != "contradicting")
        preview = await api.post(
            "/mappings/preview",
            {
                "source_connection_id": source["id"],
                "source_query": "SELECT id, day, note FROM orders",
                "target_schema_id": schema["id"],
                "target_connection_id": target["id"],
                "column_mappings": SPECS,
            },
        )
        assert preview.status_code == 200, preview.text
        assert [error["code"] for error in preview.json()["target"]["errors"]] == ["not_an_integer"]

    assert (snapshot(any_database), snapshot(sqlite_database), await documents(database)) == before


def test_a_snapshot_sees_a_change(any_database: Database, tmp_path: Path) -> None:
    """The comparison itself can fail."""
    any_database.execute("CREATE TABLE facts (id BIGINT)")
    seen = [snapshot(any_database)]
    for statement in (
        "INSERT INTO facts VALUES (1)",
        "ALTER TABLE facts ADD COLUMN other INTEGER",
        "CREATE TABLE more (id BIGINT)",
        "DELETE FROM facts",
    ):
        any_database.execute(statement)
        seen.append(snapshot(any_database))
    assert all(one != other for number, one in enumerate(seen) for other in seen[:number])
