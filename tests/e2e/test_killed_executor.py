"""The executor is killed in the middle of a large append; started again, the run ends succeeded and exact."""

from pathlib import Path

from local_servers.api_client import ApiClient, Json
from tests.chaos.waiting import until
from tests.conftest import DatabaseFactory
from tests.e2e.conftest import StartInstallation

ROWS = 300_000
COLUMNS = [{"name": "id", "data_type": "integer"}, {"name": "text", "data_type": "string"}]


def test_an_append_of_300000_rows_survives_kill_9(
    start_installation: StartInstallation, create_database: DatabaseFactory, tmp_path: Path
) -> None:
    installation = start_installation()
    installation.start_api()
    faults = tmp_path / "faults"
    faults.mkdir()
    executor = installation.start_executor(FAULT_POINTS="mid_extract=pause", FAULT_POINTS_DIR=str(faults))
    source, target = create_database("postgresql"), create_database("postgresql")
    source.execute(
        f"CREATE TABLE big AS SELECT g AS id, 'row ' || g AS text FROM generate_series(1, {ROWS}) AS g"
    )
    api = installation.api
    mapping = _mapping(api, source.connection_body("s"), target.connection_body("t"))
    run = api.post(f"/mappings/{mapping}/run")
    until(lambda: (faults / "mid_extract.reached").exists(), "run in the middle of its load")
    executor.kill()
    assert target.rows("SELECT count(*) FROM big") == [(0,)]
    installation.start_executor()
    ended = api.wait_for_run(run["id"], seconds=120)
    assert (ended["status"], ended["attempt"], ended["progress"]["rows_written"]) == ("succeeded", 2, ROWS)
    digest = "SELECT count(*), sum(hashtextextended(id || text, 0)::numeric) FROM big"
    assert target.rows(digest) == source.rows(digest)


def _mapping(api: ApiClient, source: Json, target: Json) -> str:
    schema = api.post("/schemas/", {"name": "big", "columns": COLUMNS})["id"]
    mapping: str = api.post(
        "/mappings/",
        {
            "name": "big",
            "source_connection_id": api.post("/connections/", source)["id"],
            "source_query": "SELECT id, text FROM big",
            "target_connection_id": api.post("/connections/", target)["id"],
            "target_schema_id": schema,
            "write_mode": "append",
            "retry": {"max_attempts": 3, "backoff_seconds": 0},
        },
    )["id"]
    return mapping
