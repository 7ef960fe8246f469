"""`python -m benchmarks api`: mixed load on the config API, next to a bare FastAPI and PyMongo endpoint."""

import asyncio
import contextlib
import dataclasses
import random
import signal
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.engine import temporary_installation
from benchmarks.http_load import Call, LoadResult, put_load
from benchmarks.machine import this_machine
from benchmarks.options import Options
from benchmarks.processes import cpu_seconds
from benchmarks.report import markdown_table, preamble, publish
from local_servers import temporary_mongodb
from local_servers.api_client import PREFIX
from local_servers.installation import PROJECT_ROOT
from local_servers.machine import LOOPBACK, free_port, plain_environment
from local_servers.process import GuardedProcess, Program

STORED = 200
REQUESTS = 3000
CONNECTIONS = 8
PAGE = 20
# Of a hundred requests: what a UI and some scripts do.
MIX = (("read", 60), ("list", 20), ("update", 12), ("create", 8))
COLUMNS = [{"name": f"column{number}", "data_type": "string"} for number in range(10)]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A server under load; `root` is the path of its schemas."""

    name: str
    port: int
    root: str
    pid: int


@dataclasses.dataclass(frozen=True)
class Round:
    result: LoadResult
    cpu_milliseconds: float


def measure_api(options: Options) -> None:
    machine = this_machine()
    with subjects() as (ours, bare):
        rounds: dict[str, list[Round]] = {ours.name: [], bare.name: []}
        ids = {subject.name: store_schemas(subject) for subject in (ours, bare)}
        for number in range(options.rounds + 1):
            for subject in (ours, bare):
                measured = measure_round(subject, ids[subject.name], number)
                if number:  # the first warms both up
                    rounds[subject.name].append(measured)
    mix = ", ".join(f"{share} % {kind}" for kind, share in MIX)
    facts = {
        "load": f"{REQUESTS:,} requests a round over {CONNECTIONS} connections: {mix}; schemas of 10 columns",
        "rounds": f"{options.rounds}, interleaved; both servers one process, writes with majority",
    }
    publish(
        options,
        "API",
        preamble(machine, options, facts) + "\n\n" + table(rounds[ours.name], rounds[bare.name]),
    )


@contextlib.contextmanager
def subjects() -> Iterator[tuple[Subject, Subject]]:
    with temporary_mongodb() as mongodb, temporary_installation({"MONGODB_URL": mongodb.url}) as installation:
        service = installation.start_api()
        port = int(service.url.rpartition(":")[2])
        bare_port = free_port()
        bare = start_bare(mongodb.url, bare_port, installation.folder / "bare")
        try:
            yield (
                Subject("config API", port, f"{PREFIX}/schemas/", service.pid),
                Subject("bare FastAPI + PyMongo", bare_port, "/schemas/", bare.pid),
            )
        finally:
            bare.stop()


def start_bare(mongodb_url: str, port: int, folder: Path) -> GuardedProcess:
    folder.mkdir(parents=True)
    environment = plain_environment(
        BARE_MONGODB_URL=mongodb_url, BARE_PORT=str(port), PYTHONPATH=str(PROJECT_ROOT)
    )
    command = [sys.executable, "-m", "benchmarks.bare_api"]
    process = GuardedProcess(Program("bare API", command, environment, folder, signal.SIGTERM, None))

    def failure() -> Exception | None:
        try:
            httpx2.get(f"http://{LOOPBACK}:{port}/health", timeout=2, trust_env=False).raise_for_status()
        except httpx2.HTTPError as error:
            return error
        return None

    process.start(failure)
    return process


def store_schemas(subject: Subject) -> list[str]:
    with httpx2.Client(base_url=f"http://{LOOPBACK}:{subject.port}", trust_env=False) as client:
        created = [client.post(subject.root, json=schema_body(f"kept {number}")) for number in range(STORED)]
    return [str(answer.raise_for_status().json()["id"]) for answer in created]


def schema_body(name: str) -> dict[str, Any]:
    return {"name": name, "columns": COLUMNS}


def measure_round(subject: Subject, ids: list[str], number: int) -> Round:
    chooser = random.Random(number)  # the same requests for both
    kinds = chooser.choices([kind for kind, _ in MIX], [share for _, share in MIX], k=REQUESTS)
    calls = [
        make_call(subject, kind, chooser.choice(ids), f"{number} {place}") for place, kind in enumerate(kinds)
    ]
    before = cpu_seconds(subject.pid)
    result = asyncio.run(put_load(LOOPBACK, subject.port, calls, CONNECTIONS))
    return Round(result, (cpu_seconds(subject.pid) - before) / REQUESTS * 1000)


def make_call(subject: Subject, kind: str, schema_id: str, word: str) -> Call:
    match kind:
        case "read":
            return Call(kind, "GET", subject.root + schema_id)
        case "list":
            return Call(kind, "GET", f"{subject.root}?limit={PAGE}")
        case "update":
            return Call(kind, "PUT", subject.root + schema_id, {"description": f"changed {word}"})
        case _:
            return Call(kind, "POST", subject.root, schema_body(f"new {word}"))


def table(ours: list[Round], bare: list[Round]) -> str:
    rows = [
        compared(
            "requests per second", [r.result.per_second for r in ours], [r.result.per_second for r in bare]
        ),
        compared(
            "server CPU per request, ms",
            [r.cpu_milliseconds for r in ours],
            [r.cpu_milliseconds for r in bare],
        ),
    ]
    rows += [
        compared(
            f"{kind or 'all'}: p{percent}, ms",
            [r.result.milliseconds(percent, kind) for r in ours],
            [r.result.milliseconds(percent, kind) for r in bare],
        )
        for kind in [None, *(kind for kind, _ in MIX)]
        for percent in (50, 99)
    ]
    return markdown_table(["median of rounds", "config API", "bare", "ratio"], rows)


def compared(what: str, ours: list[float], bare: list[float]) -> list[str]:
    mine, other = statistics.median(ours), statistics.median(bare)
    return [what, f"{mine:.2f}", f"{other:.2f}", f"{mine / other:.2f}"]
