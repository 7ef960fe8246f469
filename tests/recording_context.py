"""A worker's side of a run, kept in memory: the pipeline under test talks to real databases."""

from collections.abc import Callable

from shared.dialects.base import ConnectionSettings, Session
from shared.documents.mapping import MappingVersion
from shared.documents.run import Progress, Run, Window


class RecordingContext:
    """A RunContext that records what it is told; `on_check` may raise a control signal."""

    def __init__(
        self,
        run: Run,
        version: MappingVersion,
        source: ConnectionSettings,
        target: ConnectionSettings,
        on_check: Callable[[], None] = lambda: None,
        on_committing: Callable[[], None] = lambda: None,
        shown_window: Window | None = None,
        commit_seconds: float = 600,
    ) -> None:
        self.run = run
        self.version = version
        self.source = source
        self.target = target
        self.shown_window = shown_window
        self.commit_seconds = commit_seconds
        self.held: list[Session] = []
        self.gear: str | None = None
        self.window: Window | None = None
        self.reports: list[Progress] = []
        self.lines: list[tuple[str, str]] = []
        self.pauses: list[float] = []
        self._on_check = on_check
        self._on_committing = on_committing

    def check(self) -> None:
        self._on_check()

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.check()

    def hold(self, settings: ConnectionSettings, session: Session) -> None:
        self.held.append(session)

    def release(self, session: Session) -> None:
        self.held.remove(session)

    def planned(self, gear: str, window: Window | None) -> None:
        self.gear, self.window = gear, window

    def progress(self, counts: Callable[[], Progress]) -> None:
        self.reports.append(counts())

    def enter_committing(self, progress: Progress) -> None:
        self.reports.append(progress)
        self._on_committing()

    def log(self, level: str, message: str) -> None:
        self.lines.append((level, message))
