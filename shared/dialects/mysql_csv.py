"""The text that LOAD DATA reads without changing a byte, and the expressions that make values of it.

A line is its cells, in double quotes (doubled inside), separated by commas, ended by a newline; NULL stands
bare. There are no escapes: backslashes, tabs and newlines inside quotes are themselves. A cell's
text is its wire text; what the column needs instead (1 for t, no +00, bytes for hexadecimal digits) the
statement itself makes of it, at the server.
"""

import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from shared.types import BLOCK_BYTES, DataType, TargetField
from shared.wire import Cell, unescape_text

LOAD_OPTIONS = (
    "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n'"
)

_NULL_CELL = b'"\\N"'

_FROM_WIRE = {
    DataType.BOOLEAN: "({0} = 't')",
    DataType.TIMESTAMPTZ: "LEFT({0}, CHAR_LENGTH({0}) - 3)",
    DataType.BINARY: "UNHEX(SUBSTR({0}, 3))",
}


def value_expression(field: TargetField, variable: str) -> str | None:
    """Return the SQL that makes the column's value of the wire text in `variable`; None: it is that text."""
    template = _FROM_WIRE.get(field.data_type)
    return template.format(variable) if template else None


def csv_block(block: bytes) -> bytes:
    """Turn whole COPY text lines into lines for LOAD DATA.

    Shapes: n lines -> n lines. Only NULL is a lone backslash and N between two tabs, so the quotes that are
    put around each cell tell it from every other text.
    """
    if not block:
        return block
    text = block.replace(b'"', b'""') if b'"' in block else block
    text = text[:-1].replace(b"\t", b'","').replace(b"\n", b'"\n"')
    text = b'"' + text + b'"\n'
    if b"\\" not in text:
        return text
    text = text.replace(_NULL_CELL, b"NULL")
    return unescape_text(text) if b"\\" in text else text


def csv_lines(rows: Sequence[tuple[Cell, ...]]) -> bytes:
    """Return rows as lines for LOAD DATA; cell by cell only where a NULL or a quote stands among them."""
    lines, cells = [], 0
    for row in rows:
        try:
            lines.append(b'"' + b'","'.join(row) + b'"\n')  # type: ignore[arg-type] # a None raises
            cells += len(row)
        except TypeError:
            lines.append(_csv_line(row))
            cells += len(row) - row.count(None)
    text = b"".join(lines)
    if text.count(b'"') == 2 * cells:
        return text
    return b"".join([_csv_line(row) for row in rows])


def _csv_line(row: tuple[Cell, ...]) -> bytes:
    cells = [b"NULL" if cell is None else b'"' + cell.replace(b'"', b'""') + b'"' for cell in row]
    return b",".join(cells) + b"\n"


class CsvStream(io.RawIOBase):
    """Reads COPY text from `source` and gives lines for LOAD DATA; a read of the source may be cut anywhere."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._begun: list[bytes] = []  # of a line whose end has not come
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(BLOCK_BYTES), b""))
        while not self._ready and not self._ended:
            self._fill()
        taken, self._ready = self._ready[:size], self._ready[size:]
        return bytes(taken)

    def _fill(self) -> None:
        data = self._source.read(BLOCK_BYTES)
        if not data:
            if self._begun:
                raise ValueError("the last line of a block is not ended")
            self._ended = True
            return
        end = data.rfind(b"\n") + 1
        if not end:
            self._begun.append(data)
            return
        block = b"".join([*self._begun, data[:end]])
        self._begun = [data[end:]] if end < len(data) else []
        self._ready = memoryview(csv_block(block))


def read_rows(source: BinaryIO, width: int) -> Iterator[tuple[bytes | None, ...]]:
    """Yield the rows of encoded lines as wire cells: for servers that forbid LOAD DATA LOCAL."""
    cell = rb'(?:NULL|"(?:[^"]|"")*+")'
    row = re.compile(cell + (rb"," + cell) * (width - 1) + rb"\n")
    cells = re.compile(rb'(NULL|"((?:[^"]|"")*+)")[,\n]')
    buffer = b""
    while data := source.read(BLOCK_BYTES):
        buffer += data
        position = 0
        while found := row.match(buffer, position):
            yield tuple(
                None if match.group(2) is None else match.group(2).replace(b'""', b'"')
                for match in cells.finditer(buffer, position, found.end())
            )
            position = found.end()
        buffer = buffer[position:]
    if buffer:
        raise ValueError("the last line of a block is not ended")
