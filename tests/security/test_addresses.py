"""Every way in which the engine connects to a database, and the addresses that it must not connect to."""

import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from cryptography.fernet import Fernet
from fastapi import FastAPI

from executor.run_inputs import RunInputStore
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, SessionLimits
from shared.documents.run import Run, RunStatus
from shared.errors import EngineError
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.runs import RunStore
from tests.factories import NOW
from tests.integration.config_api.documents import Api, Body, connection_body, problem_of

ALLOWED, FORBIDDEN = "127.0.0.1", "127.0.0.2"
NAME = "db.example.test"
_REAL_GETADDRINFO = socket.getaddrinfo


class Trap:
    """Listens on the same port of both addresses, hangs up on whoever comes, and counts them."""

    def __init__(self) -> None:
        self.visits = {ALLOWED: 0, FORBIDDEN: 0}
        first = socket.create_server((ALLOWED, 0))
        self.port: int = first.getsockname()[1]
        self._servers = [first, socket.create_server((FORBIDDEN, self.port))]
        for server in self._servers:
            threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        address = server.getsockname()[0]
        with contextlib.suppress(OSError):  # closed
            while True:
                visitor, _ = server.accept()
                self.visits[address] += 1
                visitor.close()

    def close(self) -> None:
        for server in self._servers:
            server.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    found = Trap()
    yield found
    found.close()


class Names:
    """What the operating system answers for NAME, one answer after the other; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, *arguments: Any, **more: Any) -> list[Any]:
        if host != NAME:
            return _REAL_GETADDRINFO(host, *arguments, **more)
        self.asked += 1
        found = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    """Decide what NAME leads to."""

    def lead(*answers: list[str]) -> Names:
        found = Names(*answers)
        monkeypatch.setattr(socket, "getaddrinfo", found)
        return found

    return lead


@dataclass(frozen=True)
class World:
    """A mapping whose source and target are the connection; its host is NAME."""

    api: Api
    store: StoreClient
    settings: Settings
    body: Body
    connection_id: str
    mapping_id: str

    async def open_as_a_run(self) -> None:
        """Open source and target as the worker of an executor does, and connect."""
        run = Run(
            mapping_id=ObjectId(self.mapping_id),
            mapping_version=1,
            trigger="manual",
            status=RunStatus.RUNNING,
            attempt=2,
            uses=(self.connection_id,),
            queued_at=NOW,
            created_at=NOW,
            updated_at=NOW,
        )
        inputs = RunInputStore(self.store, RunStore(self.store), self.settings)
        with contextlib.suppress(EngineError):
            _, found = await inputs.load(run)
            connect(found.source)
        with contextlib.suppress(EngineError):
            connect(await inputs.load_target(run))


def connect(settings: ConnectionSettings) -> None:
    dialect_for(settings.db_type).connect(settings, Purpose.SOURCE, SessionLimits(connect_seconds=3)).close()


Way = Callable[[World], Awaitable[Any]]
QUERY = "SELECT 1 AS id"
WAYS: dict[str, Way] = {
    "test an unsaved one": lambda w: w.api.post("/connections/test", w.body),
    "test a saved one": lambda w: w.api.post(f"/connections/{w.connection_id}/test", {"purpose": "target"}),
    "tables": lambda w: w.api.get(f"/connections/{w.connection_id}/tables"),
    "preview": lambda w: w.api.post(
        "/mappings/preview", {"source_connection_id": w.connection_id, "source_query": QUERY}
    ),
    "infer from a query": lambda w: w.api.post(
        "/schemas/infer", {"connection_id": w.connection_id, "query": QUERY}
    ),
    "infer from a table": lambda w: w.api.post(
        "/schemas/infer", {"connection_id": w.connection_id, "table": "t"}
    ),
    "plan": lambda w: w.api.post(f"/mappings/{w.mapping_id}/plan"),
    "cursor": lambda w: w.api.post(f"/mappings/{w.mapping_id}/cursor", {"value": "5"}),
    "run": lambda w: w.open_as_a_run(),
}
# These open a source and a target, and each asks for its name once.
TWO_SIDED = ("plan", "cursor", "run")


@pytest.fixture
def settings(mongodb_url: str, mongodb_database: str, sqlite_root: Path, tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {
            "MONGODB_URL": mongodb_url,
            "MONGODB_DB_NAME": mongodb_database,
            "DATA_DIR": str(tmp_path / "data"),
            "SQLITE_ROOT": str(sqlite_root),
            "ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "ALLOWED_PRIVATE_NETWORKS": f"{ALLOWED}/32",
        }
    )


@pytest.fixture(params=["postgresql", "mysql"])
async def world(
    request: pytest.FixtureRequest, app: FastAPI, api: Api, settings: Settings, trap: Trap
) -> World:
    body = connection_body(db_type=request.param, host=NAME, port=trap.port)
    made = await api.make("/connections/", body)
    mapping = await api.make_mapping(
        source_query=QUERY,
        source_connection_id=made["id"],
        target_connection_id=made["id"],
        incremental={"cursor_column": "id", "initial_value": "0"},
        key_columns=["id"],
    )
    store = app.state.services.stores.client
    return World(api, store, settings, {**body, "name": "unsaved"}, made["id"], mapping["id"])


@pytest.mark.parametrize("way", WAYS)
async def test_a_name_that_leads_to_a_forbidden_address_is_not_connected_to(
    way: str, world: World, trap: Trap, names: Callable[..., Names]
) -> None:
    for answers in ([FORBIDDEN], [ALLOWED, FORBIDDEN], ["169.254.169.254"]):
        names(answers)
        await WAYS[way](world)
    assert trap.visits == {ALLOWED: 0, FORBIDDEN: 0}


@pytest.mark.parametrize("way", WAYS)
async def test_a_name_that_changes_gains_nothing_for_the_address_is_that_which_was_checked(
    way: str, world: World, trap: Trap, names: Callable[..., Names]
) -> None:
    sides = 2 if way in TWO_SIDED else 1
    names(*[[ALLOWED]] * sides, [FORBIDDEN])
    await WAYS[way](world)
    assert trap.visits[FORBIDDEN] == 0
    assert trap.visits[ALLOWED] > 0, "this way does connect"


@pytest.mark.parametrize(
    "host",
    [FORBIDDEN, "169.254.169.254", "2130706433", "0x7f.1", "::ffff:127.0.0.2", "/run/postgresql", "x y=z"],
)
async def test_no_such_host_is_kept_or_connected_to(host: str, world: World, trap: Trap) -> None:
    answer = await world.api.post("/connections/", {**world.body, "host": host, "name": "another"})
    tested = await world.api.post("/connections/test", {**world.body, "host": host})
    if FORBIDDEN in host:  # which networks are allowed is a setting, so saving does not ask
        assert answer.status_code == 201
        assert tested.json()["steps"][0]["ok"] is False
    else:
        assert "body.host" in {".".join(error["loc"]) for error in problem_of(answer, 422)["errors"]}
        problem_of(tested, 422)
    assert trap.visits == {ALLOWED: 0, FORBIDDEN: 0}
