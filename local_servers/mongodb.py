import contextlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local_servers.errors import ServerFailed, ServerMissing
from local_servers.machine import LOOPBACK, free_port, new_folder, plain_environment
from local_servers.process import GuardedProcess, Program
from local_servers.server import START_TRIES, port_is_free
from shared.embedded_mongodb import REPLICA_SET, EmbeddedMongodbError, find_mongod

ALREADY_INITIALIZED = 23


class MongodbServer:
    """A `mongod` as a replica set of one, as transactions and change streams need it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = 0
        self._process: GuardedProcess | None = None

    @property
    def url(self) -> str:
        return f"mongodb://{LOOPBACK}:{self._port}/?replicaSet={REPLICA_SET}"

    @property
    def process(self) -> GuardedProcess:
        if self._process is None:
            raise ServerFailed("mongod has not been started")
        return self._process

    def start(self) -> Self:
        if self._process is None:
            self._start_new()
        elif not self._process.running:
            self._launch()
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def _start_new(self) -> None:
        try:
            find_mongod()
        except EmbeddedMongodbError as error:
            raise ServerMissing(str(error)) from error
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        for remaining in range(START_TRIES - 1, -1, -1):
            self._port = free_port()
            try:
                self._launch()
                return
            except ServerFailed:
                # Somebody may have taken the port between our probe and the server's own bind.
                if not remaining or port_is_free(self._port):
                    raise

    def _launch(self) -> None:
        options = [f"--dbpath={self.folder / 'data'}", f"--port={self._port}", f"--bind_ip={LOOPBACK}"]
        options += [f"--replSet={REPLICA_SET}", "--nounixsocket", "--wiredTigerCacheSizeGB=0.25", "--quiet"]
        command = [str(find_mongod()), *options, "--setParameter", "diagnosticDataCollectionEnabled=false"]
        program = Program("mongod", command, plain_environment(), self.folder, signal.SIGTERM, None)
        self._process = GuardedProcess(program)
        self._process.start(self._failure)

    def _failure(self) -> Exception | None:
        try:
            with direct_client(self._port) as client:
                make_replica_set(client, f"{LOOPBACK}:{self._port}")
                if client.admin.command("hello")["isWritablePrimary"]:
                    return None
        except PyMongoError as error:
            return error
        return ServerFailed("mongod is not primary yet")


def direct_client(port: int) -> "MongoClient[dict[str, Any]]":
    return MongoClient(LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=500)


def make_replica_set(client: "MongoClient[dict[str, Any]]", member: str) -> None:
    """Tell a new server that it is the one member of its set; an old one knows."""
    try:
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]})
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise


@contextlib.contextmanager
def temporary_mongodb() -> Iterator[MongodbServer]:
    """A started server in a new temporary folder; both are gone afterwards."""
    folder = new_folder("mongodb-")
    server = MongodbServer(folder)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
