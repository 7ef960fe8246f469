"""The process that forks executors for `forked_executors.py`.

It reads one order a line from its standard input and answers with the new pid; when the orders end, or it dies, its
children end too.
"""

import ctypes
import gc
import importlib
import json
import multiprocessing
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

import sqlglot

import executor.main
from executor import fault_points
from shared.dialects import DIALECTS, dialect_for
from tests.chaos.forked_executors import ForkOrder

PR_SET_PDEATHSIG = 1
FORK = multiprocessing.get_context("fork")
PARSERS = ("mysql", "postgres")
IDLE_SECONDS = 1.0  # of a warm target session: nothing is left behind once it has ended


class Children:
    """The forked executors; their exit codes are written to their files as soon as they end."""

    def __init__(self) -> None:
        self._orders: dict[int, ForkOrder] = {}

    def fork(self, order: ForkOrder) -> int:
        pid = os.fork()
        if pid == 0:
            be_an_executor(order)
        self._orders[pid] = order
        return pid

    def reap(self) -> None:
        """Note which executors have ended, without waiting."""
        while self._orders:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            written = Path(self._orders.pop(pid).exit_file)
            whole = written.with_suffix(".new")
            whole.write_text(str(os.waitstatus_to_exitcode(status)))
            whole.replace(written)

    def kill(self) -> None:
        for pid in self._orders:
            os.killpg(pid, signal.SIGKILL)


def be_an_executor(order: ForkOrder) -> NoReturn:
    """In the child: do what `python -m executor` does with this order."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chdir(order.folder)
        take_over_files(order.log_file)
        os.environ.clear()
        os.environ.update(order.environment)
        importlib.reload(fault_points)  # it reads the environment
        with (
            patch("executor.pool.multiprocessing.get_context", lambda _: FORK),
            patch("executor.warm_sessions.IDLE_SECONDS", IDLE_SECONDS),
        ):
            code = executor.main.main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def take_over_files(log_file: str) -> None:
    """Leave no file open but nothing to read and the log."""
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, place)
    os.closerange(3, max(log, nothing) + 1)


def load_what_is_loaded_at_first_use() -> None:
    for parser in PARSERS:
        sqlglot.Dialect.get_or_raise(parser)
    for db_type in DIALECTS:
        dialect_for(db_type)


def serve() -> None:
    """Fork what is ordered until the orders end."""
    orders = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - unbuffered, for select
    load_what_is_loaded_at_first_use()
    gc.freeze()
    children = Children()
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    while True:
        ready, _, _ = select.select([orders.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            children.reap()
        if orders.fileno() in ready:
            line = orders.readline()
            if not line:
                break
            pid = children.fork(ForkOrder(**json.loads(line)))
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
    children.kill()


if __name__ == "__main__":
    serve()
