"""Source query -> transformed blocks, in a thread that feeds the loader through an operating system pipe.

A dead feeder must never look like the end of the data: the loader's `read` raises the feeder's error
instead of returning the end, and a loader that stops breaks the pipe for the feeder.

Blocks are looked at where it costs the least: by the feeder, or, where the driver of the source can write into the pipe
by itself and little is to be done with a block, by the loader as it takes them out.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from io import FileIO, RawIOBase
from typing import Any, BinaryIO, cast

from executor.context import RunContext
from executor.fault_points import reach
from executor.transform import RejectedRows, Transform
from shared.column_mappings.line_mapper import RejectedLine
from shared.column_mappings.row_mapper import CellError
from shared.dialects.base import Session
from shared.dialects.binary_copy import copy_into, read_binary
from shared.dialects.copy_text import whole_lines
from shared.documents.run import Progress
from shared.source_plan import SourcePlan
from shared.tracing import continued, present_context, span
from shared.wire import split_line

PIPE_BYTES = 1024 * 1024
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
        self._abandoned = False
        self._read_end, self._write_end = _open_pipe()
        self._thread = threading.Thread(target=self._extract, name="extract", daemon=True)
        self._thread.start()

    # -- the loader's side ---------------------------------------------------------------------

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next of the stream; of whole lines it may be more than `size` bytes."""
        return self._take(size)

    def _take(self, size: int) -> bytes:
        """Take what is next out of the pipe; at its end, that of the feeder."""
        chunk: bytes = self._read_end.read(size if size > 0 else PIPE_BYTES)
        if not chunk:
            self._finish()
        return chunk

    def _finish(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error
        self.transform.ended(self._rows)

    def close(self) -> None:
        """Break the pipe for a feeder that still runs, and wait for it to end: its end is then our doing, no error."""
        if self.closed:
            return
        super().close()
        self._abandoned = True
        self._read_end.close()
        if self._thread.is_alive():
            self._stop_reading()
        self._thread.join()

    def _stop_reading(self) -> None:
        self._session.cancel()

    # -- the feeder's side ---------------------------------------------------------------------

    def _extract(self) -> None:
        try:
            with continued(self._trace), span("extract") as traced:
                self._rows = self._read_source()
                traced.set_attributes({"etl.rows": self._rows, "etl.bytes": self.bytes_read})
        except FeederStopped:
            pass
        except BaseException as error:
            if not self._abandoned:
                self._error = error
        finally:
            self._write_end.close()

    def _read_source(self) -> int:
        """Write the whole result into the pipe; return the number of rows."""
        return self._reader()(self._session, self._sql, self._feed)

    def _reader(self) -> Callable[[Session, str, Callable[[bytes], Any]], int]:
        dialect = self._session.dialect
        readers = {"lines": dialect.read_blocks, "csv": dialect.read_csv, "binary": read_binary}
        return readers[self.form]

    def _feed(self, block: bytes) -> None:
        view = memoryview(self._look_at(block))
        while view:
            try:
                view = view[self._write_end.write(view) :]
            except BrokenPipeError:
                raise FeederStopped from None
        self._looked_at()

    # -- a block, on the one side or the other -------------------------------------------------

    def _look_at(self, block: bytes) -> bytes:
        self._context.check()
        self.bytes_read += len(block)
        return self.transform.block(block)

    def _looked_at(self) -> None:
        reach("mid_extract")
        self._context.progress(self.counts)

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


class StraightFeed(Feed):
    """A feed whose pipe the source's driver writes into by itself; the loader looks at the blocks.

    An error that is found here is the feed's own, as if the feeder had died of it: no later `read` gives anything.
    """

    def read(self, size: int = -1) -> bytes:
        if self._error is not None:
            raise self._error
        try:
            while chunk := self._next_chunk(size):
                block = self._look_at(chunk)
                self._looked_at()
                if block:  # nothing is left of it where every row was rejected
                    return block
        except BaseException as error:
            self._error = error
            raise
        return b""

    def _next_chunk(self, size: int) -> bytes:
        if self.form != "lines":
            return self._take(size)
        return next(self._lines, b"")

    @cached_property
    def _lines(self) -> Iterator[bytes]:
        return whole_lines(self._take)

    def _read_source(self) -> int:
        try:
            return copy_into(self._session, self._sql, self.form, self._write_end)
        except BrokenPipeError:
            raise FeederStopped from None


def feed_kind(session: Session, transform: Transform) -> type[Feed]:
    """Return the feed that suits a source that is read as one, and what is to be done with its blocks."""
    is_straight = session.dialect.capabilities.copies_out and transform.is_light
    return StraightFeed if is_straight else Feed


def _open_pipe() -> tuple[FileIO, FileIO]:
    """Return the ends of a pipe as files: once one is closed, it is nobody else's number."""
    read_end, write_end = os.pipe()
    if _SET_PIPE_SIZE is not None:
        # The system's limit for unprivileged users: a smaller pipe works too.
        with contextlib.suppress(OSError):
            fcntl.fcntl(write_end, _SET_PIPE_SIZE, PIPE_BYTES)
    return FileIO(read_end, "r"), FileIO(write_end, "w")


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
