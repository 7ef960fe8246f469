"""A session for looking at a target: nothing is written, and nothing is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits
from shared.errors import AccessDenied


@contextmanager
def look_at_target(target: ConnectionSettings, limits: SessionLimits) -> Iterator[Session]:
    """Open the target for reading; a file that is not there yet is looked at as the empty one it will be."""
    dialect = dialect_for(target.db_type)
    with TemporaryDirectory() as folder:
        try:
            session = dialect.connect(target, Purpose.PREVIEW, limits)
        except AccessDenied as error:
            if error.code != "database_not_found" or target.host is not None:
                raise
            empty = Path(folder) / "empty"
            empty.touch()
            session = dialect.connect(replace(target, database=str(empty)), Purpose.PREVIEW, limits)
        try:
            yield session
        finally:
            session.close()
