"""Lines of COPY text to blocks, and out of them (see shared.types); shared.wire has cells and lines."""

import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from shared.types import BLOCK_BYTES


def whole_lines(source: BinaryIO) -> Iterator[bytes]:
    """Yield encoded blocks cut behind a line; a source may cut its reads anywhere."""
    rest = b""
    while data := source.read(BLOCK_BYTES):
        end = data.rfind(b"\n") + 1
        if end:
            yield rest + data[:end]
            rest = data[end:]
        else:
            rest += data
    if rest:
        raise ValueError("the last line of a block is not ended")


class _BlockSink(io.RawIOBase):
    """Gives what a BufferedWriter flushes to `write`, cut behind its last whole line."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        super().__init__()
        self._write = write
        self._rest = b""
        self._broken = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self._broken:
            self._pass_on(bytes(data))
        return len(data)

    def _pass_on(self, data: bytes) -> None:
        end = data.rfind(b"\n") + 1
        block, self._rest = (self._rest + data[:end], data[end:]) if end else (b"", self._rest + data)
        if not block:
            return
        # A writer that failed once is not called again by the flush that closing the buffer makes.
        self._broken = True
        self._write(block)
        self._broken = False


def block_writer(write: Callable[[bytes], Any]) -> io.BufferedWriter:
    """Return a file that gathers lines, in C, into blocks of whole lines; flush it at the end.

    An exception of `write` comes out of the file's write.
    """
    return io.BufferedWriter(_BlockSink(write), BLOCK_BYTES)
