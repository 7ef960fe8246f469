"""What becomes of due ticks: on time, late, missed."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from executor.misfire import CATCH_UP_RUNS, Decision, decide
from shared.documents.schedule import Schedule
from shared.due_ticks import TICKS_AT_ONCE, find_due_ticks

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def schedule(cron: str, due: datetime, **fields: object) -> Schedule:
    values = {
        "name": "s",
        "mapping_id": ObjectId(),
        "cron_expression": cron,
        "next_due_at": due,
        "created_at": NOON,
        "updated_at": NOON,
        **fields,
    }
    return Schedule.model_validate(values)


def decision(of: Schedule, now: datetime) -> Decision:
    return decide(of, find_due_ticks(of, now), now)


def test_a_tick_within_its_grace_runs() -> None:
    hourly = schedule("0 * * * *", NOON)
    assert decision(hourly, NOON) == Decision((), (NOON,))
    assert decision(hourly, NOON + timedelta(seconds=60)) == Decision((), (NOON,))
    assert find_due_ticks(hourly, NOON).following == NOON + HOUR


def test_nothing_is_due_before_its_time() -> None:
    due = find_due_ticks(schedule("0 * * * *", NOON), NOON - timedelta(milliseconds=1))
    assert (due.ticks, due.following) == ((), NOON)


@pytest.mark.parametrize(
    ("catch_up", "missed", "fired"),
    [
        ("none", [NOON, NOON + HOUR, NOON + 2 * HOUR], []),
        ("latest", [NOON, NOON + HOUR], [NOON + 2 * HOUR]),
        ("all", [], [NOON, NOON + HOUR, NOON + 2 * HOUR]),
    ],
)
def test_catch_up_when_every_tick_is_late(
    catch_up: str, missed: list[datetime], fired: list[datetime]
) -> None:
    hourly = schedule("0 * * * *", NOON, catch_up=catch_up)
    found = decision(hourly, NOON + 2 * HOUR + timedelta(seconds=61))
    assert (list(found.missed), list(found.fired)) == (missed, fired)


def test_after_six_hours_a_minute_schedule_runs_once() -> None:
    for seconds in (0.5, 30, 59.9):
        found = decision(schedule("* * * * *", NOON), NOON + 6 * HOUR + timedelta(seconds=seconds))
        assert found.fired == (NOON + 6 * HOUR,)
        assert len(found.missed) == 360


def test_all_runs_the_newest_up_to_its_cap() -> None:
    found = decision(schedule("* * * * *", NOON, catch_up="all"), NOON + 6 * HOUR)
    assert len(found.fired) == CATCH_UP_RUNS + 2  # two more are within their grace
    assert found.fired[-1] == NOON + 6 * HOUR
    assert found.despite_overlap
    assert len(found.missed) + len(found.fired) == 361


def test_a_long_stretch_is_taken_in_bounded_steps_and_every_tick_is_counted() -> None:
    each_second = schedule("* * * * * *", NOON)
    now = NOON + 3 * HOUR + timedelta(seconds=0.5)
    missed, fired, steps = 0, 0, 0
    while each_second.next_due_at is not None and each_second.next_due_at <= now:
        due = find_due_ticks(each_second, now)
        assert len(due.ticks) <= TICKS_AT_ONCE
        found = decide(each_second, due, now)
        missed, fired, steps = missed + len(found.missed), fired + len(found.fired), steps + 1
        each_second = each_second.model_copy(update={"next_due_at": due.following})
    assert (missed + fired, fired, steps) == (3 * 3600 + 1, 60, 3)


def test_the_last_tick_before_the_end_has_none_after_it() -> None:
    ending = schedule("0 * * * *", NOON, end_at=NOON + MINUTE)
    assert find_due_ticks(ending, NOON + 5 * HOUR).ticks == (NOON,)
    assert find_due_ticks(ending, NOON + 5 * HOUR).following is None


def test_a_disabled_schedule_has_no_due_tick() -> None:
    assert find_due_ticks(schedule("0 * * * *", NOON, next_due_at=None), NOON).ticks == ()
