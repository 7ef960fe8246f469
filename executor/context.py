"""What a run's blocking work may ask of the worker around it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.dialects.base import ConnectionSettings, Session
from shared.documents.mapping import MappingVersion
from shared.documents.run import Progress, Run, Window


@dataclass(frozen=True)
class RunOutcome:
    """What a run did; `already_committed` when the ledger showed that an earlier attempt had finished it."""

    progress: Progress
    window: Window | None
    already_committed: bool = False


class RunContext(Protocol):
    """Given to `executor.pipeline.execute_run`; every method may raise a ControlSignal.

    `run.fence` is this attempt's fence. `source` and `target` are decrypted settings. `shown_window` is the
    mapping's last window as MongoDB remembers it: never a bound, but a sign that there must be a watermark.
    `commit_seconds`: how long the target may take to answer a step of the commit.
    """

    run: Run
    version: MappingVersion
    source: ConnectionSettings
    target: ConnectionSettings
    shown_window: Window | None
    commit_seconds: float

    def check(self) -> None:
        """Raise the pending control signal (cancelled, timed out, shutdown, lease lost), if any. Cheap."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait that long; a control signal ends the wait and is raised."""
        ...

    def hold(self, settings: ConnectionSettings, session: Session) -> None:
        """Record an open session: ended on a control signal, and by the next owner when this one dies."""
        ...

    def release(self, session: Session) -> None:
        """Forget a session that was closed."""
        ...

    def planned(self, gear: str, window: Window | None) -> None:
        """Record the chosen gear and window in the run document."""
        ...

    def progress(self, counts: Callable[[], Progress]) -> None:
        """Report that counts have changed; they are asked for and written at most once a second."""
        ...

    def enter_committing(self, progress: Progress) -> None:
        """Take the run from running to committing: the point of no return for cancel. Raises LeaseLost."""
        ...

    def log(self, level: str, message: str) -> None:
        """Add a line to the run's log (no row values, no secrets)."""
        ...
