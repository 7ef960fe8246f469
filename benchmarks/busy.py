"""`python -m benchmarks busy`: does the engine answer and fire in time while two large runs are in progress?"""

import dataclasses
import time

from benchmarks.cases import DIRECT, Case, direct_case, mapped_case
from benchmarks.engine import Engine, NewMapping, instant, temporary_engine
from benchmarks.lineitem import lineitem_file, load_lineitem
from benchmarks.machine import this_machine
from benchmarks.measure import percentile
from benchmarks.options import BenchmarkError, Options
from benchmarks.report import markdown_table, preamble, publish
from benchmarks.servers import Databases, benchmark_servers
from benchmarks.tiny import create_tiny_mappings
from local_servers.api_client import FINAL

SCHEDULES = 20
LOOK_SECONDS = 0.05
LEAST_LOOKS = 100


@dataclasses.dataclass(frozen=True)
class Busy:
    """What was seen until the first of the two large runs had ended."""

    answers: list[float]
    delays: list[float]
    seconds: float


def measure_busy(options: Options) -> None:
    machine = this_machine()
    with benchmark_servers(mariadb=False) as databases, temporary_engine(workers=3) as engine:
        load_lineitem(
            databases.sources["postgresql"], lineitem_file(options.work, options.rows), options.rows
        )
        create_ticking(engine)
        busy = watch_large_runs(engine, databases)
    facts = {
        "load": f"two PostgreSQL runs of {options.rows:,} rows at once (direct, mapped) for {busy.seconds:.0f} s,"
        f" {SCHEDULES} schedules due every second, GET /runs/{{id}} every {LOOK_SECONDS * 1000:.0f} ms"
    }
    answers, delays = percentile(busy.answers, 99) * 1000, percentile(busy.delays, 99)
    rows = [
        ["GET /runs/{id} p99, ms", "< 100", f"{answers:.0f}", "reached" if answers < 100 else "missed"],
        ["queued_at − scheduled_for p99, s", "< 1", f"{delays:.2f}", "reached" if delays < 1 else "missed"],
        ["answers, ticks", "", f"{len(busy.answers)}, {len(busy.delays)}", ""],
    ]
    body = preamble(machine, options, facts) + "\n\n" + markdown_table(["", "wanted", "measured", ""], rows)
    publish(options, "While two large runs are in progress", body)


def create_ticking(engine: Engine) -> None:
    """Schedules of tiny mappings, due every second."""
    for number, mapping_id in enumerate(create_tiny_mappings(engine, SCHEDULES)):
        tick = {"name": f"tick {number}", "mapping_id": mapping_id, "cron_expression": "* * * * * *"}
        engine.api.post("/schedules/", tick)


def watch_large_runs(engine: Engine, databases: Databases) -> Busy:
    cases = (direct_case(DIRECT, "replace"), mapped_case())
    mapping_ids = [create_large(engine, databases, case) for case in cases]
    runs = [engine.api.post(f"/mappings/{mapping_id}/run") for mapping_id in mapping_ids]
    started = time.time()
    answers: list[float] = []
    while not any(run["status"] in FINAL for run in runs):
        for place, run in enumerate(runs):
            began = time.perf_counter()
            runs[place] = engine.api.get(f"/runs/{run['id']}")
            answers.append(time.perf_counter() - began)
        time.sleep(LOOK_SECONDS)
    ended = time.time()
    ticks = engine.api.get("/runs/", trigger="schedule", limit=1000, sort="-created_at")
    delays = [
        instant(tick["queued_at"]) - instant(tick["scheduled_for"])
        for tick in ticks
        if started < instant(tick["scheduled_for"]) < ended - 1 and tick["status"] != "skipped"
    ]
    for run in runs:
        final = engine.api.wait_for_run(run["id"], seconds=600)
        if final["status"] != "succeeded":
            raise BenchmarkError(f"a large run ended as {final['status']}: {final['error']}")
    if len(answers) < LEAST_LOOKS or not delays:
        raise BenchmarkError(f"{len(answers)} answers and {len(delays)} ticks are too few: raise ROWS")
    return Busy(answers, delays, ended - started)


def create_large(engine: Engine, databases: Databases, case: Case) -> str:
    return engine.create_mapping(
        NewMapping(
            name=f"large {case.name}",
            source=databases.sources["postgresql"],
            query=case.queries["postgresql"],
            target=databases.targets["postgresql"],
            table=f"large_{case.name}",
            columns=case.columns,
            write_mode="replace",
            column_mappings=case.column_mappings,
        )
    )
