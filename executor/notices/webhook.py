"""Posts a notice to an address that was checked: connected to as resolved, redirects not followed."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, quote, urlsplit

from executor.notices.failure import NotTaken
from shared.addresses import HostRefused, HostUnknown, Network, check_address

STEP_SECONDS = 5.0
ALL_SECONDS = 15.0
_PORTS = {"http": 80, "https": 443}
_AS_IT_IS = "/%:@!$&'()*+,;=~-._?"


def post_notice(url: str, body: bytes, headers: Mapping[str, str], allowed: Sequence[Network]) -> None:
    """Post a body and return once it is answered with 2xx. Blocking, ALL_SECONDS at most. Raises NotTaken."""
    parts = urlsplit(url)
    connection = _PinnedConnection(parts, _address(parts, allowed))
    limit = threading.Timer(ALL_SECONDS, connection.break_off)
    limit.start()
    try:
        connection.request("POST", _path(parts), body, dict(headers))
        status = connection.getresponse().status
    except TimeoutError as error:
        raise NotTaken("timed_out") from error
    except ssl.SSLError as error:
        raise NotTaken("tls_failed") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotTaken("not_reachable") from error
    finally:
        limit.cancel()
        connection.close()
    if not 200 <= status < 300:
        raise NotTaken(f"answered_{status}")


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to an address that was looked up before, and asks for the name."""

    def __init__(self, parts: SplitResult, address: str) -> None:
        self.default_port = _PORTS[parts.scheme]
        super().__init__(parts.hostname or "", parts.port or self.default_port, timeout=STEP_SECONDS)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._address = address
        self._plain: socket.socket | None = None

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), STEP_SECONDS)
        self._plain = self.sock = plain
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
            self._plain = self.sock

    def break_off(self) -> None:
        """End what another thread waits for: an answer that drips keeps to the limit of each step."""
        if (plain := self._plain) is not None:
            try:
                socket.socket.shutdown(plain, socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself


def _address(parts: SplitResult, allowed: Sequence[Network]) -> str:
    try:
        return check_address(parts.hostname or "", allowed)
    except (HostRefused, HostUnknown) as error:
        raise NotTaken(error.code) from error


def _path(parts: SplitResult) -> str:
    return quote(parts.path or "/", safe=_AS_IT_IS) + (
        f"?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else ""
    )
