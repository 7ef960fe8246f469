"""Live events of a real process: server-sent events and web sockets, and their end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets

from tests.integration.config_api.documents import PREFIX, Api
from tests.integration.config_api.test_process import ROOT, free_port, wait_until_healthy

WAIT_SECONDS = 20


class Service:
    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url = url
        self.process = process
        self.log = log


@pytest.fixture
def service(mongodb_url: str, mongodb_database: str, tmp_path: Path) -> Iterator[Service]:
    port = free_port()
    log = tmp_path / "log"
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")} | {
        "MONGODB_URL": mongodb_url,
        "MONGODB_DB_NAME": mongodb_database,
        "DATA_DIR": str(tmp_path / "data"),
        "CONFIG_API_PORT": str(port),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "config_api"], env=env, cwd=ROOT, stdout=output, stderr=output
        )
    found = Service(f"http://127.0.0.1:{port}", process, log)
    wait_until_healthy(found.url, process, log)
    yield found
    process.kill()
    process.wait()


async def read_events(lines: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(WAIT_SECONDS):
        async for line in lines:
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if len(found) == count:
                    return found
    raise AssertionError(f"the stream ended after {len(found)} events")


async def test_events_arrive_are_replayed_and_end_with_the_service(service: Service) -> None:
    async with httpx2.AsyncClient(base_url=service.url, timeout=WAIT_SECONDS) as client:
        api = Api(client)
        mapping = await api.make_mapping()
        async with (
            client.stream("GET", f"{PREFIX}/events/stream") as stream,
            websockets.connect(service.url.replace("http", "ws") + "/ws") as socket,
        ):
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 3000"
            await socket.send("{}")
            assert json.loads(await socket.recv())["type"] == "open"
            assert json.loads(await socket.recv())["type"] == "heartbeat"
            async with asyncio.timeout(WAIT_SECONDS):
                while await anext(lines) != ": heartbeat":
                    pass
            run = (await api.post(f"/mappings/{mapping['id']}/run")).json()
            await api.post(f"/runs/{run['id']}/cancel")
            schedule = await api.make_schedule(mapping["id"])
            await api.delete(f"/schedules/{schedule['id']}")
            seen = await read_events(lines, 4)
            assert [event["type"] for event in seen] == [
                *("run_queued", "run_finished", "schedule_changed", "schedule_changed")
            ]
            assert seen[1]["run"]["status"] == "cancelled"
            assert [event["id"] for event in seen] == sorted({event["id"] for event in seen})
            assert [json.loads(await socket.recv()) for _ in range(4)] == seen
            after = {"Last-Event-ID": seen[1]["id"]}
            async with client.stream("GET", f"{PREFIX}/events/stream", headers=after) as again:
                assert await read_events(again.aiter_lines(), 2) == seen[2:]
            lost = {"Last-Event-ID": "ff00"}
            async with client.stream("GET", f"{PREFIX}/events/stream", headers=lost) as anew:
                [first] = await read_events(anew.aiter_lines(), 1)
                assert (first["type"], first.get("schedule_id")) == ("schedule_changed", None)
            service.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(WAIT_SECONDS):
                async for _ in lines:
                    pass
                with pytest.raises(websockets.ConnectionClosed):
                    await socket.recv()
                assert await asyncio.to_thread(service.process.wait, WAIT_SECONDS) == 0


async def test_a_web_page_of_somebody_elses_opens_nothing(service: Service) -> None:
    address = service.url.replace("http", "ws") + "/ws"
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(address, origin=websockets.Origin("https://evil.example.com"))
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps({"token": "not a token"}))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    async with httpx2.AsyncClient(base_url=service.url) as client:
        evil = {"Origin": "https://evil.example.com"}
        refused = await client.post(f"{PREFIX}/schedules/preview", json={}, headers=evil)
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")
        rebound = await client.get(f"{PREFIX}/runs/", headers={"Host": "evil.example.com:8000"})
        assert (rebound.status_code, rebound.json()["code"]) == (403, "host_refused")
