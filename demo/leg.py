"""One source and one target: everything from here on goes over the public HTTP API, as a person's client would."""

from typing import Any

from demo import verification
from demo.errors import DemoFailed
from demo.mapping import COLUMN_MAPPINGS, KEY, SCHEMA_COLUMNS, SOURCE_QUERY, TARGET_TABLE
from demo.terminal import Terminal
from local_servers import Database
from local_servers.api_client import ApiClient

CRON = "*/3 * * * * *"
FIRE_SECONDS = 30
RUN_SECONDS = 300
PREVIEW_COLUMNS = ("time_hour", "carrier", "flight", "origin", "dest", "destination", "tzone", "distance")
RESULT_COLUMNS = ("scheduled_hour", "carrier", "flight_number", "route", "zone_area", "zone_city", "miles")


def run_leg(api: ApiClient, terminal: Terminal, name: str, source: Database, target: Database) -> None:
    """Raises: DemoFailed when the target is not what the source query says."""
    source_id = connect(api, terminal, f"{name} source", source, "source")
    target_id = connect(api, terminal, f"{name} target", target, "target")
    preview(api, terminal, source_id)
    schema = api.post("/schemas/", {"name": f"{name} facts", "columns": SCHEMA_COLUMNS})
    terminal.step("schema", f"{len(SCHEMA_COLUMNS)} columns, key: {', '.join(KEY)}")
    mapping_id = create_mapping(api, terminal, name, source_id, target_id, schema["id"])
    run = run_on_schedule(api, terminal, name, mapping_id)
    compare(terminal, source, target, run)
    show_rows(terminal, target)
    show_run(terminal, run)


def connect(api: ApiClient, terminal: Terminal, name: str, database: Database, purpose: str) -> str:
    connection = api.post("/connections/", database.connection_body(name))
    test = api.post(f"/connections/{connection['id']}/test", {"purpose": purpose})
    if not test["success"]:
        raise DemoFailed(f"the test of the connection {name!r} failed: {test['message']}")
    steps = " ".join(step["step"] for step in test["steps"] if step["ok"])
    terminal.step(purpose, f"{database.flavour} {short_version(test['server_version'])}; test ok: {steps}")
    connection_id: str = connection["id"]
    return connection_id


def short_version(version: str | None) -> str:
    words = (version or "").split()
    return next((word.partition("-")[0] for word in words if word[0].isdigit()), "")


def preview(api: ApiClient, terminal: Terminal, source_id: str) -> None:
    found = api.post(
        "/mappings/preview", {"source_connection_id": source_id, "source_query": SOURCE_QUERY, "limit": 3}
    )
    terminal.step("preview", f"the query joins three tables; its first {found['row_count']} rows:")
    terminal.line()
    terminal.table(found["rows"], PREVIEW_COLUMNS)
    terminal.line()


def create_mapping(
    api: ApiClient, terminal: Terminal, name: str, source_id: str, target_id: str, schema_id: str
) -> str:
    mapping = api.post(
        "/mappings/",
        {
            "name": name,
            "source_connection_id": source_id,
            "source_query": SOURCE_QUERY,
            "target_schema_id": schema_id,
            "target_connection_id": target_id,
            "target_table": TARGET_TABLE,
            "write_mode": "replace",
        },
    )
    made = api.post(f"/mappings/{mapping['id']}/column-mappings", COLUMN_MAPPINGS)
    types = [column_mapping["type"] for column_mapping in made]
    plan = api.post(f"/mappings/{mapping['id']}/plan")
    counted = ", ".join(f"{types.count(kind)} {kind}" for kind in ("direct", "split", "join"))
    terminal.step("mapping", f"{counted}; planned: {plan['write_mode']}, gear {plan['gear']}")
    mapping_id: str = mapping["id"]
    return mapping_id


def run_on_schedule(api: ApiClient, terminal: Terminal, name: str, mapping_id: str) -> Any:
    """The first run that the schedule fires, once it has ended well. Nobody else asks for it."""
    schedule = api.post("/schedules/", {"name": name, "mapping_id": mapping_id, "cron_expression": CRON})
    words = api.post("/schedules/preview", {"cron_expression": CRON, "count": 1})["description"]
    terminal.step("schedule", f"{CRON}  ({words}), next {schedule['next_run_at']}")
    run = api.wait_for_runs(seconds=FIRE_SECONDS, schedule_id=schedule["id"], sort="queued_at")[0]
    # One unattended run is what the demo shows; the next tick would replace the table by the same rows.
    api.put(f"/schedules/{schedule['id']}", {"enabled": False})
    terminal.step("fired", f"for {run['scheduled_for']}, unattended")
    run = api.wait_for_run(run["id"], seconds=RUN_SECONDS, watch=lambda seen: show_progress(terminal, seen))
    if run["status"] != "succeeded":
        raise DemoFailed(f"the run ended {run['status']}: {(run['error'] or {}).get('message')}")
    progress = run["progress"]
    terminal.step("run", f"succeeded: {progress['rows_read']:,} read, {progress['rows_written']:,} written")
    return run


def show_progress(terminal: Terminal, run: Any) -> None:
    progress = run["progress"] or {"phase": None, "rows_read": 0, "rows_written": 0}
    counts = f"{progress['rows_read']:>9,} read {progress['rows_written']:>9,} written"
    terminal.progress("run", f"{run['status']:<11}{progress['phase'] or '':<8}{counts}")


def compare(terminal: Terminal, source: Database, target: Database, run: Any) -> None:
    wanted, got = verification.compare(source, target)
    written = run["progress"]["rows_written"]
    if not wanted.rows == got.rows == written:
        raise DemoFailed(
            f"rows differ: source {wanted.rows:,}, target {got.rows:,}, the run says {written:,}"
        )
    if wanted.checksum != got.checksum:
        raise DemoFailed(f"checksums differ: source {wanted.checksum}, target {got.checksum}")
    terminal.step("compared", f"{got.rows:,} rows and checksum {got.checksum}: source = target")


def show_rows(terminal: Terminal, target: Database) -> None:
    names = ", ".join(RESULT_COLUMNS)
    rows = target.rows(f"SELECT {names} FROM {TARGET_TABLE} ORDER BY {', '.join(KEY)} LIMIT 3")  # noqa: S608
    terminal.line()
    terminal.table([dict(zip(RESULT_COLUMNS, row, strict=True)) for row in rows], RESULT_COLUMNS)
    terminal.line()


def show_run(terminal: Terminal, run: Any) -> None:
    shown = ("id", "trigger", "status", "attempt", "gear", "scheduled_for", "started_at", "finished_at")
    for first, second in zip(shown[::2], shown[1::2], strict=True):
        terminal.line(f"{first:<14}{run[first]!s:<30}{second:<14}{run[second]}")
