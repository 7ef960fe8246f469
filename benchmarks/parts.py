"""`python -m benchmarks parts`: a source behind a slow line, and one at hand, read by one session and in parts."""

import dataclasses
import os
import statistics

from benchmarks.cases import DIRECT, direct_case
from benchmarks.data import cpu_meter
from benchmarks.engine import Engine, NewMapping, executor_services, temporary_engine
from benchmarks.lineitem import TABLE, lineitem_file, load_lineitem
from benchmarks.machine import this_machine
from benchmarks.options import BenchmarkError, Options
from benchmarks.processes import peak_mib, worker_processes
from benchmarks.report import markdown_table, preamble, publish, shown
from benchmarks.servers import Databases, benchmark_servers
from benchmarks.slow_line import SlowLine
from local_servers import Database

MEGABYTE = 1_000_000
LINE_BYTES_PER_SECOND = 8 * MEGABYTE
COLUMN = "l_orderkey"


@dataclasses.dataclass
class Reading:
    """One mapping and what its runs took."""

    line: str
    parts: int
    mapping_id: str
    seconds: list[float] = dataclasses.field(default_factory=list)
    cpu_seconds: list[float] = dataclasses.field(default_factory=list)


def measure_parts(options: Options) -> None:
    machine = this_machine()
    with benchmark_servers(mariadb=False) as databases, temporary_engine() as engine:
        source = databases.sources["postgresql"]
        load_lineitem(source, lineitem_file(options.work, options.rows), options.rows)
        source.execute(f"CREATE INDEX ON {TABLE} ({COLUMN})", f"ANALYZE {TABLE}")
        with SlowLine(source.host, source.port, LINE_BYTES_PER_SECOND) as line:
            places = {"slow": dataclasses.replace(source, port=line.port), "none": source}
            readings = [
                Reading(name, parts, create(engine, place, databases, name, parts))
                for name, place in places.items()
                for parts in (1, 2, 4)
            ]
            for _ in range(options.rounds):
                for reading in readings:
                    measure(engine, databases, reading, options.rows)
        [executor] = executor_services(engine.installation)
        peak = max(peak_mib(pid) for pid in worker_processes(executor.pid))
    facts = {
        "slow line": f"{LINE_BYTES_PER_SECOND / MEGABYTE:g} MB/s in each connection, by a proxy on loopback",
        "data": f"TPC-H lineitem, {options.rows:,} rows × 16 columns, replace, {options.rounds} interleaved rounds",
        "CPU s": "of the database server, the executor and its worker; not the proxy's",
        "peak of the worker": f"{peak:.0f} MiB",
        "load after the run": f"{os.getloadavg()[0]:.2f}",
    }
    head = ["line", "parts", "median s", "least s", "most s", "times as fast", "CPU s"]
    rows = [row_of(reading, readings) for reading in readings]
    publish(options, "Parts", preamble(machine, options, facts) + "\n\n" + markdown_table(head, rows))


def create(engine: Engine, source: Database, databases: Databases, line: str, parts: int) -> str:
    case = direct_case(DIRECT, "replace")
    wanted = NewMapping(
        name=f"{line} in {parts}",
        source=source,
        query=case.queries["postgresql"],
        target=databases.targets["postgresql"],
        table=f"{line}_{parts}",
        columns=case.columns,
        write_mode=case.write_mode,
    )
    mapping_id = engine.create_mapping(wanted)
    if parts > 1:
        engine.api.put(f"/mappings/{mapping_id}", {"read_in_parts": {"column": COLUMN, "parts": parts}})
    return mapping_id


def measure(engine: Engine, databases: Databases, reading: Reading, rows: int) -> None:
    """One run. Raises BenchmarkError unless it wrote every row."""
    databases.settle()
    cpu = cpu_meter(databases, engine)
    before = cpu()
    outcome = engine.run(reading.mapping_id)
    reading.cpu_seconds.append(cpu() - before)
    reading.seconds.append(outcome.seconds)
    print(
        f"line {reading.line}, {reading.parts} parts: {outcome.seconds:.2f} s,"
        f" CPU {reading.cpu_seconds[-1]:.2f} s, {outcome.gear}",
        flush=True,
    )
    if outcome.rows_written != rows:
        raise BenchmarkError(f"{outcome.rows_written} of {rows} rows were written")


def row_of(reading: Reading, readings: list[Reading]) -> list[str]:
    median = statistics.median(reading.seconds)
    [one] = [other for other in readings if (other.line, other.parts) == (reading.line, 1)]
    return [
        reading.line,
        str(reading.parts),
        shown(median),
        shown(min(reading.seconds)),
        shown(max(reading.seconds)),
        shown(statistics.median(one.seconds) / median),
        shown(statistics.median(reading.cpu_seconds)),
    ]
