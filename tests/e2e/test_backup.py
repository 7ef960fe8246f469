"""A dump of MongoDB is restored where `ENCRYPTION_KEY` is another one (docs/databases.md)."""

from collections.abc import Sequence

from cryptography.fernet import Fernet

from local_servers.api_client import ApiClient, Json
from tests.conftest import DatabaseFactory
from tests.dumps import dump, restore
from tests.e2e.conftest import StartInstallation

ROWS = [(number,) for number in range(10)]


def test_a_dump_that_is_restored_without_its_key_marks_its_connections_and_says_so(
    start_installation: StartInstallation,
    create_database: DatabaseFactory,
    mongodb_url: str,
    mongodb_database: str,
) -> None:
    source, target = create_database("postgresql"), create_database("postgresql")
    source.execute("CREATE TABLE numbers AS SELECT g AS id FROM generate_series(0, 9) AS g")
    first = start_installation(ENCRYPTION_KEY=Fernet.generate_key().decode())
    first.start()
    bodies = [source.connection_body("source"), target.connection_body("target")]
    connections = [first.api.post("/connections/", body)["id"] for body in bodies]
    mapping = make_mapping(first.api, connections)
    assert run(first.api, mapping)["status"] == "succeeded"
    copied = dump(mongodb_url, mongodb_database)
    first.stop()

    restore(mongodb_url, mongodb_database, copied)
    second = start_installation(ENCRYPTION_KEY=Fernet.generate_key().decode())
    second.start()
    for one in second.api.get("/connections/"):
        assert (one["status"], [warning["code"] for warning in one["warnings"]]) == (
            "secret_unreadable",
            ["secret_unreadable"],
        )
    failed = run(second.api, mapping)
    assert (failed["status"], failed["error"]["code"], failed["attempt"]) == (
        "failed",
        "secret_unreadable",
        1,
    )
    for connection, body in zip(connections, bodies, strict=True):
        mended = second.api.put(f"/connections/{connection}", {"password": body["password"]})
        assert mended["status"] == "ok"
    assert run(second.api, mapping)["status"] == "succeeded"
    assert target.rows("SELECT id FROM numbers ORDER BY id") == ROWS


def make_mapping(api: ApiClient, connections: Sequence[str]) -> str:
    columns = [{"name": "id", "data_type": "integer"}]
    mapping: str = api.post(
        "/mappings/",
        {
            "name": "numbers",
            "source_connection_id": connections[0],
            "source_query": "SELECT id FROM numbers",
            "target_connection_id": connections[1],
            "target_schema_id": api.post("/schemas/", {"name": "numbers", "columns": columns})["id"],
            "write_mode": "replace",
        },
    )["id"]
    return mapping


def run(api: ApiClient, mapping: str) -> Json:
    return api.wait_for_run(api.post(f"/mappings/{mapping}/run")["id"])
