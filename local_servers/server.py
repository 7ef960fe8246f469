"""A database server of ours: started, stopped, killed, paused, started again over its data."""

import abc
import contextlib
import dataclasses
import enum
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from local_servers.access import Flavour, ServerAccess
from local_servers.errors import ServerFailed
from local_servers.machine import LOOPBACK, free_port, new_folder, own, plain_environment, server_user
from local_servers.process import GuardedProcess, Program, run_tool

START_TRIES = 3


class Durability(enum.Enum):
    """FAST survives the kill of the server but not of the machine; DURABLE waits for the disk."""

    FAST = "fast"
    DURABLE = "durable"


ServerT = TypeVar("ServerT", bound="LocalServer")


class LocalServer(abc.ABC):
    """One SQL server in one folder. Not for use by several threads at once.

    `start` initialises the folder when it is empty and returns when logins succeed; `stop` ends the server in
    order, `kill` without any; after either, `start` brings it back on the same port with its data.
    """

    flavour: ClassVar[Flavour]
    users: ClassVar[tuple[str, ...]]
    runs_as_ourselves: ClassVar[bool] = False
    stop_signal: ClassVar[signal.Signals]
    fast_settings: ClassVar[Mapping[str, str]]
    common_settings: ClassVar[Mapping[str, str]]

    def __init__(
        self,
        folder: Path,
        *,
        durability: Durability = Durability.FAST,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        fast = self.fast_settings if durability is Durability.FAST else {}
        self.settings = {**self.common_settings, **fast, **(settings or {})}
        self.user = None if self.runs_as_ourselves else server_user(self.users)
        self._access: ServerAccess | None = None
        self._process: GuardedProcess | None = None

    @property
    def access(self) -> ServerAccess:
        if self._access is None:
            raise ServerFailed(f"{self.flavour} has not been started")
        return self._access

    @property
    def process(self) -> GuardedProcess:
        if self._process is None:
            raise ServerFailed(f"{self.flavour} has not been started")
        return self._process

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @abc.abstractmethod
    def _initialise(self, access: ServerAccess) -> None:
        """Fill the empty data folder, so that the administrator of `access` can log in."""

    @abc.abstractmethod
    def _command(self, access: ServerAccess) -> list[str]: ...

    @abc.abstractmethod
    def _prepare(self, access: ServerAccess) -> None:
        """Over SQL, once: the ordinary login."""

    def _environment(self) -> dict[str, str]:
        return plain_environment()

    def start(self) -> Self:
        if self._access is None:
            self._start_new()
        elif not self.process.running:
            self._launch(self._access)
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
        self.folder.mkdir(parents=True, exist_ok=True)
        own(self.folder, self.user)
        access = new_access(self.flavour)
        self._initialise(access)
        for remaining in range(START_TRIES - 1, -1, -1):
            access = dataclasses.replace(access, port=free_port())
            try:
                self._launch(access)
                break
            except ServerFailed:
                # Somebody may have taken the port between our probe and the server's own bind.
                if not remaining or port_is_free(access.port):
                    raise
        self._prepare(access)
        self._access = access

    def _launch(self, access: ServerAccess) -> None:
        process = GuardedProcess(self._program(self._command(access)))
        self._process = process
        process.start(lambda: login_failure(access))

    def _program(self, command: list[str]) -> Program:
        name = Path(command[0]).name
        return Program(name, command, self._environment(), self.folder, self.stop_signal, self.user)

    def _run_tool(self, command: list[str]) -> None:
        run_tool(self._program(command))


def new_access(flavour: Flavour) -> ServerAccess:
    return ServerAccess(
        flavour=flavour,
        host=LOOPBACK,
        port=0,
        username="app",
        password=secrets.token_urlsafe(12),
        admin_username="admin",
        admin_password=secrets.token_urlsafe(12),
    )


def login_failure(access: ServerAccess) -> Exception | None:
    try:
        access.admin().open().close()
    except Exception as error:
        return error
    return None


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0


@contextlib.contextmanager
def temporary_server(kind: type[ServerT], **options: Any) -> Iterator[ServerT]:
    """A started server in a new temporary folder; both are gone afterwards."""
    folder = new_folder(f"{kind.flavour}-")
    server = kind(folder, **options)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
