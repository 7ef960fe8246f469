"""What becomes of due ticks, as records of runs: pure, nothing is read or written here."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from shared.cron import jitter
from shared.documents.mapping import Retry, connections_of
from shared.documents.run import Run, RunStatus, SkipReason
from shared.documents.schedule import Schedule, Stretch
from shared.store.run_reader import Extension, UnfinishedRuns

TICK_MAPPING_FIELDS = (
    *("tenant_id", "version", "format", "retry", "timeout_seconds"),
    *("source_connection_id", "target_connection_id", "notify"),
)


@dataclass(frozen=True)
class TickMapping:
    """What a tick needs to know of its mapping."""

    id: ObjectId
    tenant_id: str
    version: int
    format: int
    retry: Retry
    timeout_seconds: int
    uses: tuple[str, ...]
    notifies: bool

    @staticmethod
    def from_mongo(stored: dict[str, Any]) -> "TickMapping":
        """Read the TICK_MAPPING_FIELDS of a stored mapping."""
        return TickMapping(
            id=stored["_id"],
            tenant_id=stored["tenant_id"],
            version=stored["version"],
            format=stored["format"],
            retry=Retry.model_validate(stored["retry"]),
            timeout_seconds=stored["timeout_seconds"],
            uses=connections_of(stored["source_connection_id"], stored["target_connection_id"]),
            notifies=bool(stored.get("notify")),
        )


@dataclass(frozen=True)
class Firing:
    """What becomes of the due ticks of one schedule, and its next tick.

    `fired` ticks run, `despite_overlap` or unless the mapping has runs; the others are recorded with their reason.
    """

    schedule: Schedule
    following: datetime | None
    fired: tuple[datetime, ...] = ()
    despite_overlap: bool = False
    missed: tuple[datetime, ...] = ()
    paused: tuple[datetime, ...] = ()
    outside: tuple[datetime, ...] = ()
    stretch_id: ObjectId = field(default_factory=ObjectId)

    @property
    def newest(self) -> datetime:
        """The newest of the ticks."""
        return max(ticks[-1] for ticks in (self.fired, self.missed, self.paused, self.outside) if ticks)

    @property
    def extends(self) -> ObjectId | None:
        """The record that the ticks are added to: none of them runs, for the reason of those before them."""
        stretch = self.schedule.stretch
        alone = self.paused and not (self.fired or self.missed or self.outside)
        return stretch.run_id if stretch is not None and stretch.reason == "paused" and alone else None

    @property
    def stretch(self) -> Stretch | None:
        """The record that the next ticks may be added to."""
        if not self.paused or self.newest != self.paused[-1]:
            return None
        return Stretch(run_id=self.extends or self.stretch_id, reason="paused")


@dataclass(frozen=True)
class Fired:
    """The records that firings made; `extended` ones were there before. `moved` counts the schedules."""

    moved: int = 0
    queued: tuple[Run, ...] = ()
    skipped: tuple[Run, ...] = ()
    extended: tuple[Extension, ...] = ()


@dataclass
class TickRecords:
    """Turns firings into records, one after the other, each seeing what the former queued.

    `kept` are the records that exist of those that ticks may be added to.
    """

    mappings: dict[ObjectId, TickMapping]
    unfinished: dict[ObjectId, UnfinishedRuns]
    kept: frozenset[ObjectId]
    now: datetime
    queued: list[Run] = field(default_factory=list)
    skipped: list[Run] = field(default_factory=list)
    extended: list[Extension] = field(default_factory=list)
    _added: dict[ObjectId, int] = field(default_factory=lambda: defaultdict(int))

    def record(self, firing: Firing) -> None:
        """Add a run, or a share in a skipped record, for each tick that has none yet."""
        schedule = firing.schedule
        mapping = self.mappings.get(schedule.mapping_id)
        version = 0 if mapping is None else mapping.version
        self._pause(firing, version)
        self._skip(schedule, version, _unrecorded(schedule, firing.outside), "outside_window")
        missed, fired = _unrecorded(schedule, firing.missed), _unrecorded(schedule, firing.fired)
        if mapping is None or mapping.tenant_id != schedule.tenant_id:
            self._skip(schedule, 0, missed + fired, "blocked")
            return
        self._skip(schedule, version, missed, "missed")
        overlapping: list[datetime] = []
        for tick in fired:
            if not firing.despite_overlap and self._overlaps(schedule):
                overlapping.append(tick)
            else:
                self._queue(schedule, mapping, tick)
        self._skip(schedule, version, overlapping, "overlap")

    def _overlaps(self, schedule: Schedule) -> bool:
        runs = self.unfinished.get(schedule.mapping_id, UnfinishedRuns())
        queued = runs.queued + self._added[schedule.mapping_id]
        return queued > 0 if schedule.overlap_policy == "queue" else queued + runs.live > 0

    def _pause(self, firing: Firing, mapping_version: int) -> None:
        ticks, extends = _unrecorded(firing.schedule, firing.paused), firing.extends
        if ticks and extends is not None and extends in self.kept:
            self.extended.append(Extension(extends, ticks[-1], len(ticks)))
        else:
            self._skip(firing.schedule, mapping_version, ticks, "paused", extends or firing.stretch_id)

    def _queue(self, schedule: Schedule, mapping: TickMapping, tick: datetime) -> None:
        self._added[mapping.id] += 1
        not_before = tick + jitter(schedule.id, tick, schedule.jitter_seconds)
        late_at = not_before + timedelta(seconds=schedule.misfire_grace_seconds)
        self.queued.append(
            Run(
                tenant_id=schedule.tenant_id,
                mapping_id=mapping.id,
                mapping_version=mapping.version,
                uses=mapping.uses,
                schedule_id=schedule.id,
                trigger="schedule",
                scheduled_for=tick,
                status=RunStatus.QUEUED,
                queued_at=self.now,
                not_before=not_before,
                late_at=late_at if mapping.notifies else None,
                retry=schedule.retry or mapping.retry,
                timeout_seconds=schedule.timeout_seconds or mapping.timeout_seconds,
                created_at=self.now,
                updated_at=self.now,
            )
        )

    def _skip(
        self,
        schedule: Schedule,
        mapping_version: int,
        ticks: Sequence[datetime],
        reason: SkipReason,
        run_id: ObjectId | None = None,
    ) -> None:
        if not ticks:
            return
        several = len(ticks) > 1
        mapping = self.mappings.get(schedule.mapping_id)
        told = reason == "missed" and mapping is not None and mapping.notifies
        self.skipped.append(
            Run(
                id=run_id or ObjectId(),
                tenant_id=schedule.tenant_id,
                mapping_id=schedule.mapping_id,
                mapping_version=mapping_version,
                schedule_id=schedule.id,
                trigger="schedule",
                scheduled_for=ticks[0],
                status=RunStatus.SKIPPED,
                reason=reason,
                until=ticks[-1] if several else None,
                count=len(ticks) if several else None,
                queued_at=self.now,
                finished_at=self.now,
                notices=("missed",) if told else (),
                created_at=self.now,
                updated_at=self.now,
            )
        )


def _unrecorded(schedule: Schedule, ticks: tuple[datetime, ...]) -> tuple[datetime, ...]:
    """Leave out ticks that have a record: by skewed clocks an edited schedule may begin before them."""
    recorded = schedule.last_tick_at
    return ticks if recorded is None else tuple(tick for tick in ticks if tick > recorded)
