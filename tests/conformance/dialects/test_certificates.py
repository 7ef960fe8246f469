"""A server whose certificate has ended is refused for good: no password is sent, and nothing is tried again."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from executor.ending import ending_of_error
from local_servers import MariadbServer, PostgresqlServer, temporary_server
from local_servers.machine import new_folder, own, server_user
from local_servers.server import LocalServer
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, SessionLimits
from shared.errors import AccessDenied
from tests import factories
from tests.certificates import Certificate, make_certificate

LIMITS = SessionLimits(connect_seconds=5)
SERVERS: dict[str, tuple[type[PostgresqlServer] | type[MariadbServer], tuple[str, str]]] = {
    "postgresql": (PostgresqlServer, ("ssl_cert_file", "ssl_key_file")),
    "mariadb": (MariadbServer, ("ssl-cert", "ssl-key")),
}
ENDED, GOOD = -1, 1


@pytest.fixture(scope="module", params=[ENDED, GOOD], ids=["ended", "good"])
def certificate(request: pytest.FixtureRequest) -> Iterator[tuple[Certificate, int]]:
    folder = new_folder("tls-")
    yield make_certificate(folder, days=request.param), request.param
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=list(SERVERS))
def secured(request: pytest.FixtureRequest, certificate: tuple[Certificate, int]) -> Iterator[LocalServer]:
    kind, names = SERVERS[request.param]
    files = certificate[0].certificate, certificate[0].key
    for path in files:
        own(path, server_user(kind.users))
    settings = dict(zip(names, map(str, files), strict=True))
    if kind is PostgresqlServer:
        settings["ssl"] = "on"
    with temporary_server(kind, settings=settings) as made:
        yield made


def connect(settings: ConnectionSettings) -> None:
    with closing(dialect_for(settings.db_type).connect(settings, Purpose.SOURCE, LIMITS)) as session:
        session.fetch("SELECT 1")


def test_a_certificate_that_has_ended_is_refused_where_it_is_verified(
    secured: LocalServer, certificate: tuple[Certificate, int]
) -> None:
    database = secured.access.create_database()
    plain = replace(
        factories.connection_settings(database), ssl_ca=certificate[0].certificate.read_text("ascii")
    )
    for mode in ("verify-ca", "verify-full"):
        settings = replace(plain, ssl_mode=mode)
        if certificate[1] == GOOD:
            connect(settings)
            continue
        with pytest.raises(AccessDenied) as caught:
            connect(settings)
        assert caught.value.code == "tls_failed"
        assert not ending_of_error(caught.value).retry
        assert database.password not in str(caught.value)
    connect(replace(plain, ssl_mode="require", ssl_ca=None))  # encrypts, and believes any certificate


def test_a_certificate_of_somebody_else_is_refused(
    secured: LocalServer, certificate: tuple[Certificate, int]
) -> None:
    other_folder = new_folder("tls-")
    try:
        other = make_certificate(other_folder).certificate.read_text("ascii")
    finally:
        shutil.rmtree(other_folder)
    settings = factories.connection_settings(secured.access.create_database())
    with pytest.raises(AccessDenied) as caught:
        connect(replace(settings, ssl_mode="verify-full", ssl_ca=other))
    assert caught.value.code == "tls_failed"
