"""What the results were measured on."""

import dataclasses
import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

PACKAGES = ("psycopg2-binary", "asyncmy", "pymysql", "pymongo", "fastapi", "uvicorn")


@dataclasses.dataclass(frozen=True)
class Machine:
    date: str
    commit: str
    system: str
    processor: str
    cores: int
    memory_gib: float
    load: float
    python: str
    packages: tuple[str, ...]


def this_machine() -> Machine:
    """`load` is that of the minute before the benchmark: above 0.5 the machine was shared."""
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        commit=_commit(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=_first("/proc/cpuinfo", r"^model name\s*:\s*(.+)$") or platform.processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=int(_first("/proc/meminfo", r"^MemTotal:\s+(\d+)") or 0) / 1024**2,
        load=os.getloadavg()[0],
        python=platform.python_version(),
        packages=tuple(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES),
    )


def _first(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:  # not Linux
        return ""
    return found[1].strip() if found else ""


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"
