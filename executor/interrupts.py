"""Ends a run's blocking work: one pending control signal, and the sessions whose statements it cancels."""

import threading
from collections.abc import Iterator

import structlog

from shared.dialects.base import Session
from shared.errors import ControlSignal, EngineError, LeaseLost

CANCEL_AGAIN_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Interrupts:
    """Shared by the thread that works and the threads that watch it.

    Once committing has begun only the loss of the lease interrupts: cancel, timeout and shutdown come too
    late, and the run ends as its commit does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._interrupted = threading.Event()
        self._pending: ControlSignal | None = None
        self._committing = False
        self._sessions: list[Session] = []
        self._canceller: threading.Thread | None = None

    @property
    def pending(self) -> ControlSignal | None:
        """The signal that ends the work, if any; the loss of the lease outweighs every other."""
        return self._pending

    @property
    def committing(self) -> bool:
        """Whether the commit has been begun, so that its outcome may be unknown."""
        return self._committing

    @property
    def has_ended(self) -> bool:
        """Whether the work is over, so that there is nothing left to stop."""
        return self._ended.is_set()

    def interrupt(self, signal: ControlSignal) -> None:
        """Make `check` raise the signal, and cancel running statements until the work has ended."""
        with self._lock:
            if self._ended.is_set() or (self._committing and not isinstance(signal, LeaseLost)):
                return
            if self._pending is None or isinstance(signal, LeaseLost):
                self._pending = signal
            self._interrupted.set()
            if self._canceller is None:
                self._canceller = threading.Thread(
                    target=self._cancel_statements, name="canceller", daemon=True
                )
                self._canceller.start()

    def check(self) -> None:
        """Raise the pending signal."""
        if self._pending is not None:
            raise self._pending

    def pause(self, seconds: float) -> None:
        """Let time pass, until a signal is pending at most; raise that."""
        self._interrupted.wait(seconds)
        self.check()

    def begin_committing(self) -> None:
        """Pass the point of no return, or raise the pending signal."""
        with self._lock:
            self.check()
            self._committing = True

    def refuse_commit(self, signal: ControlSignal) -> None:
        """Take the point of no return back: the store refused it, so no commit was sent."""
        with self._lock:
            self._committing = False
            self._pending = self._pending or signal

    def hold(self, session: Session) -> None:
        with self._lock:
            self._sessions.append(session)

    def release(self, session: Session) -> None:
        with self._lock:
            if session in self._sessions:
                self._sessions.remove(session)

    def held(self) -> list[Session]:
        with self._lock:
            return list(self._sessions)

    def end(self) -> None:
        """The work has ended: nothing is cancelled from now on."""
        with self._lock:  # a thread that is being started is waited for
            self._ended.set()
            canceller = self._canceller
        if canceller is not None:
            canceller.join()

    def _cancel_statements(self) -> None:
        # Again and again: a statement may begin just after the one that was cancelled.
        for session in self._sessions_until_end():
            try:
                session.cancel()
            except EngineError as error:
                log.warning("cancel_failed", code=error.code)

    def _sessions_until_end(self) -> Iterator[Session]:
        while not self._ended.is_set():
            yield from self.held()
            self._ended.wait(CANCEL_AGAIN_SECONDS)
