"""The indexes of runs, notices, schedules (by tick), run_logs and executors: most of them are promises, not speed."""

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.store.notices import ONE_NOTICE_INDEX
from shared.store.run_reader import LIVE_STATUSES
from shared.store.runs import EPOCH, ONE_LIVE_INDEX, ONE_MANUAL_INDEX, ONE_SLOT_INDEX, TICK_INDEX

_FORGET_EXECUTOR_SECONDS = 24 * 3600

CONTROL_INDEXES: dict[str, tuple[IndexModel, ...]] = {
    "runs": (
        # One record for each tick of a schedule, however many executors see it due.
        IndexModel(
            [("schedule_id", ASCENDING), ("scheduled_for", ASCENDING)],
            name=TICK_INDEX,
            unique=True,
            partialFilterExpression={"trigger": "schedule"},
        ),
        # One manual run that never started waits for each mapping; one queued again does not count.
        IndexModel(
            [("mapping_id", ASCENDING)],
            name=ONE_MANUAL_INDEX,
            unique=True,
            partialFilterExpression={"status": "queued", "trigger": "manual", "started_at": None},
        ),
        # Two runs of one mapping are never live together.
        IndexModel(
            [("mapping_id", ASCENDING)],
            name=ONE_LIVE_INDEX,
            unique=True,
            partialFilterExpression={"status": {"$in": [str(status) for status in LIVE_STATUSES]}},
        ),
        # A slot of a connection is held by one live run. Runs without slots are left out: to a unique index an
        # empty list is one value.
        IndexModel(
            [("slots", ASCENDING)],
            name=ONE_SLOT_INDEX,
            unique=True,
            partialFilterExpression={
                "status": {"$in": [str(status) for status in LIVE_STATUSES]},
                "slots": {"$type": "string"},
            },
        ),
        IndexModel([("status", ASCENDING), ("not_before", ASCENDING)], name="runs_due"),
        IndexModel([("tenant_id", ASCENDING), ("queued_at", DESCENDING)], name="runs_newest"),
        IndexModel(
            [("tenant_id", ASCENDING), ("mapping_id", ASCENDING), ("queued_at", DESCENDING)],
            name="runs_of_mapping",
        ),
        IndexModel(
            [("tenant_id", ASCENDING), ("schedule_id", ASCENDING), ("queued_at", DESCENDING)],
            name="runs_of_schedule",
        ),
        # Unfinished runs of a mapping are few, so the state comes second.
        IndexModel([("mapping_id", ASCENDING), ("status", ASCENDING)], name="runs_unfinished"),
        IndexModel([("finished_at", ASCENDING)], name="runs_finished"),
        IndexModel(
            [("notices", ASCENDING)],
            name="runs_with_notices",
            partialFilterExpression={"notices": {"$gt": ""}},
        ),
        IndexModel(
            [("late_at", ASCENDING)], name="runs_late", partialFilterExpression={"late_at": {"$gt": EPOCH}}
        ),
    ),
    "schedules": (
        IndexModel(
            [("next_due_at", ASCENDING)], name="schedules_due", partialFilterExpression={"enabled": True}
        ),
        # The ticks of disabled ones are recorded as paused, at leisure.
        IndexModel(
            [("next_due_at", ASCENDING)],
            name="schedules_disabled",
            partialFilterExpression={"enabled": False},
        ),
    ),
    "notices": (
        # One notice of a kind for each run and target, however many executors write it.
        IndexModel(
            [("run_id", ASCENDING), ("kind", ASCENDING), ("target", ASCENDING)],
            name=ONE_NOTICE_INDEX,
            unique=True,
        ),
        IndexModel([("status", ASCENDING), ("due_at", ASCENDING)], name="notices_due"),
        IndexModel([("created_at", ASCENDING)], name="oldest"),
    ),
    "pauses": (IndexModel([("tenant_id", ASCENDING)], name="one_switch", unique=True),),
    "run_logs": (
        IndexModel([("at", ASCENDING)], name="oldest"),
        IndexModel([("tenant_id", ASCENDING), ("run_id", ASCENDING), ("at", ASCENDING)], name="lines"),
    ),
    "executors": (
        IndexModel([("seen_at", ASCENDING)], name="gone", expireAfterSeconds=_FORGET_EXECUTOR_SECONDS),
    ),
}
