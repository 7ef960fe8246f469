"""`python -m config_api` as a process manager sees it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def start(env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "config_api"], env=clean | env, cwd=ROOT, stdout=output, stderr=output
        )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def service(
    mongodb_url: str, mongodb_database: str, tmp_path: Path, log: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    process = start(
        {
            "MONGODB_URL": mongodb_url,
            "MONGODB_DB_NAME": mongodb_database,
            "DATA_DIR": str(tmp_path / "data"),
            "CONFIG_API_PORT": str(port),
            "LOG_FORMAT": "json",
        },
        log,
    )
    yield f"http://127.0.0.1:{port}", process
    if process.poll() is None:
        process.kill()
    process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    wait_for(f"{url}/health", process, log)


def wait_until_alive(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    wait_for(f"{url}/health/live", process, log)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    pytest.fail("the service is not healthy in time: " + log.read_text())


def test_the_service_answers_and_a_signal_ends_it_in_good_order(
    service: tuple[str, subprocess.Popen[bytes]], log: Path
) -> None:
    url, process = service
    wait_until_healthy(url, process, log)
    body = {"name": "x", "db_type": "sqlite", "database": "x.sqlite", "password": "canary-pw"}
    assert httpx2.post(f"{url}/api/v1/connections", json=body).status_code == 422
    del body["password"]
    assert httpx2.post(f"{url}/api/v1/connections", json=body).status_code == 201
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    shown = log.read_text()
    assert '"event":"config_api_stopped"' in shown
    assert '"route":"/api/v1/connections/"' in shown
    assert "canary-pw" not in shown
    assert "Traceback" not in shown


def test_bad_settings_are_named_all_at_once(tmp_path: Path, log: Path) -> None:
    process = start({"CONFIG_API_PORT": "99999", "APP_ENV": "nowhere", "DATA_DIR": str(tmp_path)}, log)
    assert process.wait(timeout=60) == 2
    shown = log.read_text()
    assert "CONFIG_API_PORT" in shown
    assert "APP_ENV" in shown
    assert "Traceback" not in shown


def test_a_port_that_is_taken_is_named(
    mongodb_url: str, mongodb_database: str, tmp_path: Path, log: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        env = {"MONGODB_URL": mongodb_url, "MONGODB_DB_NAME": mongodb_database, "DATA_DIR": str(tmp_path)}
        process = start({**env, "CONFIG_API_PORT": port}, log)
        assert process.wait(timeout=60) != 0
    assert port in log.read_text()
    assert "Traceback" not in log.read_text()


def test_the_service_waits_for_a_mongodb_that_is_not_there(tmp_path: Path, log: Path) -> None:
    mongodb = f"mongodb://user:canary-pw@127.0.0.1:{free_port()}/"
    port = free_port()
    env = {"MONGODB_URL": mongodb, "DATA_DIR": str(tmp_path), "CONFIG_API_PORT": str(port)}
    process = start(env, log)
    wait_until_alive(f"http://127.0.0.1:{port}", process, log)
    refused = httpx2.get(f"http://127.0.0.1:{port}/api/v1/connections/")
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
    health = httpx2.get(f"http://127.0.0.1:{port}/health")
    assert (health.status_code, health.json()["checks"]["mongodb"]["status"]) == (503, "failed")
    deadline = time.monotonic() + 30
    while "waiting_for_mongodb" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    shown = log.read_text()
    assert "waiting_for_mongodb" in shown
    assert "canary-pw" not in shown + refused.text + health.text
    assert "Traceback" not in shown


def test_a_stopping_service_is_not_ready_and_ends_its_requests_first(
    service: tuple[str, subprocess.Popen[bytes]], log: Path
) -> None:
    url, process = service
    wait_until_healthy(url, process, log)
    assert httpx2.get(f"{url}/health/ready").status_code == 200
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as other:
        host = {"host": "127.0.0.1", "port": silent.getsockname()[1]}
        body = {"db_type": "postgresql", **host, "database": "d", "username": "u", "password": "p"}
        asked = other.submit(httpx2.post, f"{url}/api/v1/connections/test", json=body, timeout=30)
        held, _ = silent.accept()  # the request is under way, and stays so
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        while (ready := httpx2.get(f"{url}/health/ready")).status_code == 200:
            assert time.monotonic() < deadline
        assert (ready.status_code, ready.json()) == (503, {"status": "not_ready"})
        assert httpx2.get(f"{url}/health/live").status_code == 200
        assert asked.result(30).json()["success"] is False
        held.close()
    assert process.wait(timeout=20) == 0
