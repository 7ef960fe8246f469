"""PostgreSQL's COPY in blocks of whole rows, so that the rows of several sessions can be put together.

The server sends every row in a message of its own ("messages sent from the backend will always correspond to single
data rows", says the protocol), and the driver hands on one message at a time. The number of messages is held against
the server's number of rows, so that a server that does otherwise is found out.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from shared.dialects.base import Session
from shared.dialects.binary_copy import BINARY_HEADER, BINARY_TRAILER, copy_statement
from shared.errors import CountMismatch
from shared.types import BLOCK_BYTES, Form


def read_whole_rows(session: Session, sql: str, form: Form, write: Callable[[bytes], Any]) -> int:
    """Stream a SELECT into `write` in blocks of whole rows; return the number of rows.

    Binary rows come without the header and the trailer of their stream. Raises CountMismatch.
    """
    if form == "lines":
        return session.dialect.read_blocks(session, sql, write)
    rows = BinaryRowMessages(write) if form == "binary" else RowMessages(write)
    driver: Any = session
    with driver.translated(), contextlib.closing(driver.connection.cursor()) as cursor:
        cursor.copy_expert(copy_statement(sql, form), rows, BLOCK_BYTES)
        rows.end(int(cursor.rowcount))
    return rows.count


class RowMessages:
    """The file that the driver writes to."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self.count = 0
        self._write = write
        self._gathered: list[bytes] = []
        self._bytes = 0

    def write(self, row: bytes) -> None:
        self._gathered.append(row)
        self._bytes += len(row)
        if self._bytes >= BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._gathered:
            gathered, self._gathered, self._bytes = self._gathered, [], 0
            self.count += len(gathered)
            self._write(b"".join(gathered))

    def end(self, rows: int) -> None:
        """Write what is left. Raises CountMismatch unless there was a message for each row of the server."""
        self._flush()
        if self.count != rows:
            raise CountMismatch(
                f"the source sent {rows} rows in {self.count} messages: where a row ends is not known",
                code="rows_not_told_apart",
            )


class BinaryRowMessages(RowMessages):
    """The header comes in front of the first row, in one message with it; the trailer is a message of its own."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        super().__init__(write)
        self._begun = self._ended = False

    def write(self, row: bytes) -> None:
        if not self._begun:
            self._begun = row.startswith(BINARY_HEADER)
            row = row.removeprefix(BINARY_HEADER)
        if row == BINARY_TRAILER:
            self._ended = True
        elif row:
            super().write(row)

    def end(self, rows: int) -> None:
        super().end(rows)
        if not (self._begun and self._ended):
            raise CountMismatch(
                "the source's binary rows have no beginning or no end", code="rows_not_told_apart"
            )
