"""`python -m benchmarks scheduler`: many schedules, a burst of ticks in one second, three executors."""

import dataclasses
import math
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.engine import Engine, executor_services, instant, temporary_engine
from benchmarks.http_load import Call, put_load_now
from benchmarks.machine import this_machine
from benchmarks.measure import percentile
from benchmarks.options import BenchmarkError, Options
from benchmarks.processes import cpu_seconds
from benchmarks.report import markdown_table, preamble, publish
from benchmarks.tiny import create_tiny_mappings
from local_servers.api_client import PREFIX

SCHEDULES = 10_000
DUE = 500
EXECUTORS = 3
IDLE_SECONDS = 30.0
LEAD = timedelta(seconds=20)
DEADLINE_SECONDS = 120.0
PAGE = 1000
# The others: enabled, due once a year, and never while this runs.
YEARLY = "0 3 29 2 *"


@dataclasses.dataclass(frozen=True)
class Burst:
    delays: Sequence[float]
    twice: int
    idle_cpu_percent: float
    create_seconds: float


def measure_scheduler(options: Options) -> None:
    machine = this_machine()
    with temporary_engine(executors=EXECUTORS) as engine:
        burst = measure_burst(engine)
    facts = {
        "load": f"{SCHEDULES:,} enabled schedules, {DUE} of them due in the same second, {EXECUTORS} executors",
        "runs": "of one row, SQLite to SQLite, on the same machine while the burst is fired",
    }
    publish(options, "Scheduler", preamble(machine, options, facts) + "\n\n" + table(burst))


def measure_burst(engine: Engine) -> Burst:
    started = time.monotonic()
    # One mapping a due schedule, for overlapping is decided per mapping.
    mapping_ids = create_tiny_mappings(engine, DUE)
    create_schedules(engine, [schedule_body(n, mapping_ids, YEARLY) for n in range(DUE, SCHEDULES)])
    create_seconds = time.monotonic() - started
    idle = idle_cpu_percent(engine)
    due = datetime.now(UTC).replace(microsecond=0) + LEAD
    cron = f"{due.second} {due.minute} {due.hour} {due.day} {due.month} *"
    create_schedules(engine, [schedule_body(n, mapping_ids, cron) for n in range(DUE)])
    if datetime.now(UTC) >= due:
        raise BenchmarkError(f"{DUE} schedules were not created within {LEAD.total_seconds():.0f} s")
    runs = wait_for_ticks(engine, due)
    delays = [instant(run["queued_at"]) - instant(run["scheduled_for"]) for run in runs]
    fired = Counter((run["schedule_id"], run["scheduled_for"]) for run in runs)
    return Burst(delays, sum(count - 1 for count in fired.values()), idle, create_seconds)


def schedule_body(number: int, mapping_ids: Sequence[str], cron: str) -> dict[str, Any]:
    mapping_id = mapping_ids[number % len(mapping_ids)]
    return {"name": f"schedule {number}", "mapping_id": mapping_id, "cron_expression": cron}


def create_schedules(engine: Engine, bodies: Sequence[dict[str, Any]]) -> None:
    port = int(engine.api.url.rpartition(":")[2])
    calls = [Call("create", "POST", f"{PREFIX}/schedules/", body) for body in bodies]
    put_load_now(port, calls, connections=8)


def idle_cpu_percent(engine: Engine) -> float:
    """CPU of all executors while nothing is due, in percent of one core."""
    services = executor_services(engine.installation)
    before = sum(cpu_seconds(service.pid) for service in services)
    time.sleep(IDLE_SECONDS)  # the measurement itself
    after = sum(cpu_seconds(service.pid) for service in services)
    return (after - before) / IDLE_SECONDS * 100


def wait_for_ticks(engine: Engine, due: datetime) -> list[dict[str, Any]]:
    """All runs of schedules once as many as are due have been queued, and a second look some time later."""
    deadline = time.monotonic() + LEAD.total_seconds() + DEADLINE_SECONDS
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    while len(runs := scheduled_runs(engine)) < DUE:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{len(runs)} of {DUE} ticks have a run {DEADLINE_SECONDS:.0f} s later")
        time.sleep(1)
    time.sleep(5)  # would a second executor fire a tick again, it had done so by now
    return scheduled_runs(engine)


def scheduled_runs(engine: Engine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(math.ceil(DUE / PAGE) + 1):
        found += engine.api.get("/runs/", trigger="schedule", limit=PAGE, offset=page * PAGE)
    return found


def table(burst: Burst) -> str:
    p99 = percentile(burst.delays, 99)
    rows = [
        ["ticks with a run", str(DUE), str(len(burst.delays)), said(len(burst.delays) == DUE)],
        ["ticks with more than one", "0", str(burst.twice), said(burst.twice == 0)],
        ["queued_at − scheduled_for, p50, s", "", f"{percentile(burst.delays, 50):.2f}", ""],
        ["queued_at − scheduled_for, p99, s", "< 1", f"{p99:.2f}", said(p99 < 1)],
        ["queued_at − scheduled_for, most, s", "", f"{max(burst.delays):.2f}", ""],
        [f"idle CPU of {EXECUTORS} executors, % of a core", "", f"{burst.idle_cpu_percent:.1f}", ""],
        ["creating everything through the API, s", "", f"{burst.create_seconds:.0f}", ""],
    ]
    return markdown_table(["", "wanted", "measured", ""], rows)


def said(reached: bool) -> str:  # noqa: FBT001 - its one meaning is its name
    return "reached" if reached else "missed"
