"""Schedules as they come in and go out."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config_api.fields import (
    Answer,
    Flag,
    IdText,
    Instant,
    Name,
    Payload,
    Reference,
    UtcInstant,
    WholeNumber,
    partial_of,
)
from shared.cron import parse_cron, parse_timezone
from shared.documents.mapping import Retry
from shared.documents.schedule import Schedule
from shared.errors import ConfigError


def _check_cron(expression: str) -> str:
    try:
        parse_cron(expression)
    except ConfigError as error:
        raise ValueError(error.message) from None
    return expression


def _check_zone(name: str) -> str:
    try:
        parse_timezone(name)
    except ConfigError as error:
        raise ValueError(error.message) from None
    return name


CronText = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_check_cron)]
Zone = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_zone)]
Seconds = Annotated[WholeNumber, Field(ge=0, le=31_536_000)]
OverlapPolicy = Literal["skip", "queue"]
CatchUp = Literal["latest", "none", "all"]


class ScheduleCreate(Payload):
    name: Name
    mapping_id: Reference
    cron_expression: CronText
    timezone: Zone = "UTC"
    enabled: Flag = True
    overlap_policy: OverlapPolicy = "skip"
    catch_up: CatchUp = "latest"
    misfire_grace_seconds: Seconds = 60
    timeout_seconds: Annotated[WholeNumber, Field(ge=1, le=604800)] | None = None
    retry: Retry | None = None
    jitter_seconds: Annotated[WholeNumber, Field(ge=0, le=86400)] = 0
    start_at: Instant | None = None
    end_at: Instant | None = None

    @model_validator(mode="after")
    def _check_period(self) -> Self:
        if self.start_at is not None and self.end_at is not None and self.start_at >= self.end_at:
            raise ValueError("start_at must be before end_at")
        return self


@partial_of(ScheduleCreate)
class ScheduleUpdate(Payload):
    """Fields to change; whatever is changed, the schedule goes on from its next tick."""


class SchedulePreview(Payload):
    cron_expression: CronText
    timezone: Zone = "UTC"
    count: Annotated[WholeNumber, Field(ge=1, le=100)] = 5
    after: Instant | None = Field(default=None, description="Now by default")


class SchedulePreviewRead(Answer):
    description: str
    next_runs: list[UtcInstant]


class ScheduleRead(Answer):
    id: IdText
    name: str
    mapping_id: IdText
    cron_expression: str
    timezone: str
    enabled: bool
    overlap_policy: OverlapPolicy
    catch_up: CatchUp
    misfire_grace_seconds: int
    timeout_seconds: int | None
    retry: Retry | None
    jitter_seconds: int
    start_at: UtcInstant | None
    end_at: UtcInstant | None
    last_run_at: UtcInstant | None
    last_run_status: str | None
    next_run_at: UtcInstant | None
    created_at: UtcInstant
    updated_at: UtcInstant
    version: int


def read_schedule(schedule: Schedule, *, paused: bool) -> ScheduleRead:
    """Return a schedule as it is shown. Nothing will run while it is disabled or `paused`."""
    other = {"id", "mapping_id", "next_run_at"}
    same = {name: getattr(schedule, name) for name in ScheduleRead.model_fields if name not in other}
    return ScheduleRead(
        **same,
        id=str(schedule.id),
        mapping_id=str(schedule.mapping_id),
        next_run_at=schedule.next_due_at if schedule.enabled and not paused else None,
    )
