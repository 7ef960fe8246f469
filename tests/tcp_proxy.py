"""A TCP proxy on loopback that fails the way networks do: cut, silent, dropping, slow, or deaf to one answer.

    with TcpProxy(server.host, server.port) as proxy:
        ...connect to 127.0.0.1:proxy.port...
        proxy.silence(Direction.TO_SERVER)

What it is told holds for open connections and for new ones, until `heal`.
"""

import contextlib
import ctypes
import enum
import fcntl
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from typing import Self

CHUNK_BYTES = 64 * 1024
# What was carried before it fell silent still arrives: so little may be on its way.
BUFFER_BYTES = 64 * 1024
LOOPBACK = "127.0.0.1"
# SO_LINGER with zero seconds: close sends RST, not FIN.
RESET = struct.pack("ii", 1, 0)
ARRIVAL_SECONDS = 10.0
# A socket filter of one instruction: keep 0 bytes of every packet. Linux; no right is needed for it.
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
_KEEP_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_FILTER = struct.pack("HP", 1, ctypes.addressof(_KEEP_NOTHING))


class Direction(enum.Enum):
    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


class TcpProxy:
    """Every connection to `port` is carried to the server; thread-safe."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._pairs: set[_Pair] = set()
        self._silenced: set[Direction] = set()
        self._held = 0
        self._sending = 0  # pieces that may be in the hands of a thread, on their way to a client
        self._refusing = False
        self._dropping = False
        self._delay_seconds = 0.0
        self._watch: Callable[[Direction, bytes], bool] | None = None
        self._drops = False
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self) -> int:
        with self._lock:
            return len(self._pairs)

    @property
    def held(self) -> int:
        """How many pieces silence holds back now."""
        with self._lock:
            return self._held

    @property
    def is_watching(self) -> bool:
        """Whether the piece of `cut_after` or `drop_after` has yet to come."""
        with self._lock:
            return self._watch is not None

    def _open_pairs(self) -> "list[_Pair]":
        with self._lock:
            return list(self._pairs)

    def cut(self) -> None:
        """Reset every open connection, both sides. New ones are carried."""
        for pair in self._open_pairs():
            pair.reset()

    def lose_clients(self) -> None:
        """Reset the clients' ends alone. A server whose connection is silent, with a piece held back, keeps it open."""
        self._cut_clients()

    def refuse(self) -> None:
        """Cut, and reset every new connection at once."""
        with self._lock:
            self._refusing = True
        self.cut()

    def silence(self, *directions: Direction) -> None:
        """Carry nothing more in these directions (both, when none is named); connections stay open."""
        with self._changed:
            self._silenced.update(directions or Direction)

    def drop(self) -> None:
        """Lose every packet of both ends, as a cable that is cut: the kernel answers neither data nor keepalives.

        Connections of now and of later, which wait for an answer to their first packet. What was carried arrives
        first: else the kernel would send it again and again, and a client that hears that is not left alone.
        """
        self._drop(0)

    def _drop(self, withheld: int) -> None:
        """`withheld` are pieces that are counted as being sent and never will be."""
        self.silence()
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while self._sending > withheld or any(unacknowledged(pair.client) for pair in self._open_pairs()):
            if time.monotonic() > deadline:
                raise TimeoutError("a client does not take what was sent to it")
            time.sleep(0.01)
        with self._lock:
            self._dropping = True
            lose_packets(self._listener)
            for pair in self._pairs:
                lose_packets(pair.client)
                lose_packets(pair.server)

    def delay(self, seconds: float) -> None:
        """Hold every piece back for so long, in both directions."""
        with self._changed:
            self._delay_seconds = seconds
            self._changed.notify_all()

    def cut_after(self, seen: Callable[[Direction, bytes], bool]) -> None:
        """Cut all connections, once, right after a piece for which `seen` is true was carried to the server.

        The server acts on it; its answer is lost. A piece on its way to the client is withheld instead.
        """
        with self._lock:
            self._watch, self._drops = seen, False

    def drop_after(self, seen: Callable[[Direction, bytes], bool]) -> None:
        """As `cut_after`, but nothing is cut: from then on every packet is lost."""
        with self._lock:
            self._watch, self._drops = seen, True

    def heal(self) -> None:
        """Carry everything again, what silence has held back included."""
        with self._changed:
            self._refusing = False
            self._delay_seconds = 0.0
            self._watch = None
            self._silenced.clear()
            if self._dropping:
                self._dropping = False
                keep_packets(self._listener)
                for pair in self._pairs:
                    keep_packets(pair.client)
                    keep_packets(pair.server)
            self._changed.notify_all()

    def close(self) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):  # wakes the accepting thread; not connected, says the kernel
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.heal()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        with self._lock:
            refusing = self._refusing
        if refusing:
            reset(client)
            return
        try:
            server = socket.create_connection(self._server, timeout=5)
        except OSError:  # the server is down: the client shall see it as without us
            reset(client)
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        pair = _Pair(client, server)
        with self._lock:
            self._pairs.add(pair)
        for direction in Direction:
            threading.Thread(target=self._carry, args=(pair, direction), daemon=True).start()

    def _carry(self, pair: "_Pair", direction: Direction) -> None:
        source, sink = pair.ends(direction)
        try:
            while piece := source.recv(CHUNK_BYTES):
                if not self._wait_for_leave(direction):
                    break
                try:
                    if self._takes_the_cut(direction, piece, sink):
                        break
                    sink.sendall(piece)
                finally:
                    self._note_sent(direction)
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        except OSError:  # reset by one of the ends, or by us
            pair.reset()
        finally:
            if pair.ended(direction):
                with self._lock:
                    self._pairs.discard(pair)

    def _wait_for_leave(self, direction: Direction) -> bool:
        """Hold a piece as long as the direction is silent or slow; False when the proxy has closed."""
        with self._changed:
            if self._delay_seconds:
                self._changed.wait(self._delay_seconds)
            self._held += 1
            self._changed.wait_for(lambda: direction not in self._silenced)
            self._held -= 1
            if self._closed.is_set():
                return False
            self._sending += direction is Direction.TO_CLIENT
            return True

    def _note_sent(self, direction: Direction) -> None:
        with self._lock:
            self._sending -= direction is Direction.TO_CLIENT

    def _takes_the_cut(self, direction: Direction, piece: bytes, sink: socket.socket) -> bool:
        with self._lock:
            if self._watch is None or not self._watch(direction, piece):
                return False
            self._watch = None
        if self._drops:
            # Before the server is asked, so that its answer is lost for certain.
            self._drop(1 if direction is Direction.TO_CLIENT else 0)
        if direction is Direction.TO_SERVER:
            sink.sendall(piece)
        if not self._drops:
            if direction is Direction.TO_SERVER:
                # FIN behind the data, not RST: a reset could overtake it and the server would never act.
                sink.shutdown(socket.SHUT_WR)
            self._cut_clients()
        return True

    def _cut_clients(self) -> None:
        for pair in self._open_pairs():
            reset(pair.client)


