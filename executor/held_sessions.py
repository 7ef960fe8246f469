"""Sessions that a run holds: what ends the run ends them too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from executor.context import RunContext
from shared.dialects.base import ConnectionSettings, Session


@contextmanager
def hold_open(
    context: RunContext, settings: ConnectionSettings, connect: Callable[[], Session]
) -> Iterator[Session]:
    """Open a session, held by the run until it is closed at the end."""
    context.check()
    session = connect()
    try:
        context.hold(settings, session)
        yield session
    finally:
        session.close()
        context.release(session)
