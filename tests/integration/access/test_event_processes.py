"""Live events with two API processes on one store: the same events, each tenant its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets
from cryptography.fernet import Fernet
from fastapi import FastAPI

from config_api.access.errors import Unauthenticated
from config_api.events import service as event_service
from local_servers.installation import Installation
from shared.documents.user import Role
from tests.integration.access.people import JWT_KEY, ApiAs, People
from tests.integration.config_api.documents import PREFIX

WAIT_SECONDS = 30
StartApi = Callable[[], str]


@pytest.fixture
def key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def settings_of_processes(
    mongodb_url: str, mongodb_database: str, sqlite_root: Path, key: str
) -> dict[str, str]:
    return {
        "APP_ENV": "production",
        "JWT_SECRET_KEY": JWT_KEY,
        "ENCRYPTION_KEY": key,
        "MONGODB_URL": mongodb_url,
        "MONGODB_DB_NAME": mongodb_database,
        "SQLITE_ROOT": str(sqlite_root),
    }


@pytest.fixture
def two_apis(settings_of_processes: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, str]]:
    with (
        Installation(tmp_path / "first", settings_of_processes) as first,
        Installation(tmp_path / "second", settings_of_processes) as second,
    ):
        yield first.start_api().url, second.start_api().url


def token_of(person: ApiAs) -> str:
    return person.headers["Authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def stream(url: str, person: ApiAs, after: str | None = None) -> AsyncIterator[AsyncIterator[str]]:
    """Open the events of a process and wait until they have begun."""
    headers = person.headers | ({} if after is None else {"Last-Event-ID": after})
    async with (
        httpx2.AsyncClient(base_url=url, timeout=WAIT_SECONDS) as client,
        client.stream("GET", f"{PREFIX}/events/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        if after is None:
            async for line in lines:
                if line == ": heartbeat":
                    break
        yield lines


async def take(lines: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(WAIT_SECONDS):
        async for line in lines:
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                return found
    raise AssertionError(f"the stream ended after {found}")


async def take_from(socket: websockets.ClientConnection, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while len(found) < count:
            message = json.loads(await socket.recv())
            if message["type"] not in ("open", "heartbeat"):
                found.append(message)
    return found


async def test_two_processes_tell_the_same_events_each_tenant_its_own(
    two_apis: tuple[str, str], people: People
) -> None:
    first, second = two_apis
    tenants = [await people.make_tenant(name) for name in ("north", "south")]
    north, south = [
        await people.act_as(f"{tenant}@example.com", Role.TENANT_USER, tenant) for tenant in tenants
    ]
    async with AsyncExitStack() as opened:
        here = await opened.enter_async_context(stream(first, north))
        there = await opened.enter_async_context(stream(second, north))
        others = await opened.enter_async_context(stream(second, south))
        socket = await opened.enter_async_context(websockets.connect(second.replace("http", "ws") + "/ws"))
        await socket.send(json.dumps({"token": token_of(north)}))
        assert json.loads(await socket.recv())["type"] == "open"
        assert json.loads(await socket.recv())["type"] == "heartbeat"
        target = (await north.make_connection(name="t"))["id"]
        mapping = await north.make_mapping(target_connection_id=target)
        run = (await north.post(f"/mappings/{mapping['id']}/run")).json()
        await north.post(f"/runs/{run['id']}/cancel")
        seen = await take(here, 2)
        assert [(one["type"], one["run"]["id"]) for one in seen] == [
            ("run_queued", run["id"]),
            ("run_finished", run["id"]),
        ]
        assert seen[0]["id"] < seen[1]["id"]
        assert await take(there, 2) == seen
        assert await take_from(socket, 2) == seen
        async with stream(second, north, after=seen[0]["id"]) as replayed:
            assert await take(replayed, 1) == seen[1:]
        theirs = await south.make_mapping(
            name="m2", target_connection_id=(await south.make_connection(name="t2"))["id"]
        )
        other = (await south.post(f"/mappings/{theirs['id']}/run")).json()
        [event] = await take(others, 1)  # the first that this tenant gets, though others came before
        assert event["run"]["id"] == other["id"]
        async with stream(first, south, after=seen[0]["id"]) as foreign:  # an id of another tenant's event
            [anew] = await take(foreign, 1)
            assert (anew["type"], "run" in anew, "schedule_id" in anew) == ("schedule_changed", False, False)


async def test_another_process_lets_a_revoked_login_in_for_a_second_at_most(
    two_apis: tuple[str, str], people: People
) -> None:
    _, second = two_apis
    user = await people.act_as("user@example.com", Role.TENANT_USER, await people.make_tenant("north"))
    async with httpx2.AsyncClient(base_url=second, headers=user.headers, timeout=WAIT_SECONDS) as client:
        assert (await client.get(f"{PREFIX}/runs/")).status_code == 200
        assert (await user.post("/auth/logout", {})).status_code in (200, 204)
        assert (await user.get("/runs/")).status_code == 401  # at once where it happened
        async with asyncio.timeout(WAIT_SECONDS):
            while (answer := await client.get(f"{PREFIX}/runs/")).status_code == 200:
                pass  # each look takes its time
        assert (answer.status_code, answer.json()["code"]) == (401, "login_ended")


async def test_a_stream_ends_with_the_rights_of_its_reader(
    app: FastAPI, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_service, "HEARTBEAT_SECONDS", 0.0)
    rights = iter((None, None, Unauthenticated("The login has ended", code="login_ended")))

    async def recheck() -> None:
        if (refusal := next(rights)) is not None:
            raise refusal

    async with asyncio.timeout(WAIT_SECONDS):
        seen = [event async for event in app.state.events.follow("default", None, recheck)]
    assert seen == [None, None]


async def test_a_quiet_stream_has_a_heartbeat(
    app: FastAPI, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_service, "HEARTBEAT_SECONDS", 0.2)

    async def recheck() -> None:
        return

    async with asyncio.timeout(WAIT_SECONDS):
        events = app.state.events.follow("default", None, recheck)
        beats = [await anext(events) for _ in range(3)]
        await events.aclose()
    assert beats == [None, None, None]


async def test_streams_end_when_the_service_stops(app: FastAPI, people: People) -> None:
    async def recheck() -> None:
        return

    async def follow() -> int:
        return len([event async for event in app.state.events.follow("default", None, recheck)])

    following = [asyncio.create_task(follow()) for _ in range(5)]
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.gather(*map(asyncio.shield, following))
    app.state.draining.set()
    async with asyncio.timeout(WAIT_SECONDS):
        await asyncio.gather(*following)
    assert app.state.events.open_streams == 0