class _Pair:
    """The two sockets of one connection; closed when both directions have ended."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self._open = set(Direction)
        self._lock = threading.Lock()

    def ends(self, direction: Direction) -> tuple[socket.socket, socket.socket]:
        if direction is Direction.TO_SERVER:
            return self.client, self.server
        return self.server, self.client

    def ended(self, direction: Direction) -> bool:
        """Note that one direction has ended; True when it was the last, and the sockets are closed."""
        with self._lock:
            self._open.discard(direction)
            if self._open:
                return False
        self.client.close()
        self.server.close()
        return True

    def reset(self) -> None:
        reset(self.client)
        reset(self.server)


def reset(end: socket.socket) -> None:
    """Break a connection with RST, and wake whoever reads from it."""
    with contextlib.suppress(OSError):  # closed already
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.shutdown(socket.SHUT_RDWR)
        end.close()


def lose_packets(end: socket.socket) -> None:
    """Have the kernel drop every packet that comes to a socket, before TCP sees it."""
    with contextlib.suppress(OSError):  # closed already
        end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, _FILTER)


def unacknowledged(end: socket.socket) -> int:
    """How many bytes of those written to a socket its peer has not confirmed."""
    try:
        answer = fcntl.ioctl(end, termios.TIOCOUTQ, struct.pack("i", 0))
    except (OSError, ValueError):  # closed already
        return 0
    return int(struct.unpack("i", answer)[0])


def keep_packets(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        end.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
