"""Run one server for as long as the process that asked for it lives.

The owner holds the other end of standard input. Its first line is the JSON form of `GuardOrder` (an argument
would show the environment, and what is secret in it, to every user of the machine). A second line asks for an
orderly stop; the end without one means that the owner has died, and the folder goes too.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(frozen=True)
class GuardOrder:
    """What to run and how to end it. The server's exit code is written to `exit_file` once it has ended."""

    command: list[str]
    environment: dict[str, str]
    stop_signal: int
    stop_seconds: float
    user: str | None
    pid_file: str
    exit_file: str
    log_file: str
    folder: str

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


def end_with_the_guard() -> None:
    """In the server, before it starts: be killed when the guard is."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start_server(order: GuardOrder) -> subprocess.Popen[bytes]:
    with Path(order.log_file).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the command is the owner's, who could run it as well
            order.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=order.folder,
            env=order.environment,
            user=order.user,
            group=primary_group(order.user),
            extra_groups=[] if order.user else None,
            start_new_session=True,
            # The guard has one thread at this point, so the usual danger of preexec_fn is absent.
            preexec_fn=end_with_the_guard if sys.platform == "linux" else None,
        )


def primary_group(user: str | None) -> int | None:
    if user is None:
        return None
    import pwd  # not on every platform; only needed where another user is used

    return pwd.getpwnam(user).pw_gid


def stop_server(server: subprocess.Popen[bytes], order: GuardOrder) -> None:
    if server.poll() is None:
        server.send_signal(order.stop_signal)
    try:
        server.wait(order.stop_seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    # What it left behind in its process group, such as workers that did not notice its end.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)


def note_the_end(server: subprocess.Popen[bytes], order: GuardOrder) -> None:
    """Reap a server that ends by itself, so that its pid tells the owner the truth."""
    code = server.wait()
    with contextlib.suppress(FileNotFoundError):  # the folder goes when the owner has died
        Path(order.exit_file).write_text(str(code))


def main() -> int:
    # A Ctrl-C or a hang-up is the owner's business: it ends the server through the pipe. A handler, not
    # SIG_IGN, because the server would inherit that.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    order = GuardOrder(**json.loads(sys.stdin.buffer.readline()))
    server = start_server(order)
    Path(order.pid_file).write_text(str(server.pid))
    reaper = threading.Thread(target=note_the_end, args=(server, order))
    reaper.start()
    asked = sys.stdin.buffer.readline()
    stop_server(server, order)
    reaper.join()
    if not asked:
        shutil.rmtree(order.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
