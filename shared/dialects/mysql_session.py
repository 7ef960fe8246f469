"""Sessions on MySQL and MariaDB: connecting, session settings, and a client that sends no file to a server."""

import contextlib
import math
import secrets
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pymysql
import pymysql.connections
from pymysql.constants import CLIENT

from shared.addresses import check_address
from shared.dialects.base import ConnectionSettings, Dialect, Purpose, SessionLimits
from shared.dialects.driver_session import DriverSession, open_managed
from shared.dialects.tls import tls_context, unverified_context
from shared.errors import ConfigError, EngineError, TargetUnavailable
from shared.types import BLOCK_BYTES

_LONG_SECONDS = 24 * 3600
# A source keeps the server's own rules for values, but its texts must end where the query gate thinks they do.
_SOURCE_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_TARGET_MODE = (
    "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,"
    "NO_AUTO_VALUE_ON_ZERO"
)
END_SESSION_SECONDS = 5.0
_UNKNOWN_THREAD = 1094
_TCP_USER_TIMEOUT_MS = 30_000
_COM_RESET_CONNECTION = 0x1F


# The published types leave out what is needed here.
_pymysql: Any = pymysql.connections


class FileRequestRefused(pymysql.err.OperationalError):
    """The server asked for a file of this machine."""


class _Result(_pymysql.MySQLResult):  # type: ignore[misc]
    def _read_load_local_packet(self, first_packet: Any) -> None:
        connection = self.connection
        wanted = _pymysql.LoadLocalPacketWrapper(first_packet).filename
        upload = connection.upload
        if upload is None or not secrets.compare_digest(wanted, upload.token.encode()):
            connection.abandon()
            raise FileRequestRefused(2068, "the server asked for a local file")
        upload.send(connection)
        packet = connection._read_packet()
        if not packet.is_ok_packet():
            raise pymysql.err.OperationalError(2014, "Commands Out of Sync")
        self._read_ok_packet(packet)


class Upload:
    """One stream for one LOAD DATA LOCAL, named by a token that only this statement knows."""

    def __init__(self, source: BinaryIO) -> None:
        self.token = f"etl-{secrets.token_hex(16)}"
        self.failure: BaseException | None = None
        self._source = source

    def send(self, connection: Any) -> None:
        try:
            while block := self._source.read(BLOCK_BYTES):
                connection.write_packet(block)
        except pymysql.err.Error:
            raise
        except BaseException as failure:
            self.failure = failure
        connection.write_packet(b"")


class EngineConnection(_pymysql.Connection):  # type: ignore[misc]
    """pymysql's connection, but for what it sends when the server asks for a file."""

    upload: Upload | None = None

    def _read_query_result(self, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002 - pymysql's signature
        self._result = None
        result = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows

    def _create_ssl_ctx(self, options: Any) -> ssl.SSLContext:
        """Only "prefer" asks pymysql for a context of its own; the others bring theirs."""
        return options if isinstance(options, ssl.SSLContext) else unverified_context()

    def reset(self) -> None:
        """Have the server make the session as new: it rolls back and drops locks, variables and temporary tables."""
        self._execute_command(_COM_RESET_CONNECTION, "")
        self._read_ok_packet()
        self.set_character_set(self.charset)
        self.autocommit(True)  # noqa: FBT003 - pymysql's signature

    def abandon(self) -> None:
        """Drop the connection without a word; safe from another thread."""
        sock = self._sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._force_close()


class MysqlSession(DriverSession):
    driver_error = pymysql.err.MySQLError

    def __init__(self, *arguments: Any, settings: ConnectionSettings) -> None:
        super().__init__(*arguments)
        self.settings = settings
        self._cancelling = threading.Lock()

    def begin(self) -> None:
        self.execute("START TRANSACTION READ WRITE")

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        self.execute("ROLLBACK")

    def cancel(self) -> None:
        """Ask the server through a second connection; without one, hang up."""
        with self._cancelling:
            try:
                kill(self.dialect, self.settings, self.session_id, "QUERY")
            except EngineError:
                self.connection.abandon()

    def hang_up(self) -> None:
        self.connection.abandon()

    def renew(self, limits: SessionLimits) -> bool:
        try:
            with self.translated():
                self.connection.reset()
            _prepare(self, limits)
        except EngineError:
            return False
        return True

    @property
    def is_mariadb(self) -> bool:
        return "mariadb" in self.server_version.lower()


def connect(
    dialect: Dialect, settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits
) -> MysqlSession:
    """Open a session with its modes, limits and, for a source, its read-only snapshot set."""
    try:
        managed = open_managed(lambda: _open(settings, purpose, limits))
    except (pymysql.err.MySQLError, ssl.SSLError) as error:
        raise dialect.classify(error, purpose) from error
    session = MysqlSession(dialect, managed, purpose, "", "", settings=settings)
    session.server_version = str(session.connection.server_version)
    try:
        _prepare(session, limits)
        session.session_id = _session_id(session)
    except BaseException:
        session.close()
        raise
    return session


def _open(settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits) -> EngineConnection:
    if not settings.host or not settings.username:
        missing = "username" if settings.host else "host"
        raise ConfigError(f"a MySQL connection needs a {missing}", loc=(missing,))
    with tempfile.TemporaryDirectory(prefix="etl-tls-") as folder:
        connection = EngineConnection(**_arguments(settings, purpose, limits), **_tls(settings, Path(folder)))
    address = settings.hostaddr or check_address(settings.host)
    connection.connect(_socket(address, settings.port or 3306, limits))
    connection._read_timeout = connection._write_timeout = None
    return connection


def _socket(address: str, port: int, limits: SessionLimits) -> socket.socket:
    try:
        sock = socket.create_connection((address, port), limits.connect_seconds)
    except OSError as error:
        raise pymysql.err.OperationalError(2003, "Can't connect to MySQL server") from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", 10),
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", _TCP_USER_TIMEOUT_MS),
    ):
        if hasattr(socket, option):  # Linux has all of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock


