"""`python -m benchmarks api`: mixed load on the config API, next to a bare FastAPI and PyMongo endpoint."""

import asyncio
import contextlib
import dataclasses
import random
import secrets
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
from cryptography.fernet import Fernet

from benchmarks.engine import temporary_installation
from benchmarks.http_load import Call, LoadResult, put_load
from benchmarks.machine import this_machine
from benchmarks.options import Options
from benchmarks.processes import cpu_seconds
from benchmarks.report import markdown_table, preamble, publish
from local_servers import temporary_mongodb
from local_servers.api_client import PREFIX
from local_servers.installation import PROJECT_ROOT, Installation
from local_servers.machine import LOOPBACK, free_port, plain_environment
from local_servers.process import GuardedProcess, Program

ADMIN = "admin@example.org"
STORED = 200
# Short turns, one after the other: what else the machine does is then the same for both of a pair.
REQUESTS = 500
TURNS = 8
CONNECTIONS = 16
PAGE = 20
# Of a hundred requests: what a UI and some scripts do.
MIX = (("read", 60), ("list", 20), ("update", 12), ("create", 8))
COLUMNS = [{"name": f"column{number}", "data_type": "string"} for number in range(10)]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A server under load; `root` is the path of its schemas, `token` what its callers come with."""

    name: str
    port: int
    root: str
    pid: int
    token: str | None = None


@dataclasses.dataclass(frozen=True)
class Round:
    result: LoadResult
    cpu_milliseconds: float


def measure_api(options: Options) -> None:
    machine = this_machine()
    pairs: list[tuple[Round, Round]] = []
    with subjects() as (ours, bare):
        ids = {subject.name: store_schemas(subject) for subject in (ours, bare)}
        for number in range(options.rounds * TURNS + 1):
            first, second = (ours, bare) if number % 2 else (bare, ours)
            measured = {each.name: measure_round(each, ids[each.name], number) for each in (first, second)}
            if number:  # the first warms both up
                pairs.append((measured[ours.name], measured[bare.name]))
    mix = ", ".join(f"{share} % {kind}" for kind, share in MIX)
    facts = {
        "load": f"{REQUESTS:,} requests a turn over {CONNECTIONS} connections: {mix}; schemas of 10 columns",
        "turns": f"{len(pairs)} each, by turns; both servers one process, writes with majority",
        "config API": "as in production: login, permissions, limits, audit, metrics, a log line a request",
    }
    publish(options, "API", preamble(machine, options, facts) + "\n\n" + table(pairs))


@contextlib.contextmanager
def subjects() -> Iterator[tuple[Subject, Subject]]:
    with temporary_mongodb() as mongodb, temporary_installation(production(mongodb.url)) as installation:
        service = installation.start_api()
        token = log_in(installation)
        port = int(service.url.rpartition(":")[2])
        bare_port = free_port()
        bare = start_bare(mongodb.url, bare_port, installation.folder / "bare")
        try:
            yield (
                Subject("config API", port, f"{PREFIX}/schemas/", service.pid, token),
                Subject("bare FastAPI + PyMongo", bare_port, "/schemas/", bare.pid),
            )
        finally:
            bare.stop()


def production(mongodb_url: str) -> dict[str, str]:
    return {
        "MONGODB_URL": mongodb_url,
        "APP_ENV": "production",
        "LOG_LEVEL": "info",
        "ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "REQUESTS_PER_MINUTE": str(10**9),  # counted all the same
    }


def log_in(installation: Installation) -> str:
    """Make an administrator, and return an access token of theirs."""
    password = secrets.token_hex(16)
    command = [sys.executable, "-m", "config_api", "create-admin", ADMIN]
    subprocess.run(
        command, env=installation.environment(), input=password, text=True, check=True, capture_output=True
    )
    answer = installation.api.post("/auth/login", {"email": ADMIN, "password": password})
    return str(answer["access_token"])


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
    url, headers = f"http://{LOOPBACK}:{subject.port}", {"Authorization": f"Bearer {subject.token}"}
    with httpx2.Client(base_url=url, headers=headers, trust_env=False) as client:
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
            return Call(kind, "GET", subject.root + schema_id, token=subject.token)
        case "list":
            return Call(kind, "GET", f"{subject.root}?limit={PAGE}", token=subject.token)
        case "update":
            change = {"description": f"changed {word}"}
            return Call(kind, "PUT", subject.root + schema_id, change, subject.token)
        case _:
            return Call(kind, "POST", subject.root, schema_body(f"new {word}"), subject.token)


def table(pairs: Sequence[tuple[Round, Round]]) -> str:
    """Medians of the turns; the ratio of the throughput is the median of the pairs' own ratios."""
    throughput = compared("requests per second", pairs, lambda turn: turn.result.per_second)
    ratio = statistics.median(ours.result.per_second / bare.result.per_second for ours, bare in pairs)
    rows = [
        [*throughput[:-1], f"{ratio:.2f}"],
        compared("server CPU per request, ms", pairs, lambda turn: turn.cpu_milliseconds),
    ]
    for kind in [None, *(kind for kind, _ in MIX)]:
        for percent in (50, 99):

            def measure(turn: Round, percent: int = percent, kind: str | None = kind) -> float:
                return turn.result.milliseconds(percent, kind)

            rows.append(compared(f"{kind or 'all'}: p{percent}, ms", pairs, measure))
    return markdown_table(["median of turns", "config API", "bare", "ratio"], rows)


def compared(what: str, pairs: Sequence[tuple[Round, Round]], measure: Callable[[Round], float]) -> list[str]:
    mine, other = (statistics.median(map(measure, turns)) for turns in zip(*pairs, strict=True))
    return [what, f"{mine:.2f}", f"{other:.2f}", f"{mine / other:.2f}"]
