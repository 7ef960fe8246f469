"""Executors that are forked from one process which has imported everything already (`forking.py`).

Starting `python -m executor` costs more than most scenarios do; a fork costs next to nothing, and is a real process
with real worker processes all the same.
"""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from local_servers.errors import ServerFailed
from local_servers.installation import PROJECT_ROOT, Service
from local_servers.process import STOP_SECONDS, process_exists

END_POLL_SECONDS = 0.01


@dataclasses.dataclass(frozen=True)
class ForkOrder:
    """What `python -m executor` would be started with."""

    environment: dict[str, str]
    folder: str
    log_file: str
    exit_file: str


class ForkServer:
    """Forks executors; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT_ROOT,
            start_new_session=True,
        )

    def fork(self, order: ForkOrder) -> int:
        """Start an executor and return its pid."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(dataclasses.asdict(order)).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise ServerFailed("the process that forks executors has ended")
        return int(answer)

    def close(self) -> None:
        self._process.communicate(timeout=STOP_SECONDS)


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    made = ForkServer()
    try:
        yield made
    finally:
        made.close()


class ForkedExecutor(Service):
    """An executor like `Service`, without an interpreter of its own to start."""

    def __init__(self, server: ForkServer, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._server = server
        self._pid: int | None = None

    @property
    def running(self) -> bool:
        return self._pid is not None and self.exit_code is None and process_exists(self._pid)

    def start(self, failure: Callable[[], Exception | None]) -> None:
        self._exit_file.unlink(missing_ok=True)
        folder = self.program.folder
        order = ForkOrder(self.program.environment, str(folder), str(self.log_file), str(self._exit_file))
        self._pid = self._server.fork(order)
        self._pid_file.write_text(str(self._pid))
        try:
            self._wait_until_ready(failure)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        pid, self._pid = self._pid, None
        if pid is None:
            return
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and its code is not written yet
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.exit_code is None:
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            time.sleep(END_POLL_SECONDS)

    def _has_ended(self) -> bool:
        return self.exit_code is not None
