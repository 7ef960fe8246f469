"""schedules: when a mapping runs."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.documents.base import Id, StoredDocument, Value
from shared.documents.mapping import Retry
from shared.documents.run import SkipReason


class Stretch(Value):
    """The skipped record that the next tick is added to when it does not run for the same reason."""

    run_id: Id
    reason: SkipReason


class Schedule(StoredDocument):
    """`next_due_at` is the instant of the next tick, None when there is none; a disabled schedule has ticks too,
    which are recorded as paused. `last_tick_at` is the newest tick that has a record.
    """

    format: int = 2
    name: str
    mapping_id: Id
    cron_expression: str
    timezone: str = "UTC"
    enabled: bool = True
    overlap_policy: Literal["skip", "queue"] = "skip"
    catch_up: Literal["latest", "none", "all"] = "latest"
    misfire_grace_seconds: int = Field(default=60, ge=0)
    timeout_seconds: int | None = Field(default=None, ge=1)
    retry: Retry | None = None
    jitter_seconds: int = Field(default=0, ge=0)
    start_at: datetime | None = None
    end_at: datetime | None = None
    next_due_at: datetime | None = None
    last_tick_at: datetime | None = None
    stretch: Stretch | None = None
    last_run_at: datetime | None = None
    last_run_status: str | None = None
