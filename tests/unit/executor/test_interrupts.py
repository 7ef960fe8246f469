"""Which signal ends the work, and what it does to held sessions."""

import threading
from typing import cast

import pytest

from executor.interrupts import Interrupts
from shared.dialects.base import Session
from shared.errors import LeaseLost, RunCancelled, RunTimedOut, ShutdownRequested, TargetUnavailable

WAIT_SECONDS = 10


class CountingSession:
    """Stands for a session: only `cancel` is asked of it here."""

    def __init__(self) -> None:
        self.cancelled = threading.Semaphore(0)

    def cancel(self) -> None:
        self.cancelled.release()
        raise TargetUnavailable("the server is gone")


def hold(interrupts: Interrupts) -> CountingSession:
    session = CountingSession()
    interrupts.hold(cast(Session, session))
    return session


def test_statements_are_cancelled_until_the_work_has_ended() -> None:
    interrupts = Interrupts()
    interrupts.check()
    session = hold(interrupts)
    interrupts.interrupt(RunCancelled())
    assert session.cancelled.acquire(timeout=WAIT_SECONDS)
    later = hold(interrupts)  # a statement that begins after the first cancel
    assert later.cancelled.acquire(timeout=WAIT_SECONDS)
    with pytest.raises(RunCancelled):
        interrupts.check()
    interrupts.end()
    interrupts.release(cast(Session, session))


def test_the_first_signal_counts_and_a_lost_lease_outweighs_it() -> None:
    interrupts = Interrupts()
    interrupts.interrupt(RunTimedOut())
    interrupts.interrupt(RunCancelled())
    assert isinstance(interrupts.pending, RunTimedOut)
    interrupts.interrupt(LeaseLost())
    assert isinstance(interrupts.pending, LeaseLost)
    interrupts.end()


def test_a_signal_ends_a_pause() -> None:
    interrupts = Interrupts()
    interrupts.pause(0)
    paused = threading.Event()

    def pause() -> None:
        with pytest.raises(RunCancelled):
            interrupts.pause(10 * WAIT_SECONDS)
        paused.set()

    threading.Thread(target=pause, daemon=True).start()
    interrupts.interrupt(RunCancelled())
    assert paused.wait(WAIT_SECONDS)
    interrupts.end()


def test_committing_is_the_point_of_no_return() -> None:
    interrupts = Interrupts()
    interrupts.begin_committing()
    for signal in (RunCancelled(), RunTimedOut(), ShutdownRequested()):
        interrupts.interrupt(signal)
        interrupts.check()
    interrupts.interrupt(LeaseLost())
    with pytest.raises(LeaseLost):
        interrupts.check()
    interrupts.end()


def test_a_pending_signal_bars_the_commit() -> None:
    interrupts = Interrupts()
    interrupts.interrupt(RunCancelled())
    with pytest.raises(RunCancelled):
        interrupts.begin_committing()
    assert not interrupts.committing
    interrupts.end()


def test_nothing_is_interrupted_after_the_end() -> None:
    interrupts = Interrupts()
    interrupts.end()
    interrupts.interrupt(LeaseLost())
    assert interrupts.pending is None


def test_the_work_may_end_while_its_statements_begin_to_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal is seen as soon as it is there, which may be before the thread that cancels has started."""
    starting, go = threading.Event(), threading.Event()
    start = threading.Thread.start

    def start_slowly(thread: threading.Thread) -> None:
        if thread.name == "canceller":
            starting.set()
            assert go.wait(WAIT_SECONDS)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_slowly)
    interrupts = Interrupts()
    ended: list[bool] = []

    def end() -> None:
        interrupts.end()
        ended.append(True)

    interrupting = threading.Thread(target=interrupts.interrupt, args=(RunCancelled(),))
    interrupting.start()
    assert starting.wait(WAIT_SECONDS)
    ending = threading.Thread(target=end)
    ending.start()
    ending.join(0.05)  # has come as far as it gets
    go.set()
    for thread in (interrupting, ending):
        thread.join(WAIT_SECONDS)
    assert ended == [True]
    assert interrupts.has_ended
