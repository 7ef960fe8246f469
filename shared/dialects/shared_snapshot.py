"""Several sessions on the one snapshot of a PostgreSQL source."""

from shared.dialects import postgresql_session
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits


def export_snapshot(session: Session) -> str:
    """Return the name of the session's snapshot, good for as long as its transaction is open."""
    return str(session.fetch("SELECT pg_export_snapshot()")[0][0])


def join_snapshot(source: Session, settings: ConnectionSettings, limits: SessionLimits, name: str) -> Session:
    """Open one more session that reads the exported snapshot of `source`, and no other.

    Raises SourceUnavailable `snapshot_not_shared` where the server that answers does not know the snapshot.
    """
    return postgresql_session.connect(source.dialect, settings, Purpose.SOURCE, limits, name)
