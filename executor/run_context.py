"""What the worker gives to a run's blocking work (`executor.context.RunContext`)."""

from collections.abc import Callable

from executor.background import BackgroundLoop
from executor.interrupts import Interrupts
from executor.lease import LeaseKeeper
from executor.reporter import RunReporter
from executor.run_inputs import RunInputs
from executor.stubborn import until_written
from shared.dialects.base import ConnectionSettings, Session
from shared.documents.run import Progress, Run, TargetSession, Window
from shared.errors import LeaseLost, RunCancelled
from shared.store.runs import RunStore


class WorkerContext:
    """Used by the working thread only; what it starts runs on the store's loop."""

    def __init__(
        self,
        run: Run,
        inputs: RunInputs,
        *,
        runs: RunStore,
        background: BackgroundLoop,
        interrupts: Interrupts,
        reporter: RunReporter,
        keeper: LeaseKeeper,
        commit_seconds: float,
    ) -> None:
        self.run = run
        self.version = inputs.version
        self.source = inputs.source
        self.target = inputs.target
        self.shown_window = inputs.shown_window
        self.commit_seconds = commit_seconds
        self._runs = runs
        self._background = background
        self._interrupts = interrupts
        self._reporter = reporter
        self._keeper = keeper
        # A session stays recorded when it is released: one whose connection was lost may live on in the server,
        # with its locks, and those of earlier attempts live until this attempt has ended them.
        self._earlier = run.sessions
        self._opened: list[TargetSession] = []

    @property
    def sessions(self) -> tuple[TargetSession, ...]:
        """The sessions that may still be open in a database."""
        return (*self._earlier, *self._opened)

    def check(self) -> None:
        self._interrupts.check()

    def pause(self, seconds: float) -> None:
        self._interrupts.pause(seconds)

    def hold(self, settings: ConnectionSettings, session: Session) -> None:
        self._interrupts.hold(session)
        self._opened.append(
            TargetSession(
                connection_id=settings.connection_id,
                dialect=session.dialect.name,
                session_id=session.session_id,
            )
        )
        self._reporter.report_sessions(self.sessions)
        if settings == self.target:
            # Before it takes any lock: whoever has the run next could not end a session that nobody has noted.
            self._background.call(until_written(self._reporter.write_now, self._keeper))

    def release(self, session: Session) -> None:
        self._interrupts.release(session)

    def planned(self, gear: str, window: Window | None) -> None:
        self._earlier = ()  # ended before this attempt took its ledger row
        self._reporter.report_sessions(self.sessions)
        self._reporter.report_plan(gear, window)

    def progress(self, counts: Callable[[], Progress]) -> None:
        self._reporter.report_progress(counts)

    def enter_committing(self, progress: Progress) -> None:
        self._interrupts.begin_committing()
        try:
            self._background.call(
                until_written(lambda: self._runs.enter_committing(self.run, progress), self._keeper)
            )
        except (RunCancelled, LeaseLost) as signal:
            self._interrupts.refuse_commit(signal)
            raise
        self._reporter.supersede_progress()

    def log(self, level: str, message: str) -> None:
        self._reporter.add_line(level, message)
