"""Bulk loading: refused values, failing feeders, MySQL's silent conversions, and its requests for files."""

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from local_servers import Database
from shared.dialects import dialect_for, mysql_session
from shared.dialects.base import ConnectionSettings, LoadResult, Purpose, Session, SessionLimits
from shared.dialects.mysql_session import EngineConnection, FileRequestRefused, Upload
from shared.errors import AccessDenied, DataError, DuplicateKey, RunCancelled, SchemaMismatch
from shared.secret import Secret
from tests.conformance.dialects.conftest import Connect
from tests.conformance.dialects.steps import create, load, load_committed
from tests.factories import field

FIELDS = [field("id", "integer", nullable=False), field("name", "string", length=3)]


class BrokenFeeder(io.BytesIO):
    """Gives one good line in the loader's encoding, then fails."""

    def __init__(self, line: bytes) -> None:
        super().__init__()
        self._lines = [line]

    def read(self, size: int | None = -1) -> bytes:
        if self._lines:
            return self._lines.pop()
        raise RunCancelled("the reader stopped")


def test_a_failing_feeder_commits_nothing(any_database: Database, target: Session) -> None:
    made = create(target, "t", FIELDS, ["id"])
    encoded = target.dialect.encode_stream(io.BytesIO(b"1\ta\n"), FIELDS).read()
    target.begin()
    with pytest.raises(RunCancelled, match="the reader stopped"):
        target.dialect.load_blocks(target, made, FIELDS, BrokenFeeder(encoded))
    target.rollback()
    assert any_database.rows("SELECT * FROM t") == []


