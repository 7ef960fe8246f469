"""The engine under measurement, driven through its public HTTP API alone."""

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from benchmarks.options import BenchmarkError
from benchmarks.tables import Column
from local_servers import Database
from local_servers.api_client import FINAL, ApiClient
from local_servers.installation import Installation, Service
from local_servers.machine import new_folder

RUN_SECONDS = 3600.0
POLL_SECONDS = 0.25


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One succeeded run. `seconds` is from sending POST run to the run's `finished_at`."""

    seconds: float
    gear: str
    rows_read: int
    rows_written: int
    rows_rejected: int


@dataclasses.dataclass(frozen=True)
class NewMapping:
    """What `Engine.create_mapping` is told."""

    name: str
    source: Database
    query: str
    target: Database
    table: str
    columns: tuple[Column, ...]
    write_mode: str
    keys: tuple[str, ...] = ()
    column_mappings: tuple[dict[str, Any], ...] = ()
    quarantine: bool = False


class Engine:
    """One API and its executors; connections are made once per database."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.api: ApiClient = installation.api
        self._connections: dict[Database, str] = {}

    def connection(self, database: Database) -> str:
        if database not in self._connections:
            name = f"{database.flavour} {database.database} {database.port}"
            created = self.api.post("/connections/", database.connection_body(name))
            self._connections[database] = created["id"]
        return self._connections[database]

    def create_mapping(self, wanted: NewMapping) -> str:
        """Its schema, the mapping and its column mappings; the mapping's id."""
        columns = [column.schema_body(key=column.name in wanted.keys) for column in wanted.columns]
        schema = self.api.post("/schemas/", {"name": f"{wanted.name} schema", "columns": columns})
        body = {
            "name": wanted.name,
            "source_connection_id": self.connection(wanted.source),
            "source_query": wanted.query,
            "target_schema_id": schema["id"],
            "target_connection_id": self.connection(wanted.target),
            "target_table": wanted.table,
            "write_mode": wanted.write_mode,
        }
        if wanted.quarantine:
            body["on_error"] = {"policy": "quarantine"}
        mapping_id: str = self.api.post("/mappings/", body)["id"]
        if wanted.column_mappings:
            self.api.post(f"/mappings/{mapping_id}/column-mappings", list(wanted.column_mappings))
        return mapping_id

    def planned_select(self, mapping_id: str) -> str:
        """The SELECT that a run would send to the source now."""
        plan = self.api.post(f"/mappings/{mapping_id}/plan")
        [sql] = [one["sql"] for one in plan["statements"] if one["where"] == "source"]
        return str(sql)

    def change_query(self, mapping_id: str, query: str) -> None:
        self.api.put(f"/mappings/{mapping_id}", {"source_query": query})

    def run(self, mapping_id: str, watch: Callable[[], None] | None = None) -> Outcome:
        """Run a mapping now and wait for its end. Raises BenchmarkError unless it succeeded."""
        started = time.time()
        run = self.api.post(f"/mappings/{mapping_id}/run")
        deadline = time.monotonic() + RUN_SECONDS
        while run["status"] not in FINAL:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"run {run['id']} still is {run['status']} after {RUN_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
            if watch is not None:
                watch()
            run = self.api.get(f"/runs/{run['id']}")
        if run["status"] != "succeeded":
            raise BenchmarkError(f"a run ended as {run['status']}: {run['error'] or run['reason']}")
        progress = run["progress"]
        return Outcome(
            seconds=instant(run["finished_at"]) - started,
            gear=str(run["gear"]),
            rows_read=progress["rows_read"],
            rows_written=progress["rows_written"],
            rows_rejected=progress["rows_rejected"],
        )


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@contextlib.contextmanager
def temporary_installation(settings: Mapping[str, str]) -> Iterator[Installation]:
    """An installation in a new temporary folder, nothing in it started; all of it is gone afterwards."""
    folder = new_folder("etl-bench-")
    try:
        with Installation(folder, {"LOG_LEVEL": "warning", **settings}) as installation:
            yield installation
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temporary_engine(*, executors: int = 1, workers: int = 1, **settings: str) -> Iterator[Engine]:
    with temporary_installation({"EXECUTOR_WORKERS": str(workers), **settings}) as installation:
        installation.start_api()
        for _ in range(executors):
            installation.start_executor()
        yield Engine(installation)


def executor_services(installation: Installation) -> list[Service]:
    return [service for service in installation.services if service.program.name == "executor"]
