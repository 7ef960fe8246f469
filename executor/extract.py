"""Source query -> transformed blocks, in a thread that feeds the loader through an operating system pipe.

A dead feeder must never look like the end of the data: the loader's `read` raises the feeder's error
instead of returning the end, and a loader that stops breaks the pipe for the feeder.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable
from io import RawIOBase
from typing import Any, BinaryIO, cast

from executor.context import RunContext
from executor.fault_points import reach
from executor.transform import RejectedRows, Transform
from shared.column_mappings.line_mapper import RejectedLine
from shared.column_mappings.row_mapper import CellError
from shared.dialects.base import Session
from shared.dialects.binary_copy import read_binary
from shared.documents.run import Progress
from shared.source_plan import SourcePlan
from shared.tracing import continued, present_context, span
from shared.wire import split_line

PIPE_BYTES = 1024 * 1024
NO_FILE = -1  # of a closed end: its number is soon another feed's
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)


class FeederStopped(Exception):
    """The loader has gone: the feeder ends without an error of its own."""


class Feed(RawIOBase):
    """The readable end of one extraction: a file object whose `read` gives encoded blocks.

    `read(n)` blocks until there is something; at the end of the data it joins the feeder and returns b"",
    or raises what the feeder died of. Counts are valid after the end.
    """

    def __init__(
        self,
        session: Session,
        plan: SourcePlan,
        transform: Transform,
        rejected: RejectedRows,
        context: RunContext,
        rows_before: int = 0,
    ) -> None:
        super().__init__()
        self.form = plan.form
        self.rows_before = rows_before
        self.transform = transform
        self.rejected = rejected
        self.bytes_read = 0
        self._session = session
        self._sql = plan.sql
        self._context = context
        self._error: BaseException | None = None
        self._trace = present_context()
        self._rows = 0
        self._read_end, self._write_end = os.pipe()
        if _SET_PIPE_SIZE is not None:
            with contextlib.suppress(
                OSError
            ):  # the system's limit for unprivileged users: a smaller pipe works too
                fcntl.fcntl(self._write_end, _SET_PIPE_SIZE, PIPE_BYTES)
        self._thread = threading.Thread(target=self._extract, name="extract", daemon=True)
        self._thread.start()

    # -- the loader's side ---------------------------------------------------------------------

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = os.read(self._read_end, size if size > 0 else PIPE_BYTES)
        if not chunk:
            self._finish()
        return chunk

    def readinto(self, buffer: Any) -> int:
        chunk = self.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _finish(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error
        self.transform.ended(self._rows)

    def close(self) -> None:
        """Break the pipe for a feeder that still runs, and wait for it to end."""
        if self.closed:
            return
        super().close()
        read_end, self._read_end = self._read_end, NO_FILE
        os.close(read_end)
        if self._thread.is_alive():
            self._stop_reading()
        self._thread.join()

    def _stop_reading(self) -> None:
        self._session.cancel()

    # -- the feeder's side ---------------------------------------------------------------------

    def _extract(self) -> None:
        try:
            with continued(self._trace), span("extract") as traced:
                self._rows = self._reader()(self._session, self._sql, self._feed)
                traced.set_attributes({"etl.rows": self._rows, "etl.bytes": self.bytes_read})
        except FeederStopped:
            pass
        except BaseException as error:
            self._error = error
        finally:
            write_end, self._write_end = self._write_end, NO_FILE
            os.close(write_end)

    def _reader(self) -> Callable[[Session, str, Callable[[bytes], Any]], int]:
        dialect = self._session.dialect
        readers = {"lines": dialect.read_blocks, "csv": dialect.read_csv, "binary": read_binary}
        return readers[self.form]

    def _feed(self, block: bytes) -> None:
        self._context.check()
        self.bytes_read += len(block)
        view = memoryview(self.transform.block(block))
        while view:
            try:
                view = view[os.write(self._write_end, view) :]
            except BrokenPipeError:
                raise FeederStopped from None
        reach("mid_extract")
        self._context.progress(self.counts())

    @property
    def rows_read(self) -> int:
        """All rows read so far, those set aside before the feed among them."""
        return self.rows_before + self.transform.rows_read

    def counts(self) -> Progress:
        """Return what was read so far."""
        return Progress(
            phase="load",
            rows_read=self.rows_read,
            rows_rejected=self.rejected.count,
            bytes_read=self.bytes_read,
        )


def set_aside(session: Session, sql: str, error: CellError, rejected: RejectedRows) -> int:
    """Reject every row of a wire SELECT for one reason; return how many there were."""
    rows = 0

    def reject(block: bytes) -> None:
        nonlocal rows
        for line in block.split(b"\n")[:-1]:
            rows += 1
            rejected.add(rows, RejectedLine(rows, tuple(split_line(line)), (error,)))

    session.dialect.read_blocks(session, sql, reject)
    return rows


def load_all(feed: Feed, load: Callable[[BinaryIO], Any]) -> Any:
    """Run a bulk load over the whole feed and return its result; the feed is closed whatever happens.

    The feeder's own error wins over the loader's, which is only its echo.
    """
    try:
        result = load(cast(BinaryIO, feed))
    except Exception as echo:
        feed.close()
        if feed._error is not None and feed._error is not echo:
            raise feed._error from echo
        raise
    feed.close()
    return result
