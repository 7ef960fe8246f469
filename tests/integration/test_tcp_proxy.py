"""The proxy fails as it is told, seen by a real client of a real server."""

import errno
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg2
import pytest

from local_servers import Database
from tests.tcp_proxy import Direction, TcpProxy


@pytest.fixture
def proxy(postgresql_database: Database) -> Iterator[TcpProxy]:
    with TcpProxy(postgresql_database.host, postgresql_database.port) as running:
        yield running


@pytest.fixture
def through(postgresql_database: Database, proxy: TcpProxy) -> Database:
    return replace(postgresql_database, port=proxy.port)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 10 s"
        time.sleep(0.02)


def test_it_carries_both_ways(through: Database, proxy: TcpProxy) -> None:
    assert through.rows("SELECT length(repeat('x', 1000000))") == [(1000000,)]
    assert through.rows("SELECT repeat('x', 1000000)") == [("x" * 1000000,)]
    wait_until(lambda: proxy.connections == 0)


def test_a_cut_is_an_error_and_the_next_connection_works(through: Database, proxy: TcpProxy) -> None:
    with through.cursor() as cursor:
        cursor.execute("SELECT 1")
        proxy.cut()
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")
    assert through.rows("SELECT 1") == [(1,)]


def test_refused_connections_come_back_when_healed(through: Database, proxy: TcpProxy) -> None:
    proxy.refuse()
    with pytest.raises(psycopg2.OperationalError):
        through.open()
    proxy.heal()
    assert through.rows("SELECT 1") == [(1,)]


def test_silence_holds_back_until_healed(through: Database, proxy: TcpProxy) -> None:
    with through.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        proxy.silence(Direction.TO_SERVER)
        asked = pool.submit(cursor.execute, "SELECT 42")
        with pytest.raises(TimeoutError):
            asked.result(0.3)
        proxy.heal()
        asked.result(10)
        assert cursor.fetchone() == (42,)


def test_a_lost_answer_to_commit_leaves_a_commit(
    through: Database, proxy: TcpProxy, postgresql_database: Database
) -> None:
    postgresql_database.execute("CREATE TABLE kept (i INTEGER)")
    connection = through.open()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO kept VALUES (1)")
        proxy.cut_after(lambda direction, piece: direction is Direction.TO_SERVER and b"COMMIT" in piece)
        with pytest.raises(psycopg2.OperationalError):
            connection.commit()
    connection.close()
    wait_until(lambda: postgresql_database.rows("SELECT i FROM kept") == [(1,)])


def test_delay_slows_each_piece_down(through: Database, proxy: TcpProxy) -> None:
    with through.cursor() as cursor:
        proxy.delay(0.3)
        began = time.monotonic()
        cursor.execute("SELECT 1")
        assert time.monotonic() - began >= 0.5


def test_dropped_packets_are_answered_by_nothing_until_healed(through: Database, proxy: TcpProxy) -> None:
    with through.cursor() as cursor:
        cursor.execute("SELECT 1")
        with socket.create_connection(("127.0.0.1", proxy.port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
            wait_until(lambda: proxy.connections == 2)
            proxy.drop()
            line.sendall(b"x")
            line.settimeout(20)
            with pytest.raises(TimeoutError) as given_up:
                line.recv(1)
            # The kernel's own answer, which silence alone would not bring about: it acknowledges what it holds back.
            assert given_up.value.errno == errno.ETIMEDOUT
        with pytest.raises(psycopg2.OperationalError, match="timeout"):
            through.open()
        proxy.heal()
        cursor.execute("SELECT 42")
        assert cursor.fetchone() == (42,)
