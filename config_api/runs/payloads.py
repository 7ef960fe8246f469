"""Runs, their log lines and rejected rows as they go out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from config_api.fields import Answer, IdText, Instant, Reference, UtcInstant
from shared.documents.notice import Notice, NoticeStatus
from shared.documents.run import NoticeKind, Phase, Run, RunStatus, SkipReason, Trigger
from shared.rejected_rows import RejectedRow
from shared.store.run_logs import LogLine


@dataclass(frozen=True)
class RunQuery:
    """The filters of a list of runs."""

    mapping_id: str | None
    schedule_id: str | None
    status: RunStatus | None
    trigger: Trigger | None
    since: datetime | None
    until: datetime | None


async def read_run_query(
    mapping_id: Annotated[Reference | None, Query()] = None,
    schedule_id: Annotated[Reference | None, Query()] = None,
    status: Annotated[RunStatus | None, Query()] = None,
    trigger: Annotated[Trigger | None, Query()] = None,
    since: Annotated[Instant | None, Query(description="Queued at or after")] = None,
    until: Annotated[Instant | None, Query(description="Queued at or before")] = None,
) -> RunQuery:
    """Read the filters that a list of runs is asked for."""
    return RunQuery(mapping_id, schedule_id, status, trigger, since, until)


class ProgressRead(Answer):
    phase: Phase
    rows_read: int
    rows_written: int
    rows_unchanged: int
    rows_collapsed: int
    rows_rejected: int
    bytes_read: int


class WindowRead(Answer):
    low: str | None
    high: str | None


class RunErrorRead(Answer):
    code: str
    message: str
    row: int | None
    column: str | None


WaitReason = Literal["time", "paused", "newer_executor", "mapping", "connection", "worker"]


class WaitingRead(Answer):
    """time: until `until`, by a backoff or jitter · paused: a switch is on · newer_executor: a newer version has to
    carry it out · mapping: another run of its mapping is going on · connection: as many runs as its max_parallel
    use `connection_id` ("default": the default target) · worker: for a free worker.
    """

    reason: WaitReason
    until: UtcInstant | None = None
    connection_id: str | None = None


class RunRead(Answer):
    id: IdText
    mapping_id: IdText
    mapping_version: int
    schedule_id: IdText | None
    trigger: Trigger
    retry_of: IdText | None
    scheduled_for: UtcInstant | None
    status: RunStatus
    reason: SkipReason | None
    until: UtcInstant | None
    count: int | None
    attempt: int
    cancel_requested: bool
    queued_at: UtcInstant
    started_at: UtcInstant | None
    finished_at: UtcInstant | None
    executor_id: str | None
    gear: str | None
    progress: ProgressRead
    window: WindowRead | None
    error: RunErrorRead | None
    waiting_for: WaitingRead | None = Field(description="Why a queued run waits; null in events")
    version: int


class LogLineRead(Answer):
    at: UtcInstant
    level: str
    message: str
    attempt: int


class NoticeRead(Answer):
    """`error`: why the last attempt failed."""

    kind: NoticeKind
    target: str
    status: NoticeStatus
    attempts: int
    error: str | None
    created_at: UtcInstant
    sent_at: UtcInstant | None


class RejectedErrorRead(Answer):
    target_field: str | None
    source_columns: list[str]
    code: str
    message: str


class RejectedRowRead(Answer):
    row_number: int
    source_row: dict[str, Any]
    errors: list[RejectedErrorRead]
    mapping_version: int


def read_run(run: Run, waiting: WaitingRead | None = None) -> RunRead:
    """Return a run as it is shown: without its lease and sessions."""
    parts = {"waiting_for", "progress", "window", "error", "id", "mapping_id", "schedule_id", "retry_of"}
    same = {name: getattr(run, name) for name in RunRead.model_fields if name not in parts}
    return RunRead(
        **same,
        id=str(run.id),
        mapping_id=str(run.mapping_id),
        schedule_id=None if run.schedule_id is None else str(run.schedule_id),
        retry_of=None if run.retry_of is None else str(run.retry_of),
        progress=ProgressRead(**run.progress.model_dump()),
        window=None if run.window is None else WindowRead(**run.window.model_dump()),
        waiting_for=waiting,
        error=None if run.error is None else RunErrorRead(**run.error.model_dump()),
    )


def read_log_line(line: LogLine) -> LogLineRead:
    """Return a log line as it is shown."""
    return LogLineRead(at=line.at, level=line.level, message=line.message, attempt=line.attempt)


def read_notice(notice: Notice) -> NoticeRead:
    """Return a notice as it is shown."""
    return NoticeRead(**{name: getattr(notice, name) for name in NoticeRead.model_fields})


def read_rejected_row(row: RejectedRow) -> RejectedRowRead:
    """Return a rejected row as it is shown."""
    return RejectedRowRead(
        row_number=row.row_number,
        source_row=row.source_row,
        errors=[
            RejectedErrorRead(
                target_field=error.get("target_field"),
                source_columns=error.get("source_columns", []),
                code=error["code"],
                message=error["message"],
            )
            for error in row.errors
        ],
        mapping_version=row.mapping_version,
    )
