"""The harness itself: every server answers, databases are fresh, and nothing outlives its owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from local_servers import Database, MariadbServer, PostgresqlServer, ServerAccess, temporary_server
from local_servers.process import process_exists


def test_any_database_is_new_and_writable(any_database: Database) -> None:
    any_database.execute("CREATE TABLE fresh (i INTEGER PRIMARY KEY)", "INSERT INTO fresh VALUES (1)")
    assert any_database.rows("SELECT i FROM fresh") == [(1,)]


def test_a_pair_is_two_databases(database_pair: tuple[Database, Database]) -> None:
    source, target = database_pair
    assert source.url != target.url


def test_postgresql_login_is_no_superuser(postgresql_database: Database) -> None:
    assert postgresql_database.rows("SELECT current_setting('is_superuser')") == [("off",)]


def test_mariadb_is_mariadb(mariadb_database: Database) -> None:
    assert "MariaDB" in mariadb_database.rows("SELECT version()")[0][0]


@pytest.mark.mysql
def test_mysql_is_mysql_9(mysql_database: Database) -> None:
    assert mysql_database.rows("SELECT version()")[0][0].startswith("9.")


def test_mongodb_has_transactions_and_change_streams(mongodb_url: str, mongodb_database: str) -> None:
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongodb_url) as client, client.start_session() as session:
        items: Collection[dict[str, Any]] = client[mongodb_database]["items"]
        items.insert_one({"_id": 0})
        with items.watch() as changes:
            with session.start_transaction():
                items.insert_one({"_id": 1}, session=session)
            assert next(changes)["documentKey"] == {"_id": 1}


@pytest.mark.parametrize("kind", [PostgresqlServer, MariadbServer])
def test_committed_rows_survive_the_kill_of_the_server(
    kind: type[PostgresqlServer] | type[MariadbServer],
) -> None:
    with temporary_server(kind) as server:
        database = server.access.create_database()
        database.execute("CREATE TABLE kept (i INTEGER PRIMARY KEY)", "INSERT INTO kept VALUES (1)")
        server.kill()
        server.start()
        assert database.rows("SELECT i FROM kept") == [(1,)]


def test_a_server_and_its_folder_go_with_their_owner(postgresql: ServerAccess) -> None:
    script = (
        "import sys, time\n"
        "from local_servers import PostgresqlServer, temporary_server\n"
        "with temporary_server(PostgresqlServer) as server:\n"
        "    print(server.process.pid, server.folder, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        os.kill(owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while process_exists(int(pid)) or Path(folder).exists():
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.05)
