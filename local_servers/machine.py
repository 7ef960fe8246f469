"""What this machine offers: users, ports, folders, programs."""

import contextlib
import getpass
import os
import pwd
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from local_servers.errors import LocalServerError, ServerFailed

LOOPBACK = "127.0.0.1"
SERVER_PORTS = range(20_000, 32_000)  # below those of outgoing connections, on Linux and elsewhere
TRIED_PORTS = 100


def free_port() -> int:
    """A port that nobody listens on now; whoever binds it next must be ready to find it taken.

    None of those that outgoing connections are given: one of them would take it while its server is down for a moment.
    """
    for port in secrets.SystemRandom().sample(SERVER_PORTS, TRIED_PORTS):
        with socket.socket() as probe, contextlib.suppress(OSError):  # somebody listens on it
            probe.bind((LOOPBACK, port))
            return port
    raise ServerFailed(f"none of {TRIED_PORTS} ports from {SERVER_PORTS.start} on is free")


def server_user(preferred: Iterable[str]) -> str | None:
    """The user to run a server as: nobody else (None) unless we are root, whom database servers refuse."""
    if os.geteuid() != 0:
        return None
    for name in (*preferred, "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise LocalServerError(
        "database servers refuse to run as root, and there is no user `nobody` to run them as"
    )


def own(path: Path, user: str | None) -> None:
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def new_folder(prefix: str) -> Path:
    """A new temporary folder that another user can pass through, with a path short enough for a socket."""
    for base in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - only their parents
        if base.is_dir() and reachable_by_others(base) and len(str(base)) <= 40:
            folder = base / f"{prefix}{secrets.token_hex(5)}"
            folder.mkdir(mode=0o755)
            folder.chmod(0o755)
            return folder
    raise LocalServerError(
        "no temporary folder that a database server could use; set TMPDIR to a short, public one"
    )


def reachable_by_others(path: Path) -> bool:
    resolved = path.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in (resolved, *resolved.parents))


def find_program(name: str, folders: Iterable[Path] = ()) -> Path | None:
    """The program in one of the folders, else on PATH or in the folders of system programs."""
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return folder / name
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=search)
    return Path(found) if found else None


def plain_environment(**extra: str) -> dict[str, str]:
    """The environment of a server: nothing of ours but PATH, so that no PG* or MYSQL* setting leaks in."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC", **extra}


def who_am_i() -> str:
    return getpass.getuser()
