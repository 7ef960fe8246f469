"""Runs of the pipeline between two test databases, and what they rejected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from executor.pipeline import execute_run
from local_servers import Database
from shared.column_mappings import ColumnMappingSpec
from shared.documents.mapping import ErrorPolicy
from shared.documents.run import Progress
from shared.rejected_rows import RejectedRow, read_rejected_rows
from shared.types import TargetField
from tests import factories
from tests.recording_context import RecordingContext

KEPT_ROWS = 1000
QUARANTINE = ErrorPolicy(policy="quarantine")


@dataclass(frozen=True)
class Outcome:
    progress: Progress
    rejected: list[RejectedRow]

    def codes(self, number: str = "number") -> dict[int, dict[str, str]]:
        """Return by row number which fields were wrong, and why."""
        return {
            int(row.source_row[number]): {error["target_field"]: error["code"] for error in row.errors}
            for row in self.rejected
        }


def run(
    source: Database,
    target: Database,
    query: str,
    fields: Sequence[TargetField],
    specs: Sequence[ColumnMappingSpec] = (),
    *,
    zone: str = "UTC",
    **mapping: Any,
) -> Outcome:
    """Run a mapping once; bad rows are quarantined."""
    version = factories.mapping_version(query, fields, specs, **{"on_error": QUARANTINE, **mapping})
    context = RecordingContext(
        factories.run(version),
        version,
        factories.connection_settings(source, session_time_zone=zone),
        factories.connection_settings(target),
    )
    progress = execute_run(context).progress
    rejected, total = read_rejected_rows(context.target, str(context.run.id), limit=KEPT_ROWS)
    assert total == len(rejected) == progress.rows_rejected
    return Outcome(progress, rejected)
