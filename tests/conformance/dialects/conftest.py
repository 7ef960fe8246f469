"""Sessions of the dialects on the databases under test."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from local_servers import Database
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from tests.factories import connection_settings

LIMITS = SessionLimits(connect_seconds=10, statement_seconds=60, lock_seconds=1)

Connect: TypeAlias = Callable[[Database, Purpose], Session]
OpenSession: TypeAlias = Callable[[Purpose], Session]


@pytest.fixture
def connect(create_database: object) -> Iterator[Connect]:
    """Open sessions; all are closed before their databases are dropped."""
    with contextlib.ExitStack() as stack:

        def open_one(database: Database, purpose: Purpose) -> Session:
            settings = connection_settings(database)
            session = dialect_for(settings.db_type).connect(settings, purpose, LIMITS)
            return stack.enter_context(contextlib.closing(session))

        yield open_one


@pytest.fixture
def open_session(any_database: Database, connect: Connect) -> OpenSession:
    """Open sessions on the test's database of any flavour."""
    return lambda purpose: connect(any_database, purpose)


@pytest.fixture
def target(open_session: OpenSession) -> Session:
    return open_session(Purpose.TARGET)


@pytest.fixture(params=["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def mysql_like(request: pytest.FixtureRequest, create_database: Callable[[str], Database]) -> Database:
    """A database of MariaDB, and one of MySQL 9."""
    return create_database(request.param)
