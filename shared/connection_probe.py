"""What answers on a port, and whether it speaks TLS: asked in each database's own words, before any login."""

import socket
import ssl
import struct
import time
from dataclasses import dataclass

from shared.dialects.base import ConnectionSettings
from shared.dialects.tls import tls_context

_PG_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_MYSQL_PROTOCOL = 10
_MYSQL_SSL = 0x0800
_MYSQL_CAPABILITIES = _MYSQL_SSL | 0x0200 | 0x8000  # TLS, protocol 4.1, secure connection
_MYSQL_UTF8MB4 = 45
_MAX_GREETING_BYTES = 4096


class ProbeFailed(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    def remaining(self) -> float:
        """Return the seconds left, at least a moment, so that a socket times out instead of not waiting."""
        return max(self.at - time.monotonic(), 0.001)

    def passed(self) -> bool:
        return time.monotonic() >= self.at


def open_port(address: str, port: int, deadline: Deadline) -> socket.socket:
    """Open a TCP connection. Raises ProbeFailed."""
    try:
        return socket.create_connection((address, port), deadline.remaining())
    except TimeoutError as error:
        raise ProbeFailed(
            f"port {port} does not answer", "A firewall may drop the packets, or the host is not running."
        ) from error
    except ConnectionRefusedError as error:
        raise ProbeFailed(
            f"port {port} is closed",
            "Check the port, and that the database runs and listens on this address.",
        ) from error
    except OSError as error:
        raise ProbeFailed(
            f"the host cannot be reached on port {port}", "Check the host and the route to it."
        ) from error


def negotiate_tls(sock: socket.socket, settings: ConnectionSettings, deadline: Deadline) -> str:
    """Find out whether the right database answers and bring up TLS as the connection wants it.

    Returns what was found, in words. Raises ProbeFailed.
    """
    try:
        if settings.db_type == "postgresql":
            offered = _postgresql_offers_tls(sock, deadline)
        else:
            offered = _mysql_offers_tls(sock, deadline)
    except TimeoutError as error:
        raise ProbeFailed(
            "the server accepts the connection but says nothing",
            "Something else may listen on this port, or the server is overloaded.",
        ) from error
    except OSError as error:
        raise ProbeFailed("the server hung up at once", "Check that the port is the database's.") from error
    if settings.ssl_mode == "disable":
        return "not asked for"
    if not offered and settings.ssl_mode == "prefer":
        return "the server offers none; the connection is not encrypted"
    if not offered:
        raise ProbeFailed(
            "the server offers no TLS", "Turn TLS on at the server, or set ssl_mode to prefer or disable."
        )
    return _shake_hands(sock, settings, deadline)


def _postgresql_offers_tls(sock: socket.socket, deadline: Deadline) -> bool:
    sock.settimeout(deadline.remaining())
    sock.sendall(_PG_SSL_REQUEST)
    answer = _receive(sock, 1, deadline)
    if answer not in (b"S", b"N", b"E"):
        raise ProbeFailed("what answers is not PostgreSQL", "Check the port and the type of the database.")
    return answer == b"S"


def _mysql_offers_tls(sock: socket.socket, deadline: Deadline) -> bool:
    size = int.from_bytes(_receive(sock, 4, deadline)[:3], "little")
    if not 0 < size <= _MAX_GREETING_BYTES:
        raise ProbeFailed("what answers is not MySQL", "Check the port and the type of the database.")
    greeting = _receive(sock, size, deadline)
    if greeting[0] == 0xFF:
        number = int.from_bytes(greeting[1:3], "little")
        raise ProbeFailed(
            f"the server refuses connections (error {number})",
            "It may have too many connections, or not allow this machine.",
        )
    if greeting[0] != _MYSQL_PROTOCOL:
        raise ProbeFailed("what answers is not MySQL", "Check the port and the type of the database.")
    after_version = greeting.index(b"\0", 1) + 1
    low_flags = greeting[after_version + 13 : after_version + 15]
    if not int.from_bytes(low_flags, "little") & _MYSQL_SSL:
        return False
    request = struct.pack("<IIB23x", _MYSQL_CAPABILITIES, 2**24, _MYSQL_UTF8MB4)
    sock.sendall(len(request).to_bytes(3, "little") + b"\1" + request)
    return True


def _receive(sock: socket.socket, size: int, deadline: Deadline) -> bytes:
    """Receive exactly `size` bytes; a server that drips them slowly runs into the deadline."""
    data = b""
    while len(data) < size:
        if deadline.passed():
            raise TimeoutError
        sock.settimeout(deadline.remaining())
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data


def _shake_hands(sock: socket.socket, settings: ConnectionSettings, deadline: Deadline) -> str:
    context = tls_context(settings)
    verified = settings.ssl_mode.startswith("verify")
    sock.settimeout(deadline.remaining())
    try:
        with context.wrap_socket(sock, server_hostname=settings.host) as secured:
            return f"{secured.version()}, certificate {'verified' if verified else 'not verified'}"
    except ssl.SSLCertVerificationError as error:
        raise ProbeFailed(
            f"the server's certificate is not accepted: {error.verify_message}",
            "Give the right ssl_ca, use the host name in the certificate, or have it renewed.",
        ) from error
    except TimeoutError as error:
        raise ProbeFailed("the TLS handshake does not end", "The server may be overloaded.") from error
    except OSError as error:
        raise ProbeFailed("the TLS handshake fails", "The server may speak old TLS versions only.") from error
