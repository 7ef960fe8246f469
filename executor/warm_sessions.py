"""The idle target sessions of one worker process, each for the next run on the same connection.

Only targets: a source's session is thrown away with its snapshot (DESIGN.md §11). The settings are the key, password
and address among them, so that a changed connection never meets an old session.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits
from shared.errors import EngineError

MOST = 4
IDLE_SECONDS = 20.0


@dataclass(frozen=True)
class _Idle:
    session: Session
    since: float


class WarmSessions:
    """Used by the working thread only. `most` sessions are kept, for IDLE_SECONDS each."""

    def __init__(self, most: int = MOST, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._idle: dict[ConnectionSettings, _Idle] = {}

    def take(self, settings: ConnectionSettings, limits: SessionLimits) -> Session:
        """Return a session on the target: a warm one that still answers, else a new one. Raises EngineError classes."""
        self.close_old()
        idle = self._idle.pop(settings, None)
        if idle is not None:
            if _answers(idle.session):
                return idle.session
            idle.session.close()
        return dialect_for(settings.db_type).connect(settings, Purpose.TARGET, limits)

    def keep(self, settings: ConnectionSettings, session: Session, limits: SessionLimits) -> None:
        """Renew a session, at once for the sake of its locks, and keep it; or close it. Never raises."""
        if self._most == 0 or settings in self._idle or not session.renew(limits):
            session.close()
            return
        if len(self._idle) >= self._most:
            oldest = next(iter(self._idle))
            self._idle.pop(oldest).session.close()
        self._idle[settings] = _Idle(session, self._monotonic())

    def close_old(self) -> float | None:
        """Close what has been idle for too long; return the seconds until there is more to close, None for never."""
        for settings, idle in list(self._idle.items()):
            left = idle.since + IDLE_SECONDS - self._monotonic()
            if left > 0:
                return left
            del self._idle[settings]
            idle.session.close()
        return None

    def close(self) -> None:
        """Close all."""
        while self._idle:
            self._idle.popitem()[1].session.close()


def _answers(session: Session) -> bool:
    try:
        return session.fetch("SELECT 1") == [(1,)]
    except EngineError:
        return False
