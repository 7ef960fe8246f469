"""A line on loopback whose every connection has its own limit, as a window of bytes over a long round trip gives it."""

import contextlib
import socket
import threading
import time
from typing import Self

LOOPBACK = "127.0.0.1"
PIECE_BYTES = 64 * 1024


class SlowLine:
    """Carries connections to a server; what comes back goes at `bytes_per_second` in each of them."""

    def __init__(self, host: str, port: int, bytes_per_second: float) -> None:
        self._server = (host, port)
        self._bytes_per_second = bytes_per_second
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # wakes the accepting thread; not connected, says the kernel
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(self._server)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink, rate in ((client, server, 0.0), (server, client, self._bytes_per_second)):
                threading.Thread(target=_carry, args=(source, sink, rate), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket, bytes_per_second: float) -> None:
    """Carry until the end; after silence the line owes nothing."""
    free_at = 0.0
    with contextlib.suppress(OSError), source, sink:  # an end that hangs up ends both
        while piece := source.recv(PIECE_BYTES):
            if bytes_per_second:
                now = time.monotonic()
                free_at = max(free_at, now) + len(piece) / bytes_per_second
                time.sleep(free_at - now)
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
