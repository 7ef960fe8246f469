"""The connection test: how far it comes, in whose words, and that it ends in time."""

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest

from local_servers import Database
from shared import connection_test
from shared.connection_test import ConnectionTestReport, TestPurpose
from shared.dialects.base import ConnectionSettings, Purpose
from shared.secret import Secret
from tests.conformance.dialects.conftest import Connect
from tests.factories import connection_settings

SERVERS = pytest.mark.parametrize(
    "any_database", ["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)], indirect=True
)


def outcome(report: ConnectionTestReport) -> dict[str, bool | None]:
    return {step.step: step.ok for step in report.steps}


def failed_step(report: ConnectionTestReport) -> str:
    assert not report.success
    [step] = [step for step in report.steps if step.ok is False]
    assert step.message == report.message
    assert step.hint
    return step.step


@pytest.mark.parametrize("purpose", ["source", "target"])
def test_a_sound_connection_passes_every_step(purpose: TestPurpose, any_database: Database) -> None:
    if any_database.path is not None:
        any_database.execute("CREATE TABLE t (a)")
    report = connection_test.test_connection(connection_settings(any_database), purpose)
    assert report.success, report
    assert report.server_version is not None
    assert report.server_version in report.message
    network = None if any_database.path is not None else True
    expected: dict[str, bool | None] = dict.fromkeys(("name", "port", "tls", "login"), network)
    expected |= {"database": True, "read": True} | ({"write": True} if purpose == "target" else {})
    assert outcome(report) == expected
    assert list(outcome(report)) == list(expected)


def test_the_write_step_leaves_nothing_behind(any_database: Database, connect: Connect) -> None:
    connection_test.test_connection(connection_settings(any_database), "target")
    session = connect(any_database, Purpose.TARGET)
    assert list(session.dialect.table_names_like(session, "public", "etl_engine_")) == []


@SERVERS
@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({"port": 1}, {"port"}),
        ({"host": "169.254.169.254"}, {"name"}),
        ({"host": "no-such-name.invalid"}, {"name"}),
        ({"password": Secret("canary-password")}, {"login"}),
        ({"database": "no_such_database"}, {"database", "login"}),
        ({"ssl_mode": "verify-full"}, {"tls"}),
    ],
)
def test_each_fault_is_told_at_its_step(
    change: dict[str, object], steps: set[str], any_database: Database
) -> None:
    settings = dataclasses.replace(connection_settings(any_database), **change)  # type: ignore[arg-type]
    report = connection_test.test_connection(settings)
    assert failed_step(report) in steps
    assert "canary" not in repr(report)


def test_the_other_databases_port_is_told(postgresql_database: Database, mariadb_database: Database) -> None:
    postgresql = connection_settings(postgresql_database)
    mariadb = connection_settings(mariadb_database)
    crossed = dataclasses.replace(postgresql, port=mariadb.port)
    assert failed_step(connection_test.test_connection(crossed)) == "tls"
    crossed = dataclasses.replace(mariadb, port=postgresql.port)
    assert failed_step(connection_test.test_connection(crossed)) == "tls"


def test_a_private_network_that_is_not_allowed_is_refused(postgresql_database: Database) -> None:
    report = connection_test.test_connection(
        connection_settings(postgresql_database), allowed_private=(ip_network("10.0.0.0/8"),)
    )
    assert failed_step(report) == "name"


def test_a_target_user_without_the_right_to_create_is_told(
    postgresql_database: Database, connect: Connect
) -> None:
    postgresql_database.execute(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "CREATE SCHEMA ledger", "DROP SCHEMA public CASCADE"
    )
    settings = dataclasses.replace(connection_settings(postgresql_database), ledger_schema="ledger")
    report = connection_test.test_connection(settings, "target")
    assert failed_step(report) == "write"


def test_a_missing_file_is_told(sqlite_database: Database) -> None:
    report = connection_test.test_connection(connection_settings(sqlite_database))
    assert failed_step(report) == "database"


class Listener:
    """Accepts connections and treats them as `behave` says, until the test is over."""

    def __init__(self, behave: Callable[[socket.socket, threading.Event], None]) -> None:
        self._behave = behave
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._peers: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.port: int = self._socket.getsockname()[1]

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self._peers.append(peer)
            self._threads.append(threading.Thread(target=self._serve, args=(peer,)))
            self._threads[-1].start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            self._behave(peer, self._over)
        except OSError:
            return

    def close(self) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in self._peers:
            peer.close()
        for thread in self._threads:
            thread.join(10)


def stay_silent(_peer: socket.socket, over: threading.Event) -> None:
    over.wait()


def drip(peer: socket.socket, over: threading.Event) -> None:
    """One byte at a time, starting as MySQL's greeting of 80 bytes or as PostgreSQL's refusal of TLS."""
    for byte in b"\x50\0\0\0\x0a" + b"8" * 75:
        peer.sendall(bytes([byte]))
        if over.wait(0.2):
            return


def refuse_tls_then_stay_silent(peer: socket.socket, over: threading.Event) -> None:
    peer.recv(8)
    peer.sendall(b"N")
    over.wait()


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[socket.socket, threading.Event], None]], int]]:
    listeners: list[Listener] = []

    def start(behave: Callable[[socket.socket, threading.Event], None]) -> int:
        listeners.append(Listener(behave))
        return listeners[-1].port

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("db_type", ["postgresql", "mysql"])
@pytest.mark.parametrize("behave", [stay_silent, drip, refuse_tls_then_stay_silent])
def test_it_ends_in_time_whatever_the_host_does(
    behave: Callable[[socket.socket, threading.Event], None],
    db_type: str,
    listen: Callable[[Callable[[socket.socket, threading.Event], None]], int],
) -> None:
    settings = ConnectionSettings("c", db_type, "d", "127.0.0.1", listen(behave), "u", Secret("canary"))
    started = time.monotonic()
    report = connection_test.test_connection(settings, deadline_seconds=2.0)
    assert time.monotonic() - started < 2.5
    assert failed_step(report) in ("tls", "login")
    assert "canary" not in repr(report)


def test_a_name_server_that_does_not_answer_is_left_behind() -> None:
    settings = ConnectionSettings("c", "postgresql", "d", "db.example.com", 5432, "u")
    released = threading.Event()

    def resolve(_host: str) -> tuple[str, ...]:
        released.wait(30)
        return ("127.0.0.1",)

    started = time.monotonic()
    report = connection_test.test_connection(settings, deadline_seconds=0.5, resolve=resolve)
    assert time.monotonic() - started < 1
    assert failed_step(report) == "name"
    released.set()
