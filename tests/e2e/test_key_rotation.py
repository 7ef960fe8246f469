"""The drill of docs/security.md: a new key takes the old one's place, with 1,000 connections, while runs proceed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from bson import ObjectId
from cryptography.fernet import Fernet
from pymongo import MongoClient
from pymongo.database import Database as MongoDatabase

from local_servers import Database
from local_servers.api_client import Json
from local_servers.installation import Installation, Service
from shared.encryption import Keyring
from shared.secret import Secret
from tests.chaos.waiting import until
from tests.conftest import DatabaseFactory
from tests.e2e.conftest import StartInstallation

CONNECTIONS = 1000
KILLS_AT = (50, 200, 400)
COLUMNS = [{"name": "id", "data_type": "integer"}]


@pytest.fixture
def stored(mongodb_url: str, mongodb_database: str) -> Iterator[MongoDatabase[dict[str, Any]]]:
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongodb_url) as client:
        yield client[mongodb_database]


class Drill:
    """One API, one executor, and a mapping that runs every second; the keys of both can be changed."""

    def __init__(
        self, installation: Installation, stored: MongoDatabase[dict[str, Any]], old: str, new: str
    ) -> None:
        self.installation = installation
        self.api = installation.api
        self.stored = stored
        self.old, self.new = old, new
        self.services: tuple[Service, ...] = (installation.start_api(), installation.start_executor())

    def set_keys(self, *keys: str) -> None:
        """Restart one service after the other, as an upgrade does; then a run must come to a good end."""
        for service in self.services:
            service.program.environment["ENCRYPTION_KEY"] = ",".join(keys)
            service.stop()
            service.launch()
        self.wait_for_another_run()

    def schedule_runs(self, source: Database, target: Database) -> None:
        ids = [self.api.post("/connections/", body)["id"] for body in bodies(source, target)]
        schema = self.api.post("/schemas/", {"name": "rotated", "columns": COLUMNS})["id"]
        mapping = {
            "name": "rotated",
            "source_connection_id": ids[0],
            "source_query": "SELECT id FROM numbers",
            "target_connection_id": ids[1],
            "target_schema_id": schema,
        }
        mapping_id = self.api.post("/mappings/", mapping)["id"]
        every_second = {"name": "s", "mapping_id": mapping_id, "cron_expression": "* * * * * *"}
        self.api.post("/schedules/", every_second)

    def store_connections(self) -> dict[ObjectId, str]:
        """Copies of a connection, each with a password of its own under the old key."""
        model = self.stored["connections"].find_one({})
        assert model is not None
        keyring = Keyring([Secret(self.old)])
        passwords = {ObjectId(): f"password {number}" for number in range(CONNECTIONS)}
        self.stored["connections"].insert_many(
            {
                **model,
                "_id": made,
                "name": f"copy {password}",
                "password_encrypted": keyring.encrypt(Secret(password)),
            }
            for made, password in passwords.items()
        )
        return passwords

    def succeeded(self) -> int:
        return self.stored["runs"].count_documents({"status": "succeeded"})

    def wait_for_another_run(self) -> None:
        before = self.succeeded()
        until(lambda: self.succeeded() > before, "run after the restart", 90)

    def unreadable(self) -> list[Json]:
        listed = self.api.get("/connections/", limit=1000) + self.api.get(
            "/connections/", limit=1000, offset=1000
        )
        assert len(listed) == CONNECTIONS + 2
        return [one for one in listed if one["status"] != "ok"]

    def rotate(self) -> Json:
        return self.api.post("/secrets/rotation")

    def state(self) -> Json:
        return self.api.get("/secrets/rotation")

    @contextmanager
    def rotating_by_command(self) -> Iterator["subprocess.Popen[str]"]:
        process = subprocess.Popen(
            [sys.executable, "-m", "config_api", "rotate-keys"],
            env={**self.installation.environment(), "ENCRYPTION_KEY": f"{self.new},{self.old}"},
            cwd=self.installation.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


def bodies(source: Database, target: Database) -> tuple[Json, Json]:
    return source.connection_body("source"), target.connection_body("target")


def test_the_old_key_goes_while_runs_proceed_and_whatever_is_killed(
    start_installation: StartInstallation,
    create_database: DatabaseFactory,
    stored: MongoDatabase[dict[str, Any]],
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    drill = Drill(start_installation(ENCRYPTION_KEY=old), stored, old, new)
    source, target = create_database("postgresql"), create_database("postgresql")
    source.execute("CREATE TABLE numbers AS SELECT g AS id FROM generate_series(1, 10) AS g")
    drill.schedule_runs(source, target)
    passwords = drill.store_connections()
    drill.wait_for_another_run()
    drill.set_keys(old, new)
    drill.set_keys(new, old)
    _kill_the_api_in_the_middle(drill)
    _kill_the_command_in_the_middle(drill)
    changed = _change_a_password_meanwhile(drill, next(iter(passwords)))
    assert _finish(drill)["unreadable"] == 0
    assert drill.unreadable() == []
    drill.set_keys(new)
    assert drill.unreadable() == []
    only_new = Keyring([Secret(new)])
    for one in stored["connections"].find({"_id": {"$in": list(passwords)}}):
        wanted = changed.get(one["_id"], passwords[one["_id"]])
        assert only_new.decrypt(one["password_encrypted"]).reveal() == wanted
    ended = stored["runs"].find({"status": {"$nin": ["queued", "running", "committing", "skipped"]}})
    assert {(run["status"], (run["error"] or {}).get("code")) for run in ended} == {("succeeded", None)}
    assert target.rows("SELECT count(*), sum(id) FROM rotated") == [(10, 55)]


def _kill_the_api_in_the_middle(drill: Drill) -> None:
    api = drill.services[0]
    assert drill.rotate()["status"] == "running"
    until(lambda: KILLS_AT[0] <= drill.state()["done"] < CONNECTIONS, "rotation under way")
    api.kill()
    assert (drill.stored["counters"].find_one({"_id": "key_rotation"}) or {})["status"] == "running"
    api.launch()
    assert drill.state()["status"] == "running"  # it says so until somebody goes on with it
    assert drill.unreadable() == []


def _kill_the_command_in_the_middle(drill: Drill) -> None:
    for done in KILLS_AT[1:]:
        began = time.time()
        with drill.rotating_by_command() as process:

            def is_under_way(wanted: int = done, began: float = began) -> bool:
                state = drill.state()
                begun = drill.stored["counters"].find_one({"_id": "key_rotation"}) or {}
                return bool(begun["started_at"].timestamp() > began - 1 and state["done"] >= wanted)

            until(is_under_way, "rotation by the command")
            os.kill(process.pid, signal.SIGKILL)
        assert drill.unreadable() == []


def _change_a_password_meanwhile(drill: Drill, connection_id: ObjectId) -> dict[ObjectId, str]:
    with drill.rotating_by_command():
        drill.api.put(f"/connections/{connection_id}", {"password": "changed meanwhile"})
    return {connection_id: "changed meanwhile"}


def _finish(drill: Drill) -> Json:
    drill.rotate()
    return until(
        lambda: state if (state := drill.state())["status"] == "done" else None, "end of the rotation"
    )
