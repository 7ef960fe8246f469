"""`python -m benchmarks memory`: peak memory of the worker, which must not grow with the number of rows."""

import dataclasses
from collections.abc import Iterator

from benchmarks.cases import DIRECT, Case, direct_case, mapped_case
from benchmarks.data import all_pairs, wanted
from benchmarks.engine import Engine, NewMapping, executor_services, temporary_engine
from benchmarks.jobs import Pair
from benchmarks.lineitem import TABLE, lineitem_file, load_lineitem
from benchmarks.machine import this_machine
from benchmarks.options import BenchmarkError, Options
from benchmarks.processes import peak_mib, worker_processes
from benchmarks.report import markdown_table, preamble, publish
from benchmarks.servers import Databases, benchmark_servers

LARGE_ROWS = 6_000_000
LARGE_MIB = 100.0
GROWTH = 1.10


@dataclasses.dataclass(frozen=True)
class Peak:
    rows: int
    mib: float


def measure_memory(options: Options) -> None:
    machine = this_machine()
    large = LARGE_ROWS if options.complete else options.rows * 10 // 3
    sizes = (large // 10, large * 3 // 10, large)
    with benchmark_servers() as databases:
        file = lineitem_file(options.work, large)
        for source in databases.sources.values():
            load_lineitem(source, file, large)
        rows = [
            [pair.name, case.name, *row_of([peak_of(pair, case, size) for size in sizes])]
            for pair, case in chosen(databases, options)
        ]
    facts = {
        "measured": "VmHWM of the worker process after its first run, a new executor for each number of rows"
    }
    head = ["pair", "job", *(f"{size:,} rows, MiB" for size in sizes), "growth", ""]
    publish(options, "Memory", preamble(machine, options, facts) + "\n\n" + markdown_table(head, rows))


def chosen(databases: Databases, options: Options) -> Iterator[tuple[Pair, Case]]:
    for pair in all_pairs(databases):
        for case in (direct_case(DIRECT, "replace"), mapped_case()):
            if wanted(pair.name, options.pairs) and wanted(case.name, options.cases):
                yield pair, case


def peak_of(pair: Pair, case: Case, rows: int) -> Peak:
    """One run in a new worker."""
    # One of its own: each engine owns the tables that it made.
    table = f"memory_{pair.source.flavour}_{case.name}_{rows}"
    with temporary_engine() as engine:
        mapping_id = engine.create_mapping(
            NewMapping(
                name=case.name,
                source=pair.source,
                query=f"{case.queries[pair.source.flavour]} LIMIT {rows}",
                target=pair.target,
                table=table,
                columns=case.columns,
                write_mode="replace",
                column_mappings=case.column_mappings,
            )
        )
        peaks: dict[int, float] = {}
        outcome = engine.run(mapping_id, lambda: note_peaks(engine, peaks))
        note_peaks(engine, peaks)
        pair.target.execute(f"DROP TABLE {table}")
    if outcome.rows_written != rows:
        raise BenchmarkError(f"{outcome.rows_written} of {rows} rows were written from {TABLE}")
    peak = Peak(rows, max(peaks.values()))
    print(f"{pair.name}  {case.name}  {rows:,} rows: {peak.mib:.0f} MiB", flush=True)
    return peak


def note_peaks(engine: Engine, peaks: dict[int, float]) -> None:
    for service in executor_services(engine.installation):
        for pid in worker_processes(service.pid):
            peaks[pid] = max(peaks.get(pid, 0.0), peak_mib(pid))


def row_of(peaks: list[Peak]) -> list[str]:
    growth = peaks[-1].mib / peaks[0].mib
    reached = "reached" if growth <= GROWTH and peaks[-1].mib <= LARGE_MIB else "missed"
    return [*(f"{peak.mib:.0f}" for peak in peaks), f"{growth:.2f}", reached]
