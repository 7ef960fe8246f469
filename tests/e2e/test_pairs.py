"""The main job on every pair of databases: a schedule fires unattended, direct, split and join, exactly."""

from typing import Any

from local_servers import Database
from local_servers.api_client import ApiClient
from tests.conftest import FLAVOURS, DatabaseFactory
from tests.e2e.conftest import StartInstallation

QUERY = (
    "SELECT p.id, p.first_name, p.last_name, p.place, o.amount"
    " FROM people p JOIN orders o ON o.person_id = p.id"
)
COLUMNS = [
    {"name": "id", "data_type": "integer", "nullable": False, "primary_key": True},
    {"name": "full_name", "data_type": "string"},
    {"name": "city", "data_type": "string"},
    {"name": "country", "data_type": "string"},
    {"name": "amount", "data_type": "decimal", "precision": 10, "scale": 2},
]
COLUMN_MAPPINGS = [
    {"type": "direct", "source_columns": ["id"], "target_fields": ["id"]},
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
]
EXPECTED = [
    (1, "Ada Lovelace", "London", "UK", "12.50"),
    (2, "Grace", "Washington", "D.C., US", "0.10"),
    (3, "Émilie du Châtelet", "Paris", None, "7.00"),
]


def test_a_schedule_fills_every_target_from_every_source(
    start_installation: StartInstallation, create_database: DatabaseFactory
) -> None:
    installation = start_installation()
    installation.start()
    databases = {flavour: create_database(flavour) for flavour in FLAVOURS}
    api = installation.api
    connections = {}
    for flavour, database in databases.items():
        _fill(database, installation.sqlite_root)
        connections[flavour] = api.post("/connections/", database.connection_body(flavour))["id"]
    schema = api.post("/schemas/", {"name": "people", "columns": COLUMNS})["id"]
    schedules = {
        (source, target): _schedule(
            api, connections[source], connections[target], schema, f"{source}_{target}"
        )
        for source in FLAVOURS
        for target in FLAVOURS
    }
    for (source, target), schedule in schedules.items():
        [run, *_] = api.wait_for_runs(seconds=120, count=1, schedule_id=schedule, status="succeeded")
        assert (run["trigger"], run["progress"]["rows_written"]) == ("schedule", 3)
        api.put(f"/schedules/{schedule}", {"enabled": False})
        rows = _rows(databases[target], f"people_{source}_{target}", installation.sqlite_root)
        assert rows == EXPECTED, (source, target)


def _schedule(api: ApiClient, source: str, target: str, schema: str, name: str) -> str:
    mapping = api.post(
        "/mappings/",
        {
            "name": name,
            "source_connection_id": source,
            "source_query": QUERY,
            "target_connection_id": target,
            "target_schema_id": schema,
            "target_table": f"people_{name}",
        },
    )["id"]
    api.post(f"/mappings/{mapping}/column-mappings", COLUMN_MAPPINGS)
    body = {"name": name, "mapping_id": mapping, "cron_expression": "*/2 * * * * *", "catch_up": "none"}
    schedule: str = api.post("/schedules/", body)["id"]
    return schedule


def _located(database: Database, sqlite_root: Any) -> Database:
    """A SQLite file is where the installation looks for it."""
    if database.path is None:
        return database
    folder = sqlite_root / "default"
    folder.mkdir(parents=True, exist_ok=True)
    return Database("sqlite", database.database, path=folder / database.database)


def _fill(database: Database, sqlite_root: Any) -> None:
    with _located(database, sqlite_root).cursor() as cursor:
        cursor.execute(
            "CREATE TABLE people (id INTEGER, first_name VARCHAR(50), last_name VARCHAR(50), place VARCHAR(50))"
        )
        cursor.execute("CREATE TABLE orders (person_id INTEGER, amount VARCHAR(20))")
        cursor.execute(
            "INSERT INTO people VALUES (1, 'Ada', 'Lovelace', 'London, UK'),"
            " (2, 'Grace', NULL, 'Washington, D.C., US'), (3, 'Émilie', 'du Châtelet', 'Paris')"
        )
        cursor.execute("INSERT INTO orders VALUES (1, '12.5'), (2, '0.1'), (3, '7')")


def _rows(database: Database, table: str, sqlite_root: Any) -> list[tuple[Any, ...]]:
    with _located(database, sqlite_root).cursor() as cursor:
        cursor.execute(f"SELECT id, full_name, city, country, amount FROM {table} ORDER BY id")
        return [(*row[:4], str(row[4])) for row in cursor.fetchall()]