@pytest.mark.parametrize("any_database", ["postgresql", "sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("row", "expected"),
    [((b"1", b"x"), DuplicateKey), ((None, b"x"), SchemaMismatch)],
)
def test_refused_rows_have_their_class(
    row: tuple[bytes | None, ...], expected: type[Exception], any_database: Database, target: Session
) -> None:
    made = create(target, "t", FIELDS, ["id"])
    load_committed(target, made, FIELDS, [(b"1", b"a")])
    with pytest.raises(expected):
        load(target, made, FIELDS, [row])


def test_postgresql_names_the_column_and_not_the_value(
    postgresql_database: Database, connect: Connect
) -> None:
    target = connect(postgresql_database, Purpose.TARGET)
    made = create(target, "t", FIELDS)
    with pytest.raises(DataError) as refused:
        load(target, made, FIELDS, [(b"canary", b"a")])
    assert refused.value.column == "id"
    assert "canary" not in refused.value.message


@pytest.mark.parametrize(
    ("row", "result"),
    [
        ((b"x", b"a"), LoadResult(1, 0, 1, "1366 in column 'id'")),
        ((b"2", b"abcd"), LoadResult(1, 0, 1, "1265 in column 'name'")),
        ((None, b"a"), None),
        ((b"1", b"a"), LoadResult(1, 1, 1, "1062")),
    ],
)
def test_mysql_counts_what_load_data_changes_silently(
    row: tuple[bytes | None, ...], result: LoadResult | None, mysql_like: Database, connect: Connect
) -> None:
    target = connect(mysql_like, Purpose.TARGET)
    made = create(target, "t", FIELDS, ["id"])
    load_committed(target, made, FIELDS, [(b"1", b"a")])
    found = load(target, made, FIELDS, [row])
    assert (found.skipped, found.warnings) != (0, 0)
    assert result is None or found == result


@pytest.fixture
def without_local_infile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that offers no files: the real server then refuses LOAD DATA LOCAL."""
    arguments = mysql_session._arguments

    def without(*given: Any) -> dict[str, Any]:
        return {**arguments(*given), "local_infile": False}

    monkeypatch.setattr(mysql_session, "_arguments", without)


def test_mysql_inserts_where_local_infile_is_forbidden(
    without_local_infile: None, mysql_like: Database, connect: Connect
) -> None:
    fields = [
        field("id", "integer"),
        field("s"),
        field("b", "binary"),
        field("f", "boolean"),
        field("z", "timestamptz"),
    ]
    target = connect(mysql_like, Purpose.TARGET)
    made = create(target, "t", fields, ["id"])
    rows = [
        (b"1", b"\\N 'q' \"d\" 100%s \n\t\\ \0", b"\\x00ff27", b"t", b"2020-01-01 00:00:00.5+00"),
        (b"2", None, None, None, None),
        *((b"%d" % number, b"x" * 1000, b"\\x", b"f", None) for number in range(3, 1500)),
    ]
    load_committed(target, made, fields, rows)
    found = mysql_like.rows("SELECT id, s, b, f, CAST(z AS CHAR) FROM t ORDER BY id LIMIT 2")
    assert found == [
        (1, "\\N 'q' \"d\" 100%s \n\t\\ \0", b"\x00\xff'", 1, "2020-01-01 00:00:00.500000"),
        (2, None, None, None, None),
    ]
    assert mysql_like.rows("SELECT COUNT(*) FROM t") == [(1499,)]


def test_mysql_insert_errors_have_their_class(
    without_local_infile: None, mysql_like: Database, connect: Connect
) -> None:
    target = connect(mysql_like, Purpose.TARGET)
    made = create(target, "t", FIELDS, ["id"])
    load_committed(target, made, FIELDS, [(b"1", b"a")])
    for row, expected in (
        ((b"1", b"x"), DuplicateKey),
        ((None, b"x"), SchemaMismatch),
        ((b"2", b"abcd"), DataError),
    ):
        with pytest.raises(expected):
            load(target, made, FIELDS, [row])


def test_mysql_insert_counts_spaces_that_do_not_fit_and_says_why_it_is_slow(
    without_local_infile: None, mysql_like: Database, connect: Connect
) -> None:
    target = connect(mysql_like, Purpose.TARGET)
    made = create(target, "t", FIELDS, ["id"])
    found = load(target, made, FIELDS, [(b"1", b"abc "), (b"2", b"a")])
    assert (found.rows, found.warnings) == (2, 1)
    assert "local_infile" in (found.remark or "")


# -- a hostile server ----------------------------------------------------------------------------------

GREETING = (
    b"\x0a8.0.0\0" + (1).to_bytes(4, "little") + b"12345678\0" + b"\xff\xf7" + b"\x2d" + b"\x02\x00"
    + b"\xff\x81" + b"\x15" + b"\0" * 10 + b"123456789012\0" + b"mysql_native_password\0"
)  # fmt: skip
OK = b"\0\0\0\x02\0\0\0"


class HostileServer:
    """Lets anybody in and answers a query with a request for a local file; keeps what it is sent then."""

    def __init__(self, file_name: bytes) -> None:
        self._request = b"\xfb" + file_name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        with peer:
            peer.settimeout(10)
            self._send(peer, 0, GREETING)
            peer.recv(65536)
            self._send(peer, 2, OK)
            for answer in (OK, OK, self._request):  # SET NAMES and SET AUTOCOMMIT are let pass
                peer.recv(65536)
                self._send(peer, 1, answer)
            while data := peer.recv(65536):
                self.received += data

    @staticmethod
    def _send(peer: socket.socket, sequence: int, payload: bytes) -> None:
        peer.sendall(len(payload).to_bytes(3, "little") + bytes([sequence]) + payload)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(15)


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    server = HostileServer(b"/etc/hostname")
    yield server
    server.close()


@pytest.mark.parametrize("purpose", [Purpose.SOURCE, Purpose.TARGET])
def test_a_server_that_asks_for_a_file_gets_nothing(purpose: Purpose, hostile: HostileServer) -> None:
    settings = ConnectionSettings(
        "c", "mysql", "x", "127.0.0.1", hostile.port, "u", Secret("p"), ssl_mode="disable"
    )
    with pytest.raises(AccessDenied) as refused:
        dialect_for("mysql").connect(settings, purpose, SessionLimits(connect_seconds=5))
    hostile.close()
    assert refused.value.code == "file_request_refused"
    assert hostile.received == b""


def test_even_during_a_load_only_the_own_token_is_answered(hostile: HostileServer) -> None:
    sock = socket.create_connection(("127.0.0.1", hostile.port), 5)
    connection = cast(
        Any,
        EngineConnection(user="u", password="p", local_infile=True, ssl_disabled=True, defer_connect=True),
    )
    connection.upload = Upload(io.BytesIO(b'"secret rows"\n'))
    connection.connect(sock)
    with pytest.raises(FileRequestRefused):
        connection.query("LOAD DATA LOCAL INFILE 'its own token' INTO TABLE t")
    hostile.close()
    assert hostile.received == b""
