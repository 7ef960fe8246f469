"""A source table with a cursor column and a target beside it, in one database of each flavour."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from executor.context import RunOutcome
from executor.pipeline import execute_run
from local_servers import Database
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.documents.mapping import Incremental, MappingVersion, WriteMode
from shared.documents.run import Run
from tests import factories
from tests.factories import field
from tests.recording_context import RecordingContext

COLUMN_TYPES = {
    "integer": {"sqlite": "INTEGER", "postgresql": "bigint", "mysql": "BIGINT"},
    "decimal": {"postgresql": "numeric", "mysql": "DECIMAL(30,6)"},
    "date": {"sqlite": "TEXT", "postgresql": "date", "mysql": "DATE"},
    "timestamp": {"sqlite": "TEXT", "postgresql": "timestamp", "mysql": "DATETIME(6)"},
    "timestamptz": {"sqlite": "TEXT", "postgresql": "timestamptz", "mysql": "TIMESTAMP(6)"},
}
FIELDS = (field("id", "integer"), field("name"))
KEYED = (field("id", "integer", nullable=False, primary_key=True), field("name"))
QUERY = "SELECT id, name, at FROM events"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """SQLite has no decimals: there is no such test, rather than one that is skipped."""
    items[:] = [item for item in items if "[sqlite-decimal" not in item.name]


class Events:
    """The table events (id, name, at) and the runs of mappings that read it in windows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.settings = factories.connection_settings(database)
        self.fence = 0

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        with self.database.cursor() as cursor:
            cursor.execute(sql, params)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def create(self, kind: str) -> None:
        column_type = COLUMN_TYPES[kind][self.database.db_type]
        self.execute(f"CREATE TABLE events (id BIGINT, name VARCHAR(100), at {column_type} NULL)")

    def put(self, *rows: tuple[int, str, Any]) -> None:
        mark = "?" if self.database.flavour == "sqlite" else "%s"
        for row in rows:
            self.execute(f"INSERT INTO events VALUES ({mark}, {mark}, {mark})", row)

    def loaded(self) -> list[tuple[Any, ...]]:
        return sorted(self.fetch("SELECT id, name FROM facts"))

    def run(self, version: MappingVersion, run: Run | None = None, **more: Any) -> RunOutcome:
        return self.run_in(version, run, **more)[0]

    def run_in(
        self, version: MappingVersion, run: Run | None = None, **more: Any
    ) -> tuple[RunOutcome, RecordingContext]:
        self.fence += 1
        run = run or factories.run(version)
        context = RecordingContext(
            run.model_copy(update={"fence": self.fence}), version, self.settings, self.settings, **more
        )
        outcome = execute_run(context)
        progress = outcome.progress
        assert progress.rows_read == (
            progress.rows_written + progress.rows_unchanged + progress.rows_collapsed + progress.rows_rejected
        )
        return outcome, context

    @contextmanager
    def session(self) -> Iterator[Session]:
        session = dialect_for(self.settings.db_type).connect(self.settings, Purpose.TARGET, SessionLimits())
        try:
            yield session
        finally:
            session.close()


@pytest.fixture
def events(any_database: Database) -> Events:
    return Events(any_database)


def windowed(
    mode: WriteMode = WriteMode.APPEND,
    columns: Sequence[Any] = FIELDS,
    *,
    query: str = QUERY,
    cursor: str = "at",
    initial: str | None = None,
    lookback: float | None = None,
    **more: Any,
) -> MappingVersion:
    incremental = Incremental(cursor_column=cursor, initial_value=initial, lookback=lookback)
    return factories.mapping_version(query, columns, write_mode=mode, incremental=incremental, **more)
