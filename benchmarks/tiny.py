"""Mappings that move one row from SQLite to SQLite: runs that cost little, for what is not about rows."""

import contextlib
import sqlite3
from pathlib import Path

from benchmarks.engine import Engine
from local_servers import Database

TENANT = "default"


def create_tiny_mappings(engine: Engine, count: int) -> list[str]:
    """Return the ids of new mappings, each with a target table of its own."""
    root = engine.installation.sqlite_root / TENANT
    root.mkdir(parents=True, exist_ok=True)
    source, target = new_file(root / "source.sqlite3"), new_file(root / "target.sqlite3")
    schema = engine.api.post(
        "/schemas/", {"name": "one column", "columns": [{"name": "a", "data_type": "integer"}]}
    )
    bodies = [
        {
            "name": f"tiny {number}",
            "source_connection_id": engine.connection(source),
            "source_query": "SELECT 1 AS a",
            "target_schema_id": schema["id"],
            "target_connection_id": engine.connection(target),
            "target_table": f"tiny_{number}",
        }
        for number in range(count)
    ]
    return [engine.api.post("/mappings/", body)["id"] for body in bodies]


def new_file(path: Path) -> Database:
    with contextlib.closing(sqlite3.connect(path)):
        return Database("sqlite", path.name, path=path)
