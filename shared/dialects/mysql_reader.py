"""Rows of a result as they come from the server, in blocks: pymysql asks, asyncmy's compiled parser reads.

pymysql's own row reader is sixteen times slower (DESIGN.md §10). Both drivers are pinned by the lock; the
parts used here that are not their public interface are held by the dialects' conformance suite.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pymysql
from asyncmy.protocol import parse_rows_from_buffer
from pymysql.cursors import SSCursor

from shared.wire import Cell, join_line

_BUFFER_BYTES = 256 * 1024
_HEADER_BYTES = 4
_LARGEST_PACKET = 0xFFFFFF
_BINARY_CHARSET = 63
_BINARY_TYPES = frozenset((249, 250, 251, 252, 253, 254))  # BLOBs, VARBINARY, BINARY
_NULL = 251

Row = tuple[Cell, ...]


class RowReader:
    """Reads the rest of a result whose columns pymysql has read; memory holds one buffer, whatever its size."""

    def __init__(self, connection: Any, fields: Sequence[Any]) -> None:
        self._connection = connection
        self._raw = ((0, None, None),) * len(fields)  # asyncmy's code for "leave the bytes"
        self._binary = tuple(
            index
            for index, field in enumerate(fields)
            if field.charsetnr == _BINARY_CHARSET and field.type_code in _BINARY_TYPES
        )
        self._sequence = connection._next_seq_id
        self._buffer = bytearray(_BUFFER_BYTES)
        self._start = 0
        self._end = 0

    def batches(self) -> Iterator[list[Row]]:
        """Yield rows until the end of the result. Raises pymysql's errors."""
        while True:
            rows: list[Row] = []
            self._start, self._sequence = parse_rows_from_buffer(
                self._buffer, self._start, self._end, self._raw, self._sequence, rows
            )
            if rows:
                yield self._with_hex(rows)
            elif self._whole_packet() is None:
                self._fill_packet()
            else:
                row = self._special_packet()
                if row is None:
                    return
                yield self._with_hex([row])

    def _whole_packet(self) -> int | None:
        """Return the length of the packet at the start of the buffer when all of it is there."""
        length = self._next_length()
        if length is None or self._end - self._start < _HEADER_BYTES + length:
            return None
        return length

    def _next_length(self) -> int | None:
        if self._end - self._start < _HEADER_BYTES:
            return None
        return int.from_bytes(self._buffer[self._start : self._start + 3], "little")

    def _fill_packet(self) -> None:
        """Read on until the packet at the start is whole: the parser copies the buffer each time it looks."""
        self._fill()
        while self._next_length() is not None and self._whole_packet() is None:
            self._fill()

    def _fill(self) -> None:
        self._make_room()
        # Not readinto1: it waits for the socket even when the file's own buffer has something to give.
        data = self._connection._rfile.read1(len(self._buffer) - self._end)
        if not data:
            raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")
        self._buffer[self._end : self._end + len(data)] = data
        self._end += len(data)

    def _make_room(self) -> None:
        needed = _HEADER_BYTES + (self._next_length() or 0)
        if self._start:
            left = self._end - self._start
            self._buffer[:left] = self._buffer[self._start : self._end]
            self._start, self._end = 0, left
        if len(self._buffer) < needed:
            self._buffer.extend(bytes(needed - len(self._buffer)))
        elif needed <= _BUFFER_BYTES < len(self._buffer) and self._end <= _BUFFER_BYTES:
            del self._buffer[_BUFFER_BYTES:]

    def _take_packet(self) -> bytes:
        while (length := self._whole_packet()) is None:
            self._fill()
        if self._buffer[self._start + 3] != self._sequence:
            raise pymysql.err.InternalError("Packet sequence number wrong")
        begin = self._start + _HEADER_BYTES
        self._start = begin + length
        self._sequence = (self._sequence + 1) & 0xFF
        return bytes(self._buffer[begin : self._start])

    def _special_packet(self) -> Row | None:
        """Take what the parser left: an error, the end, or a row of 16 MiB and more."""
        payload = self._take_packet()
        if payload[:1] == b"\xff":
            pymysql.err.raise_mysql_exception(payload)
        if payload[:1] == b"\xfe" and len(payload) < 9:
            return None
        parts = [payload]
        while len(parts[-1]) == _LARGEST_PACKET:
            parts.append(self._take_packet())
        return _cells(b"".join(parts))

    def _with_hex(self, rows: list[Row]) -> list[Row]:
        return [_hexed(row, self._binary) for row in rows] if self._binary else rows


def _hexed(row: Row, binary: Sequence[int]) -> Row:
    cells = list(row)
    for index in binary:
        cell = cells[index]
        if cell is not None:
            cells[index] = b"\\x" + cell.hex().encode()
    return tuple(cells)


def _cells(payload: bytes) -> Row:
    cells: list[Cell] = []
    position = 0
    while position < len(payload):
        first = payload[position]
        position += 1
        if first == _NULL:
            cells.append(None)
            continue
        width = {252: 2, 253: 3, 254: 8}.get(first, 0)
        length = int.from_bytes(payload[position : position + width], "little") if width else first
        position += width
        cells.append(payload[position : position + length])
        position += length
    return tuple(cells)


@contextlib.contextmanager
def open_rows(connection: Any, sql: str) -> Iterator[RowReader]:
    """Run a SELECT and give a reader of its rows; a reader left early costs the connection."""
    cursor = connection.cursor(SSCursor)
    cursor.execute(sql)
    result = cursor._result
    # The rows are read past pymysql, which must not try to read them again when it lets the result go.
    result.unbuffered_active = False
    result.connection = None
    try:
        yield RowReader(connection, result.fields)
    except BaseException:
        connection.abandon()
        raise
    cursor.close()


def lines_of(rows: Sequence[Row]) -> bytes:
    """Return rows as COPY text lines; cell by cell only where a special character stands among them."""
    lines, nulls = [], 0
    for row in rows:
        try:
            lines.append(b"\t".join(row))  # type: ignore[arg-type] # a None raises, which is rarer than looking
        except TypeError:
            nulls += row.count(None)
            lines.append(b"\t".join([b"\\N" if cell is None else cell for cell in row]))
    text = b"\n".join(lines) + b"\n"
    if (
        text.count(b"\\") == nulls
        and text.count(b"\n") == len(rows)
        and text.count(b"\t") == len(rows) * (len(rows[0]) - 1)
        and not (b"\r" in text or b"\b" in text or b"\f" in text or b"\v" in text)
    ):
        return text
    return b"".join([join_line(row) for row in rows])
