"""PostgreSQL's COPY text format: cells to lines, lines to cells, lines to blocks (see shared.types)."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from shared.types import BLOCK_BYTES

_SPECIAL = re.compile(rb"[\\\t\n\r\x08\x0c\x0b]")
# The backslash comes first, or it would double those of the others.
_ESCAPES = (
    (b"\\", b"\\\\"),
    (b"\t", b"\\t"),
    (b"\n", b"\\n"),
    (b"\r", b"\\r"),
    (b"\x08", b"\\b"),
    (b"\x0c", b"\\f"),
    (b"\x0b", b"\\v"),
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_UNESCAPES = {escape[1:]: char for char, escape in _ESCAPES}

Cell = bytes | None


def escape_cell(cell: bytes) -> bytes:
    """Return a cell as it stands in a line."""
    if _SPECIAL.search(cell) is None:
        return cell
    for char, escape in _ESCAPES:
        cell = cell.replace(char, escape)
    return cell


def unescape_text(text: bytes) -> bytes:
    """Undo the escapes of a text, in a few passes over it; NUL holds the places of backslashes meanwhile."""
    if b"\0" in text:
        return _ESCAPED.sub(lambda match: _UNESCAPES.get(match.group(1), match.group(1)), text)
    text = text.replace(b"\\\\", b"\0")
    if b"\\" in text:
        for char, escape in _ESCAPES[1:]:
            text = text.replace(escape, char)
    return text.replace(b"\0", b"\\")


def unescape_cell(text: bytes) -> Cell:
    """Return the cell that a field of a line stands for."""
    if b"\\" not in text:
        return text
    return None if text == b"\\N" else unescape_text(text)


def line_of(cells: Sequence[Cell]) -> bytes:
    """Return one line, with its newline."""
    return b"\t".join([b"\\N" if cell is None else escape_cell(cell) for cell in cells]) + b"\n"


def cells_of(line: bytes) -> tuple[Cell, ...]:
    """Return the cells of one line without its newline."""
    if b"\\" not in line:
        return tuple(line.split(b"\t"))
    return tuple([unescape_cell(text) for text in line.split(b"\t")])


def read_lines(source: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of encoded blocks without their newlines; a source may cut its reads anywhere."""
    rest = b""
    while block := source.read(BLOCK_BYTES):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield from lines
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
