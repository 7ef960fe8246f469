"""runs: one execution of a mapping, and the states it may pass through (drawn in docs/state_machine.md)."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from shared.documents.base import Id, StoredDocument, Value
from shared.documents.mapping import Retry


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMMITTING = "committing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"


FINAL_STATUSES = frozenset(
    {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT, RunStatus.SKIPPED}
)
UNFINISHED_STATUSES = frozenset(RunStatus) - FINAL_STATUSES

TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset(
        {RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.TIMED_OUT}
    ),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.COMMITTING,
            RunStatus.QUEUED,
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.TIMED_OUT,
        }
    ),
    RunStatus.COMMITTING: frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.QUEUED}),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
    RunStatus.TIMED_OUT: frozenset(),
    RunStatus.SKIPPED: frozenset(),
}

Trigger = Literal["schedule", "manual", "retry", "backfill", "replay"]
SkipReason = Literal["overlap", "missed", "paused", "blocked", "outside_window"]
Phase = Literal["plan", "extract", "load", "commit"]
NoticeKind = Literal["failed", "missed", "late"]


class Progress(Value):
    phase: Phase = "plan"
    rows_read: int = 0
    rows_written: int = 0
    rows_unchanged: int = 0
    rows_collapsed: int = 0
    rows_rejected: int = 0
    bytes_read: int = 0


class Window(Value):
    """The cursor window of a run as typed strings, e.g. "integer:42"; low is exclusive, high inclusive."""

    low: str | None
    high: str | None


class FixedWindow(Value):
    """The range of a backfill, as texts that a person or the chunking wrote; `high` is inclusive."""

    low: str
    high: str
    includes_low: bool


class RunError(Value):
    code: str
    message: str
    row: int | None = None
    column: str | None = None


class TargetSession(Value):
    """A database session that an attempt holds, so that the next owner can end it."""

    connection_id: str
    dialect: str
    session_id: str


class Run(StoredDocument):
    """`fence` is new at every claim and never reused; `lease_expires_at` is server time.

    `uses` are the connections of the run's mapping; a live run holds a slot of each of them (`slots`), so that no
    more runs use a connection at a time than its max_parallel. `needs` is the format that an executor must know
    to carry the run out, once one found that it does not.

    `fixed_window`: a backfill's range; such a run leaves the watermark alone. `replay_of`: the run whose
    rejected rows this one loads.

    `unsettled`: an attempt was lost, or its commit was begun, so only the target's ledger knows its outcome.

    `traceparent`: the trace (W3C) of the request that queued the run, which its attempts become part of.

    `notices`: what people have to be told of and no notice was written for yet. `late_at`: when the run counts as
    late unless it has started; None once that is decided, and where nobody wants to know.
    """

    format: int = 2
    mapping_id: Id
    mapping_version: int
    uses: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    needs: int = 1
    schedule_id: Id | None = None
    trigger: Trigger
    retry_of: Id | None = None
    scheduled_for: datetime | None = None
    status: RunStatus
    reason: SkipReason | None = None
    until: datetime | None = None
    count: int | None = None
    attempt: int = 0
    cancel_requested: bool = False
    queued_at: datetime
    not_before: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    executor_id: str | None = None
    fence: int | None = None
    lease_expires_at: datetime | None = None
    retry: Retry = Retry()
    timeout_seconds: int = 21600
    gear: str | None = None
    progress: Progress = Progress()
    window: Window | None = None
    fixed_window: FixedWindow | None = None
    replay_of: Id | None = None
    error: RunError | None = None
    sessions: tuple[TargetSession, ...] = ()
    unsettled: bool = False
    notices: tuple[NoticeKind, ...] = ()
    late_at: datetime | None = None
    traceparent: str | None = None