def _arguments(settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits) -> dict[str, Any]:
    return {
        "host": settings.host,  # the name that TLS verifies; the socket goes to the address
        "user": settings.username,
        "password": settings.password.reveal().encode() if settings.password else b"",
        "database": settings.database,
        "charset": "utf8mb4",
        "autocommit": True,
        "read_timeout": limits.connect_seconds,
        "write_timeout": limits.connect_seconds,
        "local_infile": purpose is Purpose.TARGET,
        "client_flag": CLIENT.FOUND_ROWS,
        "program_name": "etl-engine",
        "defer_connect": True,
    }


def _tls(settings: ConnectionSettings, folder: Path) -> dict[str, Any]:
    """Return pymysql's TLS options; "prefer" is what it does without any."""
    mode = settings.ssl_mode
    if mode == "disable":
        return {"ssl_disabled": True}
    if mode == "verify-ca" and not settings.ssl_ca:
        raise ConfigError("ssl_mode verify-ca needs ssl_ca", loc=("options", "ssl_ca"))
    if mode == "prefer" and not settings.ssl_cert:
        return {}
    context = tls_context(settings)
    if settings.ssl_cert:
        _load_certificate(context, settings, folder)
    return {"ssl": context}


def _load_certificate(context: ssl.SSLContext, settings: ConnectionSettings, folder: Path) -> None:
    """The ssl module takes a certificate and its key as files only; they are gone right after."""
    path = folder / "certificate.pem"
    path.touch(mode=0o600)
    key = settings.ssl_key.reveal() if settings.ssl_key else ""
    path.write_text(f"{settings.ssl_cert}\n{key}")
    context.load_cert_chain(path)


def _prepare(session: MysqlSession, limits: SessionLimits) -> None:
    reading = session.purpose is not Purpose.TARGET
    variables = {
        "sql_mode": f"'{_SOURCE_MODE if reading else _TARGET_MODE}'",
        "time_zone": "'+00:00'",
        # A slow peer on the other side of the run must not make the server hang up on this one.
        "net_read_timeout": "3600",
        "net_write_timeout": "3600",
        "wait_timeout": str(_LONG_SECONDS),
        # A load is refused by the warnings that it makes: notes must be counted among them.
        "sql_notes": "1",
        **dict(_limits(session, limits)),
    }
    session.execute("SET SESSION " + ", ".join(f"{name} = {value}" for name, value in variables.items()))
    level = "REPEATABLE READ" if reading else "READ COMMITTED"
    session.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
    if reading:
        # START TRANSACTION READ ONLY alone lets DDL through on MariaDB (DESIGN.md §11).
        session.execute("SET SESSION TRANSACTION READ ONLY")
        session.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def _limits(session: MysqlSession, limits: SessionLimits) -> Iterator[tuple[str, str]]:
    if limits.statement_seconds is not None:
        if session.is_mariadb:
            yield "max_statement_time", f"{limits.statement_seconds:.3f}"
        else:
            yield "max_execution_time", str(max(1, int(limits.statement_seconds * 1000)))
    if limits.lock_seconds is not None:
        seconds = str(max(1, math.ceil(limits.lock_seconds)))
        yield "lock_wait_timeout", seconds
        yield "innodb_lock_wait_timeout", seconds


def _session_id(session: MysqlSession) -> str:
    """Name the session by its number and the server's start: after a restart the numbers begin anew."""
    [(number,)] = session.fetch("SELECT CONNECTION_ID()")
    return f"{number}@{_server_start(session)}"


def _server_start(session: MysqlSession) -> int:
    [(_, uptime)] = session.fetch("SHOW GLOBAL STATUS LIKE 'Uptime'")
    [(now,)] = session.fetch("SELECT UNIX_TIMESTAMP()")
    return int(now) - int(uptime)


def kill(dialect: Dialect, settings: ConnectionSettings, session_id: str, what: str) -> bool:
    """Kill another session, or its statement, on the same start of the server; False when it is gone.

    Raises EngineError classes.
    """
    number, _, start = session_id.partition("@")
    session = connect(dialect, settings, Purpose.TARGET, SessionLimits(5, 10, 5))
    with contextlib.closing(session):
        # The clock and the uptime tick apart: one second of difference is the same start.
        if abs(_server_start(session) - int(start or 0)) > 1:
            return False
        found = _send_kill(session, what, int(number))
        if found and what == "CONNECTION":
            _await_end(session, int(number))
        return found


def _send_kill(session: MysqlSession, what: str, number: int) -> bool:
    """Return False when there is no such session."""
    try:
        with contextlib.closing(session.connection.cursor()) as cursor:
            cursor.execute(f"KILL {what} {number}")
    except pymysql.err.MySQLError as error:
        if error.args and error.args[0] == _UNKNOWN_THREAD:
            return False
        raise session.dialect.classify(error, Purpose.TARGET) from error
    return True


def _await_end(session: MysqlSession, number: int) -> None:
    """Kill it until the server does not know it any more.

    The server's list of sessions would be no witness: MySQL fails to make it while any session runs a statement with a
    character outside the basic plane.
    """
    deadline = time.monotonic() + END_SESSION_SECONDS
    while _send_kill(session, "CONNECTION", number):
        if time.monotonic() > deadline:
            raise TargetUnavailable(f"session {number} does not end", code="session_does_not_end")
        session.execute("DO SLEEP(0.02)")
