"""Up and down with real little processes in place of the services."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from operate import installation as installation_module
from operate import process as process_module
from operate.installation import Installation, StartError
from operate.process import ProcessFacts, ProcessMark, find_process, read_facts, start_detached, write_mark
from operate.services import Service, list_services
from shared.settings import Settings

HEALTHY = """
import http.server, signal, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.HTTPServer(("127.0.0.1", {port}), Answer).serve_forever()
"""
STUBBORN = HEALTHY.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
BROKEN = "raise SystemExit('the cause of it all')"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Iterator[Installation]:
    """An installation whose two services are the modules `first` and `second` of the current folder."""
    services = tuple(make_service(name, free_port()) for name in ("first", "second"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(installation_module, "list_services", lambda _: services)
    monkeypatch.setattr(installation_module, "_STOP_MARGIN_SECONDS", 0.5)
    for service in services:
        write_program(service, HEALTHY)
    settings = Settings(data_dir=tmp_path / "data", shutdown_grace_seconds=0)
    installation = Installation(settings, say=said.append)
    yield installation
    installation.stop()


def make_service(name: str, port: int) -> Service:
    command = (sys.executable, "-m", name)
    return Service(name, f"{name} service", command, "127.0.0.1", port, f"{name.upper()}_PORT")


def write_program(service: Service, text: str) -> None:
    Path(f"{service.name}.py").write_text(text.replace("{port}", str(service.port)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pids(installation: Installation) -> list[int | None]:
    return [mark.pid if (mark := installation._find(service)) else None for service in installation._services]


def test_up_returns_with_healthy_services_and_down_stops_them(
    installation: Installation, said: list[str]
) -> None:
    installation.start()
    assert installation.describe()
    assert None not in pids(installation)
    installation.stop()
    assert pids(installation) == [None, None]
    assert not installation.describe()
    assert "  first service stopped" in said


def test_a_second_up_changes_nothing(installation: Installation, said: list[str]) -> None:
    installation.start()
    before = pids(installation)
    installation.start()
    assert pids(installation) == before
    assert sum("already up" in line for line in said) == 2


def test_up_starts_only_what_is_missing(installation: Installation) -> None:
    installation.start()
    first, second = pids(installation)
    assert first is not None
    assert second is not None
    os.kill(second, signal.SIGKILL)
    wait_for_end(second)
    installation.start()
    now = pids(installation)
    assert now[0] == first
    assert now[1] not in (None, second)


def test_a_service_that_ends_while_starting_shows_its_log_and_leaves_nothing(
    installation: Installation,
) -> None:
    write_program(installation._services[1], BROKEN)
    with pytest.raises(StartError, match=r"(?s)second service ended while starting.*the cause of it all"):
        installation.start()
    assert pids(installation) == [None, None]


def test_a_service_that_never_gets_healthy_is_stopped_again(installation: Installation) -> None:
    write_program(installation._services[1], "import signal; signal.pause()")
    with pytest.raises(StartError, match="second service is not healthy"):
        installation.start(within_seconds=1)
    assert pids(installation) == [None, None]


def test_a_taken_port_is_named_with_its_setting(installation: Installation) -> None:
    second = installation._services[1]
    with socket.socket() as other:
        other.bind(("127.0.0.1", second.port))
        other.listen()
        with pytest.raises(StartError, match=f"Port {second.port} on 127.0.0.1 is taken.*SECOND_PORT"):
            installation.start()
    assert pids(installation) == [None, None]


def test_a_service_that_does_not_stop_in_time_is_killed(installation: Installation, said: list[str]) -> None:
    write_program(installation._services[0], STUBBORN)
    installation.start()
    installation.stop()
    assert pids(installation) == [None, None]
    assert "  first service killed: it did not stop in time" in said


def test_what_this_machine_cannot_run_is_left_out_in_one_line(
    installation: Installation, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = installation._services
    obstacle = ["it needs a cow"]
    spare = replace(second, prepare=lambda _: obstacle[0] if obstacle else None)
    monkeypatch.setattr(installation_module, "list_services", lambda _: (first, spare))
    installation.start()
    assert said[0] == "  second service not started: it needs a cow"
    assert [pid is None for pid in pids(installation)] == [False, True]
    assert installation.describe()
    obstacle.clear()
    installation.start()
    assert None not in pids(installation)
    installation.stop()
    assert pids(installation) == [None, None]


def test_down_without_an_installation_says_so(tmp_path: Path, said: list[str]) -> None:
    Installation(Settings(data_dir=tmp_path / "none"), say=said.append).stop()
    assert said == ["Nothing is running."]
    assert not (tmp_path / "none").exists()


def test_a_number_that_belongs_to_another_process_now_is_not_ours(tmp_path: Path) -> None:
    pid_file = tmp_path / "service.pid"
    other = start_detached([sys.executable, "-m", "http.server", "0"], tmp_path / "log", None, {})
    try:
        write_mark(pid_file, other)
        facts = read_facts(other)
        assert facts is not None
        assert find_process(pid_file, "http.server") == ProcessMark(other, facts.started)
        assert find_process(pid_file, "executor") is None
        pid_file.write_text(f"{other} 1\n")
        assert find_process(pid_file, "http.server") is None
    finally:
        os.kill(other, signal.SIGKILL)


def test_a_new_process_is_found_though_its_command_line_comes_a_moment_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel has no command line to show in the first moment of a program."""
    looks: list[ProcessFacts | None] = []

    def read_late(pid: int) -> ProcessFacts | None:
        facts = read_facts(pid)
        looks.append(facts)
        return facts if facts is None or len(looks) > 3 else replace(facts, command="")

    monkeypatch.setattr(process_module, "read_facts", read_late)
    pid = start_detached([sys.executable, "-m", "http.server", "0"], tmp_path / "log", None, {})
    try:
        write_mark(tmp_path / "service.pid", pid)
        assert find_process(tmp_path / "service.pid", "http.server") is not None
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "x 1", "999999999 1"])
def test_a_pid_file_that_names_no_process_counts_as_not_running(tmp_path: Path, text: str) -> None:
    (tmp_path / "service.pid").write_text(text)
    assert find_process(tmp_path / "service.pid", "executor") is None


def test_services_have_the_addresses_of_the_settings() -> None:
    settings = Settings(
        config_api_host="0.0.0.0", config_api_port=18000, executor_host="::1", executor_port=2
    )
    assert [service.url for service in list_services(settings)] == [
        "http://127.0.0.1:18000",
        "http://[::1]:2",
        "http://127.0.0.1:5173",
    ]


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while read_facts(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
