"""Lines of COPY text to blocks, and out of them (see shared.types); shared.wire has cells and lines."""

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

from shared.types import BLOCK_BYTES


def whole_lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield encoded blocks cut behind a line; `read` may cut them anywhere, and long lines into many."""
    begun: list[bytes] = []
    while data := read(BLOCK_BYTES):
        end = data.rfind(b"\n") + 1
        if end:
            yield b"".join([*begun, data[:end]])
            begun = []
        if end < len(data):
            begun.append(data[end:])
    if begun:
        raise ValueError("the last line of a block is not ended")


class BlockSink(io.RawIOBase):
    """What a BufferedWriter flushes into `write`, until it fails or the stream is over."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        super().__init__()
        self._write = write
        self._over = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if not self._over:
            self.pass_on(bytes(data))
        return len(data)

    def pass_on(self, block: bytes) -> None:
        """Give a block to the writer. One that failed is not called again by the flush that closing a buffer makes."""
        self._over = True
        self._write(block)
        self._over = False

    def end(self) -> None:
        """Take nothing more."""
        self._over = True


class _LineSink(BlockSink):
    """Cuts blocks behind their last whole line."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        super().__init__(write)
        self._rest = b""

    def pass_on(self, block: bytes) -> None:
        end = block.rfind(b"\n") + 1
        whole, self._rest = (self._rest + block[:end], block[end:]) if end else (b"", self._rest + block)
        if whole:
            super().pass_on(whole)


@contextlib.contextmanager
def gathered(sink: BlockSink) -> "Iterator[io.BufferedWriter[BlockSink]]":
    """Give a file that gathers, in C, what is written into blocks; at the end it is flushed.

    An exception of the sink's writer comes out of the file's write. What is still in the file when a stream breaks
    off goes nowhere: a buffer flushes itself when it is collected, at any later time.
    """
    file = io.BufferedWriter(sink, BLOCK_BYTES)
    try:
        yield file
        file.flush()
    finally:
        sink.end()


def block_writer(
    write: Callable[[bytes], Any],
) -> "contextlib.AbstractContextManager[io.BufferedWriter[BlockSink]]":
    """Give a file that gathers lines into blocks of whole lines."""
    return gathered(_LineSink(write))
