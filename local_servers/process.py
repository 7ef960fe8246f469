"""A process of ours that ends with us, started under a guard."""

import contextlib
import dataclasses
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from local_servers import guard
from local_servers.errors import ServerFailed

START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclasses.dataclass(frozen=True)
class Program:
    """How to run one server; `user` is None where it runs as ourselves."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    stop_signal: signal.Signals
    user: str | None


class GuardedProcess:
    """One server process and its guard. The folder goes when we die without stopping it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.log_file = program.folder / "server.log"
        self._pid_file = program.folder / "server.pid"
        self._exit_file = program.folder / "server.exit"
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return int(self._pid_file.read_text())

    @property
    def exit_code(self) -> int | None:
        """How the last start of it ended: minus the signal's number after a signal, None while it runs."""
        try:
            return int(self._exit_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    @property
    def running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None and process_exists(self.pid)

    def start(self, failure: Callable[[], Exception | None]) -> None:
        """Start it, and return when `failure` has none to tell.

        Raises: ServerFailed with the end of the log.
        """
        self._pid_file.unlink(missing_ok=True)
        self._exit_file.unlink(missing_ok=True)
        self._guard = subprocess.Popen(  # noqa: S603 - our own module with our own order
            [sys.executable, "-I", "-S", guard.__file__], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._give_order(self._guard)
            self._wait_until_ready(failure)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it in order; nothing happens when it is not running."""
        running, self._guard = self._guard, None
        if running is None:
            return
        with contextlib.suppress(BrokenPipeError):  # the guard has ended by itself
            running.communicate(b"stop\n", STOP_SECONDS + 10)
        self._pid_file.unlink(missing_ok=True)

    def send_signal(self, number: signal.Signals) -> None:
        """To the server's own process alone, not to its children."""
        os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """Wait until it has ended by itself or by a signal; its exit code. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while (code := self.exit_code) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.program.name} still runs after {seconds:.0f} s")
            time.sleep(0.02)
        self.stop()
        return code

    def kill(self) -> None:
        """SIGKILL to the server and its children, as the kernel would for memory."""
        if self.running:
            self._signal_all(signal.SIGKILL)
            self.stop()

    def pause(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def last_log_lines(self, count: int = 15) -> str:
        if not self.log_file.exists():
            return "(no log)"
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-count:])

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in (self.pid, *children(self.pid)):
            with contextlib.suppress(ProcessLookupError):  # a child that ended with its parent
                os.kill(pid, number)

    def _give_order(self, running: subprocess.Popen[bytes]) -> None:
        if running.stdin is None:
            raise ServerFailed("the guard has no standard input")
        running.stdin.write(f"{self._order().to_json()}\n".encode())
        running.stdin.flush()

    def _order(self) -> guard.GuardOrder:
        return guard.GuardOrder(
            command=self.program.command,
            environment=self.program.environment,
            stop_signal=self.program.stop_signal,
            stop_seconds=STOP_SECONDS,
            user=self.program.user,
            pid_file=str(self._pid_file),
            exit_file=str(self._exit_file),
            log_file=str(self.log_file),
            folder=str(self.program.folder),
        )

    def _wait_until_ready(self, failure: Callable[[], Exception | None]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while (refusal := failure()) is not None:
            if self._has_ended():
                raise ServerFailed(f"{self.program.name} ended while starting:\n{self.last_log_lines()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.program.name} was not up after {START_SECONDS:.0f} s: {refusal}")
            time.sleep(0.05)

    def _has_ended(self) -> bool:
        if self._guard is None or self._guard.poll() is not None:
            return True
        started = self._pid_file.exists() and self._pid_file.read_text() != ""
        return started and not process_exists(self.pid)


def process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def children(parent: int) -> list[int]:
    """The direct children of a process, where /proc tells (Linux); elsewhere none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended while we looked
            # The name in parentheses may hold spaces: the fields are counted behind the last one.
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def run_tool(program: Program) -> None:
    """Run one of a server's own tools to its end; its output is shown only when it fails."""
    user = program.user
    done = subprocess.run(  # noqa: S603 - a server's own tool
        program.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=program.folder,
        env=program.environment,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.decode(errors="replace").splitlines()[-15:])
        raise ServerFailed(f"{program.name} failed with {done.returncode}:\n{tail}")
