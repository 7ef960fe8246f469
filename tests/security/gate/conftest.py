"""A filled database of each kind, and the least-privilege login of docs/databases.md."""

import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from local_servers import Database
from tests.conftest import server
from tests.security.gate.tables import fill


@pytest.fixture
def filled(any_database: Database) -> Database:
    fill(any_database)
    return any_database


@pytest.fixture
def reader(filled: Database) -> Iterator[Database]:
    """The third wall: who may only read. SQLite has no users."""
    if filled.flavour == "sqlite":
        yield filled
        return
    name = f"reader_{secrets.token_hex(4)}"
    login = replace(filled, username=name, password=secrets.token_hex(8))
    admin = server(filled.flavour).admin(filled.database)
    if filled.flavour == "postgresql":
        admin.execute(
            f"CREATE ROLE {name} LOGIN PASSWORD '{login.password}' CONNECTION LIMIT 8",
            f"GRANT CONNECT ON DATABASE {filled.database} TO {name}",
            f"GRANT USAGE ON SCHEMA public TO {name}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {name}",
        )
        yield login
        admin.execute(f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")
    else:
        admin.execute(
            f"CREATE USER '{name}'@'%' IDENTIFIED BY '{login.password}'",
            f"GRANT SELECT, SHOW VIEW ON {filled.database}.* TO '{name}'@'%'",
        )
        yield login
        admin.execute(f"DROP USER '{name}'@'%'")
