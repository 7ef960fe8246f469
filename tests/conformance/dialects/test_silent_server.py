"""A server that has stopped answering: cancelling ends the waiting statement, and holds nobody else up."""

import threading
import time
from collections.abc import Iterator

import pytest

from local_servers import Database
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.errors import TransientError
from tests.conftest import DatabaseFactory
from tests.factories import connection_settings
from tests.tcp_proxy import TcpProxy

BOUND_SECONDS = 20.0
LONGEST_STANDSTILL_SECONDS = 2.0
SLEEP = {"postgresql": "SELECT pg_sleep(120)", "mysql": "SELECT SLEEP(120)"}


@pytest.fixture(params=["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def database(request: pytest.FixtureRequest, create_database: DatabaseFactory) -> Database:
    return create_database(request.param)


@pytest.fixture
def proxy(database: Database) -> Iterator[TcpProxy]:
    with TcpProxy(database.host, database.port) as made:
        yield made


@pytest.fixture
def session(database: Database, proxy: TcpProxy) -> Iterator[Session]:
    settings = connection_settings(database)
    through = type(settings)(**{**vars(settings), "port": proxy.port})
    made = dialect_for(settings.db_type).connect(through, Purpose.TARGET, SessionLimits())
    yield made
    made.close()


def test_cancel_ends_a_statement_that_is_never_answered(
    database: Database, session: Session, proxy: TcpProxy
) -> None:
    ended: list[BaseException] = []

    def wait_for_ever() -> None:
        try:
            session.fetch(SLEEP[database.db_type])
        except TransientError as error:
            ended.append(error)

    worker = threading.Thread(target=wait_for_ever, daemon=True)
    worker.start()
    proxy.silence()
    canceller = threading.Thread(target=session.cancel, daemon=True)
    began = last = time.monotonic()
    canceller.start()
    standstill = 0.0
    while worker.is_alive() and time.monotonic() - began < BOUND_SECONDS:
        worker.join(0.05)
        now = time.monotonic()
        standstill, last = max(standstill, now - last), now
    assert not worker.is_alive()
    assert len(ended) == 1
    assert standstill < LONGEST_STANDSTILL_SECONDS
