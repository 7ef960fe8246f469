"""`python -m benchmarks many`: a hundred million rows in one run, counted on both sides, and the worker's peak."""

import time

from benchmarks.cases import DIRECT
from benchmarks.engine import NewMapping, temporary_engine
from benchmarks.machine import this_machine
from benchmarks.memory import note_peaks
from benchmarks.options import DEFAULT_ROWS, BenchmarkError, Options
from benchmarks.report import markdown_table, preamble, publish
from benchmarks.servers import benchmark_servers
from benchmarks.tables import Column
from local_servers import Database

MANY_ROWS = 100_000_000
TABLE = "many_rows"
COLUMNS = (Column("id", "integer"), Column("value", "integer"))
PRIME = 1_000_003
FILL = f"""
    CREATE TABLE {TABLE} AS
    SELECT i AS id, i * 7919 % {PRIME} AS value FROM generate_series(1::bigint, {{rows}}) AS i"""
# The last sum is of pairs: values that changed their places among the rows would change it.
COUNTS = f"SELECT count(*), sum(id), sum(value), sum((id % {PRIME}) * value % {PRIME}) FROM {TABLE}"


def measure_many(options: Options) -> None:
    """PostgreSQL to PostgreSQL; ROWS= for another number. Raises BenchmarkError when a row is lost or changed."""
    machine = this_machine()
    rows = MANY_ROWS if options.rows == DEFAULT_ROWS else options.rows
    with benchmark_servers(mariadb=False) as databases, temporary_engine() as engine:
        source, target = databases.sources["postgresql"], databases.targets["postgresql"]
        source.execute(FILL.format(rows=rows))
        expected = counts_of(source)
        mapping_id = engine.create_mapping(
            NewMapping(DIRECT, source, f"SELECT * FROM {TABLE}", target, TABLE, COLUMNS, "replace")
        )
        peaks: dict[int, float] = {}
        started = time.monotonic()
        outcome = engine.run(mapping_id, lambda: note_peaks(engine, peaks))
        note_peaks(engine, peaks)
        print(f"run: {time.monotonic() - started:.0f} s", flush=True)
        found = counts_of(target)
        if found != expected or expected[0] != rows or outcome.rows_written != rows:
            raise BenchmarkError(
                f"the target holds {found}, the source {expected}; {outcome.rows_written} written"
            )
    head = ["rows", "gear", "seconds", "rows a second", "peak of the worker, MiB"]
    row = [
        f"{rows:,}", outcome.gear, f"{outcome.seconds:.1f}", f"{rows / outcome.seconds:,.0f}",
        f"{max(peaks.values()):.0f}",
    ]  # fmt: skip
    facts = {"compared": "count, sums of both columns and a sum over their pairs, equal in source and target"}
    publish(options, "Many rows", preamble(machine, options, facts) + "\n\n" + markdown_table(head, [row]))


def counts_of(database: Database) -> tuple[int, ...]:
    return tuple(int(number) for number in database.rows(COUNTS)[0])
