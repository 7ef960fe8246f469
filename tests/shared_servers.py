"""One of each server for a whole test session, its xdist workers included.

The session's first process keeps a `ServerDesk`: workers ask it over a Unix socket, it starts what nobody has
asked for before, and it stops everything when the session ends. When that process dies, the guards do.
A server that TEST_POSTGRESQL_URL, TEST_MARIADB_URL, TEST_MYSQL_URL or TEST_MONGODB_URL names is used instead.
"""

import dataclasses
import os
import shutil
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener

from local_servers import (
    LocalServer,
    LocalServerError,
    MariadbServer,
    MongodbServer,
    MysqlServer,
    PostgresqlServer,
    ServerAccess,
)
from local_servers.access import Flavour
from local_servers.machine import new_folder

SOCKET_VARIABLE = "ETL_TEST_SERVERS"
SERVERS: dict[Flavour, type[LocalServer]] = {
    "postgresql": PostgresqlServer,
    "mariadb": MariadbServer,
    "mysql": MysqlServer,
}
URL_VARIABLES: dict[Flavour, str] = {
    "postgresql": "TEST_POSTGRESQL_URL",
    "mariadb": "TEST_MARIADB_URL",
    "mysql": "TEST_MYSQL_URL",
}
MONGODB_URL_VARIABLE = "TEST_MONGODB_URL"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the desk says: where the server is, or why it cannot be had."""

    found: ServerAccess | str | None = None
    problem: str = ""


class ServerDesk:
    """Starts servers on demand; `close` ends them all."""

    def __init__(self) -> None:
        self.folder = new_folder("tests-")
        self.folder.chmod(0o711)  # other users pass through to their own folder, and see nothing else
        self._locks = {name: threading.Lock() for name in (*SERVERS, "mongodb")}
        self._answers: dict[str, Answer] = {}
        self._stops: list[Callable[[], None]] = []
        self._listener = Listener(str(self.folder / "desk.sock"), "AF_UNIX")
        (self.folder / "desk.sock").chmod(0o600)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return str(self.folder / "desk.sock")

    def close(self) -> None:
        for lock in self._locks.values():
            lock.acquire()  # never released: nothing is started from now on
        for stop in reversed(self._stops):
            stop()
        self._listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection:
            name = connection.recv()
            with self._locks[name]:
                if name not in self._answers:
                    self._answers[name] = self._start(name)
                connection.send(self._answers[name])

    def _start(self, name: str) -> Answer:
        try:
            if name == "mongodb":
                mongodb = MongodbServer(self.folder / name)
                self._stops.append(mongodb.stop)
                return Answer(mongodb.start().url)
            server = next(kind for flavour, kind in SERVERS.items() if flavour == name)(self.folder / name)
            self._stops.append(server.stop)
            return Answer(server.start().access)
        except LocalServerError as error:
            return Answer(problem=str(error))


def ask(name: str) -> ServerAccess | str:
    """The session's server of this name. Raises LocalServerError with the desk's reason."""
    with Client(os.environ[SOCKET_VARIABLE], "AF_UNIX") as connection:
        connection.send(name)
        answer: Answer = connection.recv()
    if answer.found is None:
        raise LocalServerError(answer.problem)
    return answer.found


def sql_server(flavour: Flavour) -> ServerAccess:
    url = os.environ.get(URL_VARIABLES[flavour])
    if url:
        return ServerAccess.from_url(flavour, url)
    found = ask(flavour)
    assert isinstance(found, ServerAccess)
    return found


def mongodb_server() -> str:
    found = os.environ.get(MONGODB_URL_VARIABLE) or ask("mongodb")
    assert isinstance(found, str)
    return found
