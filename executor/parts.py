"""A source that is read in parts: a session and a thread for each, joined into the one feed.

The parts take turns with whole blocks of whole rows. The first error of any part ends the others and is the feed's own.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from executor.context import RunContext
from executor.extract import Feed, FeederStopped
from executor.held_sessions import hold_open
from executor.interrupts import CANCEL_AGAIN_SECONDS
from executor.transform import RejectedRows, Transform
from executor.watermark import WindowPlan
from shared.dialects.base import Session, SessionLimits
from shared.dialects.binary_copy import BINARY_HEADER, BINARY_TRAILER
from shared.dialects.shared_snapshot import export_snapshot, join_snapshot
from shared.dialects.whole_rows import read_whole_rows
from shared.parts import plan_parts
from shared.source_plan import SourcePlan
from shared.types import Form


@dataclass(frozen=True, eq=False)
class Part:
    """One range of the source, and the session that reads it."""

    session: Session
    sql: str


def plan_run_parts(context: RunContext, windowed: WindowPlan, source: Session) -> tuple[str, ...]:
    """Return the SELECTs of the parts that the source is read in; none where it is read as one. Raises InvalidMapping.

    What was asked for and what came of it is said in the run's log.
    """
    asked = context.version.mapping.read_in_parts
    if asked is None:
        return ()
    parts = plan_parts(asked, windowed.reading, source, windowed.within)
    context.log("info", parts.in_words)
    return parts.selects


@contextmanager
def open_parts(
    context: RunContext, source: Session, selects: Sequence[str], limits: SessionLimits
) -> Iterator[tuple[Part, ...]]:
    """Open a session on the source's snapshot for each part but the first, which `source` itself reads."""
    with ExitStack() as opened:
        sessions = [source]
        if len(selects) > 1:
            snapshot = export_snapshot(source)
            sessions += [
                opened.enter_context(
                    hold_open(
                        context,
                        context.source,
                        lambda: join_snapshot(source, context.source, limits, snapshot),
                    )
                )
                for _ in selects[1:]
            ]
        yield tuple(Part(session, sql) for session, sql in zip(sessions, selects, strict=False))


class PartedFeed(Feed):
    """A feed of several parts; its counts are those of all, its row numbers those of the order they were joined in."""

    def __init__(
        self,
        parts: Sequence[Part],
        plan: SourcePlan,
        transform: Transform,
        rejected: RejectedRows,
        context: RunContext,
        rows_before: int = 0,
    ) -> None:
        self._joining = JoinedReading(parts, plan.form)
        super().__init__(parts[0].session, plan, transform, rejected, context, rows_before)

    def _reader(self) -> Callable[[Session, str, Callable[[bytes], Any]], int]:
        return lambda _session, _sql, write: self._joining.read(write)

    def _stop_reading(self) -> None:
        self._joining.stop(FeederStopped())


class JoinedReading:
    """The parts of one source being read. `read` is called once; `stop` may be called from another thread."""

    def __init__(self, parts: Sequence[Part], form: Form) -> None:
        self._parts = parts
        self._form = form
        self._turn = threading.Lock()
        self._failing = threading.Lock()
        self._failure: BaseException | None = None
        self._rows = 0
        self._news: queue.SimpleQueue[Part | None] = queue.SimpleQueue()

    def read(self, write: Callable[[bytes], Any]) -> int:
        """Read all parts to their ends into `write`, a block at a time; return the number of rows of all.

        When one fails the statements of the others are ended in the database too, and its error is raised once all
        threads are done: nothing comes back from a part that was not read to its end.
        """
        if self._form == "binary":
            write(BINARY_HEADER)
        running: set[Part] = set()
        for part in self._parts:
            running.add(part)
            self._start(part, write)
        while running:
            ended = self._next_news()
            if ended is not None:
                running.discard(ended)
            if self._failure is not None:
                for part in running:
                    part.session.cancel()
        if self._failure is not None:
            raise self._failure
        if self._form == "binary":
            write(BINARY_TRAILER)
        return self._rows

    def stop(self, reason: BaseException) -> None:
        """End the reading of all parts; the first reason counts."""
        with self._failing:
            if self._failure is None:
                self._failure = reason
        self._news.put(None)

    def _start(self, part: Part, write: Callable[[bytes], Any]) -> None:
        thread = threading.Thread(target=self._read_part, args=(part, write), name="extract", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left
            self.stop(error)
            self._news.put(part)

    def _next_news(self) -> Part | None:
        """Wait for a part's end or a reason to stop; once there is one, only until it is time to cancel again."""
        try:
            return self._news.get(timeout=None if self._failure is None else CANCEL_AGAIN_SECONDS)
        except queue.Empty:
            return None

    def _read_part(self, part: Part, write: Callable[[bytes], Any]) -> None:
        def take_turn(block: bytes) -> None:
            with self._turn:
                if self._failure is not None:
                    raise FeederStopped
                write(block)

        try:
            rows = read_whole_rows(part.session, part.sql, self._form, take_turn)
            with self._turn:
                self._rows += rows
        except BaseException as error:
            self.stop(error)
        finally:
            self._news.put(part)
