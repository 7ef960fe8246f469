"""Memory and CPU of processes, from /proc (Linux)."""

import contextlib
import os
import re
import resource
from pathlib import Path

from local_servers.process import children

TICKS = os.sysconf("SC_CLK_TCK")
KIB_PER_MIB = 1024


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children(pending.pop())
        found += below
        pending += below
    return found


def worker_processes(executor_pid: int) -> list[int]:
    """The executor's worker processes: the children that `multiprocessing` spawned to run code."""
    return [pid for pid in descendants(executor_pid) if b"spawn_main" in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):  # it has ended
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def peak_mib(pid: int) -> float:
    """The largest resident size that the process ever had; 0 when it has ended."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        if found := re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE):
            return int(found[1]) / KIB_PER_MIB
    return 0.0


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of all that it has started, also of what has ended and was waited for."""
    return sum(_cpu_with_reaped(each) for each in (pid, *descendants(pid)))


def ended_children_cpu_seconds() -> float:
    """CPU time of our own children that have ended, such as the databases' clients."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _cpu_with_reaped(pid: int) -> float:
    with contextlib.suppress(OSError):  # it has ended: whoever waited for it counts it
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / TICKS
    return 0.0
