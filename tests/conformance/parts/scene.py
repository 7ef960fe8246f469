"""Runs that read a PostgreSQL source in parts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from executor.pipeline import execute_run
from local_servers import Database
from shared.documents.mapping import ErrorPolicy, MappingVersion, ReadInParts
from shared.documents.run import Progress, Run
from shared.types import TargetField
from tests import factories
from tests.recording_context import RecordingContext

QUARANTINE = ErrorPolicy(policy="quarantine")


def in_parts(
    query: str,
    fields: Sequence[TargetField],
    column: str = "part",
    *,
    parts: int = 4,
    specs: Sequence[Any] = (),
    **mapping: Any,
) -> MappingVersion:
    """A mapping version that asks for parts; bad rows are quarantined."""
    asked = ReadInParts(column=column, parts=parts)
    more = {"on_error": QUARANTINE, **mapping}
    return factories.mapping_version(query, fields, specs, read_in_parts=asked, **more)


def context_of(
    version: MappingVersion, source: Database, target: Database, run: Run | None = None, **hooks: Any
) -> RecordingContext:
    return RecordingContext(
        run or factories.run(version),
        version,
        factories.connection_settings(source),
        factories.connection_settings(target),
        **hooks,
    )


def run_once(context: RecordingContext) -> Progress:
    progress = execute_run(context).progress
    assert context.held == []
    return progress


def said_of_parts(context: RecordingContext) -> str:
    """What the run's log says of how the source was read."""
    [message] = [message for _, message in context.lines if message.startswith("the source is read in")]
    return message


def rows_of(target: Database, columns: str = "id, body", table: str = "facts") -> Counter[tuple[Any, ...]]:
    return Counter(target.rows(f"SELECT {columns} FROM {table}"))


def statements_on(source: Database) -> list[tuple[Any, ...]]:
    """The sessions of runs that the source's server still has."""
    return source.rows(
        "SELECT state, query FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'etl-engine'"
    )
