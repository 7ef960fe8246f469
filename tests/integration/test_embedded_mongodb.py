"""The embedded mongod: a real one, started, shared, killed and stopped."""

import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from shared import embedded_mongodb
from shared.embedded_mongodb import (
    EmbeddedMongodb,
    EmbeddedMongodbError,
    start_embedded_mongodb,
    stop_unused_mongodb,
)
from shared.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
USER = """
import pathlib, sys
from shared.embedded_mongodb import start_embedded_mongodb
server = start_embedded_mongodb(pathlib.Path(sys.argv[1]))
print(server.url, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_unused_mongodb(tmp_path)


@contextmanager
def second_user(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds the mongod until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        if process.poll() is None:
            process.communicate(timeout=60)


class ReusingServer(socketserver.TCPServer):
    allow_reuse_address = True


@contextmanager
def other_server(port: int) -> Iterator[None]:
    """Something else on the port: it takes connections and closes them."""
    with ReusingServer(("127.0.0.1", port), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield
        server.shutdown()
        thread.join()


def client_of(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url, serverSelectionTimeoutMS=10_000)


def insert_note(server: EmbeddedMongodb, text: str) -> None:
    with client_of(server.url) as client, client.start_session() as session, session.start_transaction():
        client.notes.notes.insert_one({"text": text}, session=session)


def read_notes(url: str) -> list[str]:
    with client_of(url) as client:
        return [note["text"] for note in client.notes.notes.find().sort("_id")]


def pid_of_mongod(data_dir: Path) -> int:
    return int((data_dir / "mongodb" / "db" / "mongod.lock").read_text())


def is_running(data_dir: Path) -> bool:
    return embedded_mongodb._is_running(data_dir / "mongodb")


def kill_mongod(data_dir: Path) -> None:
    os.kill(pid_of_mongod(data_dir), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_running(data_dir):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_has_transactions_and_change_streams_and_keeps_its_data_over_a_restart(data_dir: Path) -> None:
    first = start_embedded_mongodb(data_dir)
    with client_of(first.url) as client, client.notes.watch() as stream:
        insert_note(first, "kept")
        change = stream.next()
    assert change["fullDocument"]["text"] == "kept"
    first.stop()
    assert not is_running(data_dir)

    # On its old port where that is still free, which other processes on this machine decide.
    second = start_embedded_mongodb(data_dir)
    assert read_notes(second.url) == ["kept"]
    second.stop()


def test_a_free_port_is_taken_again() -> None:
    # Another process may take a port between the two looks: not every time.
    ports = (embedded_mongodb._choose_port(None) for _ in range(20))
    assert any(embedded_mongodb._choose_port(port) == port for port in ports)


def test_two_processes_share_one_mongod_and_the_last_stops_it(data_dir: Path) -> None:
    ours = start_embedded_mongodb(data_dir)
    pid = pid_of_mongod(data_dir)
    with second_user(data_dir) as (_, url):
        assert url == ours.url
        assert pid_of_mongod(data_dir) == pid
        ours.stop()
        assert is_running(data_dir)
    assert not is_running(data_dir)


def test_processes_that_start_together_get_the_same_mongod(data_dir: Path) -> None:
    with second_user(data_dir) as (_, one), second_user(data_dir) as (_, other):
        assert one == other
        assert one.startswith("mongodb://127.0.0.1:")
    assert not is_running(data_dir)


def test_mongod_outlives_a_killed_user_and_is_reused(data_dir: Path) -> None:
    with second_user(data_dir) as (user, url):
        pid = pid_of_mongod(data_dir)
        user.kill()
        user.wait(timeout=10)
    ours = start_embedded_mongodb(data_dir)
    assert (ours.url, pid_of_mongod(data_dir)) == (url, pid)
    ours.stop()
    assert not is_running(data_dir)


def test_ctrl_c_in_the_terminal_of_a_user_does_not_reach_mongod(data_dir: Path) -> None:
    ours = start_embedded_mongodb(data_dir)
    assert os.getsid(pid_of_mongod(data_dir)) != os.getsid(0)
    ours.stop()


def test_a_killed_mongod_comes_back_with_its_data_also_on_another_port(data_dir: Path) -> None:
    first = start_embedded_mongodb(data_dir)
    insert_note(first, "journaled")
    port = int((data_dir / "mongodb" / "port").read_text())
    kill_mongod(data_dir)
    with other_server(port):
        second = start_embedded_mongodb(data_dir)
    assert second.url != first.url
    assert read_notes(second.url) == ["journaled"]
    insert_note(second, "writable")
    first.stop()
    assert is_running(data_dir)
    second.stop()
    assert not is_running(data_dir)


def test_a_mongod_whose_users_were_all_killed_can_be_stopped(data_dir: Path) -> None:
    with second_user(data_dir) as (user, _):
        user.kill()
        user.wait(timeout=10)
    assert is_running(data_dir)
    stop_unused_mongodb(data_dir)
    assert not is_running(data_dir)


def test_a_mongod_in_use_is_not_stopped_as_unused(data_dir: Path) -> None:
    ours = start_embedded_mongodb(data_dir)
    stop_unused_mongodb(data_dir)
    assert is_running(data_dir)
    ours.stop()


async def test_the_block_gives_the_url_of_the_embedded_one_and_stops_it(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    async with embedded_mongodb.mongodb_url(settings) as url:
        assert read_notes(url.reveal()) == []
    assert not is_running(data_dir)


async def test_mongodb_url_replaces_the_embedded_one(data_dir: Path) -> None:
    settings = Settings.from_environment({"DATA_DIR": str(data_dir), "MONGODB_URL": "mongodb://example.org"})
    async with embedded_mongodb.mongodb_url(settings) as url:
        assert url.reveal() == "mongodb://example.org"
    assert not (data_dir / "mongodb").exists()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo 'mongod: error while loading shared libraries: libcurl.so.4: cannot open' >&2; exit 127",
            "mongod cannot start: loading shared libraries: libcurl.so.4: cannot open. "
            "It needs libcurl and OpenSSL 3",
        ),
        ("exit 62", "mongod ended with exit code 62; its log is "),
    ],
)
def test_a_mongod_that_cannot_start_says_why(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    broken = data_dir / "mongod"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setattr(embedded_mongodb, "find_mongod", lambda: broken)
    with pytest.raises(EmbeddedMongodbError, match=message.replace(".", r"\.")):
        start_embedded_mongodb(data_dir)


def test_without_any_mongod_the_error_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_mongodb, "_WHEEL", "no-such-distribution")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EmbeddedMongodbError, match="MONGODB_URL"):
        embedded_mongodb.find_mongod()
