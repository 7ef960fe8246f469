"""`python -m benchmarks data`: every pair of databases, the engine next to the databases' own tools."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from benchmarks.cases import (
    APPEND,
    CASES,
    CLEAN,
    DIRECT,
    LINES,
    MAPPED_NAME,
    REJECTS,
    SMALL,
    Case,
    direct_case,
)
from benchmarks.engine import Engine, executor_services, temporary_engine
from benchmarks.jobs import OURS, EngineJob, Job, LimitJob, Pair, PlannedLimitJob
from benchmarks.lineitem import SMALL_TABLE, lineitem_file, load_lineitem
from benchmarks.machine import this_machine
from benchmarks.measure import Line, find_line, ratio_between
from benchmarks.options import BenchmarkError, Options
from benchmarks.peers import MISSING, installed_peers, peer_jobs
from benchmarks.processes import cpu_seconds, ended_children_cpu_seconds
from benchmarks.report import markdown_table, preamble, publish, timing_table
from benchmarks.servers import Databases, benchmark_servers

CpuMeter: TypeAlias = Callable[[], float]

SMALL_RUNS = 9
TEXT_TOOL = "psql | psql, text"
PLANNED = "{tool}, the plan's SELECT"
POSTGRESQL_PAIR = "postgresql→postgresql"


def measure_data(options: Options) -> None:
    machine = this_machine()
    with benchmark_servers() as databases, temporary_engine() as engine:
        load_sources(databases, options)
        pairs = [pair for pair in all_pairs(databases) if wanted(pair.name, options.pairs)]
        jobs = [job for pair in pairs for job in jobs_of(pair, engine, options)]
        lines = [job.line for job in jobs]
        cpu = cpu_meter(databases, engine)
        for pair in pairs:
            warm_up(pair, engine)
        for round_number in range(1, options.rounds + 1):
            for job in jobs:
                measure(job, round_number, cpu, databases)
        small = [measure_small(pair, engine) for pair in pairs if wanted(SMALL, options.cases)]
    facts = {
        "data": f"TPC-H lineitem, {options.rows:,} rows × 16 columns, {options.rounds} interleaved rounds",
        **{f"{flavour} {databases.versions[flavour]}": shown(databases, flavour) for flavour in databases.settings},
    }  # fmt: skip
    body = [preamble(machine, options, facts), timing_table([*lines, *small]), goals_table(lines, small)]
    if not installed_peers(options.work):
        body.append(MISSING)
    publish(options, "Data path", "\n\n".join(body))


def load_sources(databases: Databases, options: Options) -> None:
    file = lineitem_file(options.work, options.rows)
    found = {
        flavour: load_lineitem(source, file, options.rows) for flavour, source in databases.sources.items()
    }
    if len(set(found.values())) != 1:
        raise BenchmarkError(f"the sources differ: {found}")


def all_pairs(databases: Databases) -> Iterator[Pair]:
    for target in databases.targets.values():
        for source in databases.sources.values():
            yield Pair(databases, source, target)


def wanted(name: str, chosen: Sequence[str]) -> bool:
    return not chosen or name in chosen


def jobs_of(pair: Pair, engine: Engine, options: Options) -> Iterator[Job]:
    direct_tool = next(iter(pair.limits))
    # A mapping's values are made from text, so that text is what its SELECT is copied as.
    mapped_tool = TEXT_TOOL if TEXT_TOOL in pair.limits else direct_tool
    for case in CASES:
        if not wanted(case.name, options.cases):
            continue
        tool = mapped_tool if case.name == MAPPED_NAME else direct_tool
        measured = list(pair.limits) if case.name == DIRECT else [tool]
        for name in measured if case.has_limit else []:
            yield LimitJob(pair, case, name, pair.limits[name], tool)
        if case.name == MAPPED_NAME and pair.name == POSTGRESQL_PAIR:
            planned = PLANNED.format(tool=tool)
            yield PlannedLimitJob(pair, case, planned, pair.limits[tool], tool, engine=engine)
            mapped_tool = planned
        yield EngineJob(pair, case, engine, limit_of(case, mapped_tool, direct_tool))
        if case.name == DIRECT and pair.name == POSTGRESQL_PAIR:
            yield from peer_jobs(pair, options.work)


def limit_of(case: Case, mapped_tool: str, direct_tool: str) -> tuple[str, str]:
    """The case and tool that a case of ours is measured against."""
    if case.name == APPEND:
        return (DIRECT, direct_tool)
    if case.name in (MAPPED_NAME, CLEAN):
        return (MAPPED_NAME, mapped_tool)
    if case.name == LINES:
        return (DIRECT, direct_tool)
    if case.name == REJECTS:
        return (CLEAN, OURS)
    return (case.name, direct_tool)


def warm_up(pair: Pair, engine: Engine) -> None:
    """One small run, so that no measured one pays for the imports of the worker."""
    job = EngineJob(pair, direct_case("warm up", "replace", SMALL_TABLE), engine, None)
    job.prepare(1)
    job.run(1)
    job.check(1)


def measure(job: Job, round_number: int, cpu: CpuMeter, databases: Databases) -> None:
    line = job.line
    job.prepare(round_number)
    databases.settle()
    before = cpu()
    seconds = job.run(round_number)
    line.cpu_seconds.append(cpu() - before)
    line.seconds.append(seconds)
    print(
        f"round {round_number}  {line.pair}  {line.case}  {line.tool}:"
        f" {seconds:.2f} s, CPU {line.cpu_seconds[-1]:.2f} s  {line.note}",
        flush=True,
    )
    job.check(round_number)


def cpu_meter(databases: Databases, engine: Engine) -> CpuMeter:
    """CPU seconds so far of the databases, the executor and every client that has ended."""
    pids = (*databases.pids, *(service.pid for service in executor_services(engine.installation)))
    return lambda: ended_children_cpu_seconds() + sum(cpu_seconds(pid) for pid in pids)


def measure_small(pair: Pair, engine: Engine) -> Line:
    job = EngineJob(pair, direct_case(SMALL, "replace", SMALL_TABLE), engine, None)
    for number in range(1, SMALL_RUNS + 1):
        job.prepare(number)
        job.line.seconds.append(job.run(number))
        job.check(number)
    job.line.note = f"{SMALL_RUNS} runs, trigger → committed, warm worker"
    return job.line


def goals_table(lines: Sequence[Line], small: Sequence[Line]) -> str:
    """The goals that are ratios between lines, reached or missed."""
    rows = []
    for pair in dict.fromkeys(line.pair for line in lines):
        ours = {
            name: find_line(lines, pair, (name, OURS))
            for name in (DIRECT, MAPPED_NAME, LINES, CLEAN, REJECTS)
        }
        limits = [line for line in lines if line.pair == pair and line.tool != OURS]
        plain = next((line for line in limits if line.case == DIRECT), None)
        # The plan's own SELECT stands last where it is known.
        selects = [line for line in limits if line.case == MAPPED_NAME]
        by_hand = selects[-1] if selects else None
        rows.append(goal(pair, "direct / the databases' tools", ours[DIRECT], plain, direct_goal(pair)))
        select = "its SELECT" if pair == POSTGRESQL_PAIR else "a SELECT by hand"
        rows.append(goal(pair, f"mapped / {select} by the tools", ours[MAPPED_NAME], by_hand, 1.10))
        if pair == POSTGRESQL_PAIR:
            rows.append(goal(pair, "mapped / plain copy", ours[MAPPED_NAME], plain, 1.60))
            rows.append(goal(pair, "mapped by line / plain copy", ours[LINES], plain, 1.80))
        rows.append(goal(pair, "1 % rejected / clean", ours[REJECTS], ours[CLEAN], 1.30))
    for line in small:
        reached = "reached" if line.median <= 0.3 else "missed"
        rows.append((line.pair, SMALL, "≤ 0.30 s", f"{line.median:.2f} s", reached))
    for line in lines:
        rows += peer_goal(line, find_line(lines, line.pair, (DIRECT, OURS)))
    return markdown_table(["pair", "goal", "wanted", "measured", ""], [row for row in rows if row])


def direct_goal(pair: str) -> float:
    return 1.10 if pair.endswith("→mariadb") else 1.05


def goal(pair: str, what: str, line: Line | None, other: Line | None, most: float) -> tuple[str, ...]:
    ratio = ratio_between(line, other)
    if ratio is None:
        return ()
    return (pair, what, f"≤ {most:.2f}", f"{ratio:.2f}", "reached" if ratio <= most else "missed")


def peer_goal(line: Line, ours: Line | None) -> list[tuple[str, ...]]:
    least = {"ingestr": 3.5, "Sling": 7.0, "dlt": 11.0}.get(line.tool.split(" ", 1)[0])
    ratio = ratio_between(line, ours)
    if least is None or ratio is None:
        return []
    reached = "reached" if ratio >= least else "missed"
    return [(line.pair, f"{line.tool} / ours", f"≥ {least:.1f}", f"{ratio:.1f}", reached)]


def shown(databases: Databases, flavour: str) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(databases.settings[flavour].items()))
