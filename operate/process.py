"""Detached processes, remembered in pid files so that only our own are ever stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.05
# How long a new process may be without a command line; a busy machine needs some milliseconds.
_COMMAND_WITHIN_SECONDS = 10
_COMMAND_POLL_SECONDS = 0.001
_STAT_STATE, _STAT_START = 0, 19  # fields of /proc/<pid>/stat, counted after the command's name


@dataclass(frozen=True)
class ProcessMark:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    started: str


@dataclass(frozen=True)
class ProcessFacts:
    """What the operating system says of a living process."""

    started: str
    command: str


def start_detached(
    command: Sequence[str], log: Path, folder: Path | None, environment: Mapping[str, str]
) -> int:
    """Start a command in a session of its own, its output added to `log`.

    It runs in `folder`, by default the current one, with `environment` added to this process's own.
    Returns its number once the operating system shows its command line, by which it is found again.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # our own programs
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # It is meant to outlive this process; a Popen that still waits for it would warn of that.
    process.returncode = 0
    _wait_for_command(process.pid)
    return process.pid


def _wait_for_command(pid: int) -> None:
    """Wait until a new process shows its command line, or has ended.

    Its program runs a moment before the kernel has that line to show: an empty one until then.
    """
    deadline = time.monotonic() + _COMMAND_WITHIN_SECONDS
    while (facts := read_facts(pid)) is not None and not facts.command.strip():
        if time.monotonic() > deadline:
            return
        time.sleep(_COMMAND_POLL_SECONDS)


def write_mark(path: Path, pid: int) -> None:
    """Remember a process that was just started; one that has ended already leaves no mark."""
    facts = read_facts(pid)
    if facts is not None:
        path.write_text(f"{pid} {facts.started}\n", "ascii")


def find_process(path: Path, words: str) -> ProcessMark | None:
    """Return the living process of a pid file, None when it has ended or the number is someone else's now.

    `words` are those of its command line that tell it from other programs.
    """
    try:
        pid, _, started = path.read_text("ascii").strip().partition(" ")
        mark = ProcessMark(int(pid), started)
    except (FileNotFoundError, ValueError):
        return None
    facts = read_facts(mark.pid)
    if facts is None or facts.started != mark.started or words not in facts.command:
        return None
    return mark


def read_facts(pid: int) -> ProcessFacts | None:
    """Ask the operating system for a process; None when there is none, or only its exit code is left."""
    return _read_proc(pid) if Path("/proc/self/stat").exists() else _ask_ps(pid)


def _read_proc(pid: int) -> ProcessFacts | None:
    folder = Path(f"/proc/{pid}")
    try:
        fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        command = (folder / "cmdline").read_text("utf-8", "replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[_STAT_STATE] in "ZX" else ProcessFacts(fields[_STAT_START], command)


def _ask_ps(pid: int) -> ProcessFacts | None:
    command = ["ps", "-ww", "-p", str(pid), "-o", "stat=", "-o", "lstart=", "-o", "command="]
    answer = subprocess.run(  # noqa: S603  # fixed words and a number
        command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    words = answer.stdout.split()
    if len(words) < 7 or words[0].startswith("Z"):
        return None
    return ProcessFacts("-".join(words[1:6]), " ".join(words[6:]))


def stop_process(mark: ProcessMark, grace_seconds: float) -> bool:
    """End a process and what it started, politely, then by force; return whether it went by itself."""
    _signal_quietly(mark.pid, signal.SIGTERM)
    ended = _wait_for_end(mark, grace_seconds)
    _kill_session(mark.pid)
    return ended


def _wait_for_end(mark: ProcessMark, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while (facts := read_facts(mark.pid)) is not None and facts.started == mark.started:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _kill_session(pid: int) -> None:
    """End what is left of the process group; its number stays ours as long as any member lives."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _signal_quietly(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
