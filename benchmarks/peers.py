"""Other tools on the same job, when `make bench-peers` has installed them beside the project."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.cases import DIRECT, direct_case
from benchmarks.jobs import Pair
from benchmarks.lineitem import COLUMNS, TABLE
from benchmarks.measure import Line
from benchmarks.options import BenchmarkError
from local_servers import Database

LOCK = Path(__file__).with_name("peers.lock")
DLT_SCRIPT = Path(__file__).with_name("peer_dlt.py")
MISSING = "No peers were measured: `make bench-peers` installs ingestr, Sling and dlt (Linux x86-64)."

# What dlt remembers of earlier rounds beside its target.
DLT_TABLES = ("_dlt_loads", "_dlt_pipeline_state", "_dlt_version")
# Nothing of this is sent anywhere from a benchmark.
QUIET = {
    "DISABLE_TELEMETRY": "true",
    "TELEMETRY_DISABLED": "true",
    "INGESTR_DISABLE_TELEMETRY": "true",
    "SLING_DISABLE_TELEMETRY": "true",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}


@dataclasses.dataclass(frozen=True)
class Peer:
    """`order` gives the command and what its environment adds, for a new table in a working folder."""

    name: str
    program: Path
    order: Callable[[Path, Pair, str, Path], tuple[list[str], dict[str, str]]]


def install_peers(work: Path) -> None:
    """Make the peers' own venv anew from their lock."""
    venv = peers_venv(work)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        [*pip, "--no-input", "--no-deps", "--require-hashes", "--requirement", str(LOCK)],
    ):
        if subprocess.run(command, check=False).returncode != 0:
            raise BenchmarkError("the peers could not be installed; pip says above why")
    # The package holds the program without its execute permission.
    for program in sling_programs(venv):
        program.chmod(0o755)
    print(f"installed in {venv}: {', '.join(peer.name for peer in installed_peers(work))}")


def peers_venv(work: Path) -> Path:
    return work / "peers"


def installed_peers(work: Path) -> list[Peer]:
    venv = peers_venv(work)
    ingestr = venv / "bin" / "ingestr"
    python = venv / "bin" / "python"
    found = [Peer("ingestr", ingestr, ingestr_order)] if ingestr.exists() else []
    found += [Peer("Sling", program, sling_order) for program in sling_programs(venv)]
    if list(venv.glob("lib/python3*/site-packages/dlt/__init__.py")):
        found.append(Peer("dlt", python, dlt_order))
    return found


def sling_programs(venv: Path) -> list[Path]:
    return list(venv.glob("lib/python3*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"))


def ingestr_order(program: Path, pair: Pair, table: str, _: Path) -> tuple[list[str], dict[str, str]]:
    command = [str(program), "ingest", "--source-table", f"public.{TABLE}", "--dest-table", f"public.{table}"]
    command += ["--full-refresh", "--yes", "--progress", "log", "--no-load-timestamp"]
    urls = {"SOURCE_URI": url(pair.source), "DESTINATION_URI": url(pair.target)}
    return command, urls


def sling_order(program: Path, pair: Pair, table: str, home: Path) -> tuple[list[str], dict[str, str]]:
    command = [str(program), "run", "--mode", "full-refresh"]
    command += ["--src-conn", "BENCH_SOURCE", "--src-stream", f"public.{TABLE}"]
    command += ["--tgt-conn", "BENCH_TARGET", "--tgt-object", f"public.{table}"]
    urls = {"BENCH_SOURCE": url(pair.source), "BENCH_TARGET": url(pair.target)}
    return command, {**urls, "SLING_HOME_DIR": str(home)}


def dlt_order(program: Path, pair: Pair, table: str, home: Path) -> tuple[list[str], dict[str, str]]:
    urls = {"BENCH_SOURCE": url(pair.source), "BENCH_TARGET": url(pair.target)}
    return [str(program), "-I", str(DLT_SCRIPT), table], {**urls, "DLT_DATA_DIR": str(home)}


def url(database: Database) -> str:
    return f"{database.url}?sslmode=disable"


def peer_jobs(pair: Pair, work: Path) -> Iterator["PeerJob"]:
    for peer in installed_peers(work):
        yield PeerJob(pair, peer)


@dataclasses.dataclass
class PeerJob:
    pair: Pair
    peer: Peer
    line: Line = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        first = next(iter(self.pair.limits))
        self.line = Line(self.pair.name, DIRECT, self.peer.name, (DIRECT, first))

    @property
    def table(self) -> str:
        return f"peer_{self.peer.name.lower()}"

    def prepare(self, _: int) -> None:
        for table in (self.table, *DLT_TABLES):
            self.pair.target.execute(f"DROP TABLE IF EXISTS {table}")

    def run(self, _: int) -> float:
        with new_home() as home:
            command, extra = self.peer.order(self.peer.program, self.pair, self.table, home)
            path = os.pathsep.join([str(self.peer.program.parent), os.environ.get("PATH", os.defpath)])
            environment = {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", **QUIET, **extra}
            started = time.perf_counter()
            done = subprocess.run(
                command,
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            seconds = time.perf_counter() - started
        if done.returncode != 0:
            last = done.stdout.decode(errors="replace").strip().splitlines()[-3:]
            raise BenchmarkError(f"{self.peer.name} ended with {done.returncode}: {' '.join(last)}")
        return seconds

    def check(self, _: int) -> None:
        self.pair.compare(self.table, COLUMNS, direct_case(DIRECT, "replace").expected)


@contextlib.contextmanager
def new_home() -> Iterator[Path]:
    """A home of its own: no state of an earlier round, and nothing written into the user's."""
    with tempfile.TemporaryDirectory(prefix="etl-peer-") as folder:
        yield Path(folder)
