"""Instants of cron expressions: against a plain reference, other libraries, and tables of clock changes."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from bson import ObjectId
from croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.cron import (
    describe_cron,
    fire_instants,
    jitter,
    next_due,
    next_instants,
    parse_cron,
    parse_timezone,
)
from shared.documents.schedule import Schedule
from shared.errors import ConfigError
from tests.unit.shared.cron_reference import RANGES, Reference, values_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Clock changes by an hour, 30 and 45 minutes, both hemispheres, at midnight, and a skipped day.
CHANGES = [
    ("Europe/Vienna", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Europe/Vienna", datetime(2026, 10, 25, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 6, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 4, 4, 14, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 9, 26, 14, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 5, 1, tzinfo=UTC)),
    ("UTC", datetime(2024, 2, 28, 20, tzinfo=UTC)),
]


def field_texts(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, high)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    item = st.one_of(number.map(str), span, step)
    return st.one_of(st.just("*"), item, st.lists(item, min_size=2, max_size=3).map(",".join))


MINUTES, HOURS = field_texts(0, 59), field_texts(0, 23)
DAYS, MONTHS, WEEKDAYS = field_texts(1, 31), field_texts(1, 12), field_texts(0, 7)


@given(minute=MINUTES, hour=HOURS, weekday=st.one_of(st.just("*"), WEEKDAYS), place=st.sampled_from(CHANGES))
@settings(max_examples=60, deadline=None)
def test_equals_a_walk_over_real_time_around_clock_changes(
    minute: str, hour: str, weekday: str, place: tuple[str, datetime]
) -> None:
    timezone, change = place
    expression = f"{minute} {hour} * * {weekday}"
    start, end = change - timedelta(hours=27), change + timedelta(hours=27)
    expected = Reference(expression, timezone).fires(start, end)
    found = list(islice(fire_instants(expression, timezone, start), len(expected) + 1))
    assert found[: len(expected)] == expected
    assert all(instant > end for instant in found[len(expected) :])


@given(minute=MINUTES, hour=HOURS, day=DAYS, month=MONTHS, weekday=WEEKDAYS)
@settings(max_examples=100, deadline=None)
def test_equals_croniter_where_no_clock_changes(
    minute: str, hour: str, day: str, month: str, weekday: str
) -> None:
    expression = f"{minute} {hour} {day} {month} {weekday}"
    try:
        found = next_instants(expression, "UTC", NOW, 5)
    except ConfigError:
        assume(False)
    # croniter joins the day fields by another rule when one of them begins with a star.
    assume(not day.startswith("*") or day == "*")
    assume(not weekday.startswith("*") or weekday == "*")
    oracle = croniter(spelled_out(expression), NOW)
    assert found == [oracle.get_next(datetime) for _ in range(5)]


def spelled_out(expression: str) -> str:
    """Every field as a list of its values: croniter reads ranges such as 0-0 as the whole field."""
    _, *fields = zip(parse_cron(expression).fields, RANGES, strict=True)
    return " ".join(
        text if text == "*" else ",".join(str(value) for value in sorted(values_of(text, *bounds)))
        for text, bounds in fields
    )


@given(minute=MINUTES, hour=HOURS, day=DAYS, month=MONTHS)
@settings(max_examples=100, deadline=None)
def test_equals_apscheduler_without_weekdays(minute: str, hour: str, day: str, month: str) -> None:
    expression = f"{minute} {hour} {day} {month} *"
    try:
        found = next_instants(expression, "UTC", NOW, 5)
    except ConfigError:
        assume(False)
    # It takes no step as wide as its range, so it is given the values.
    minute, hour, day, month, _ = spelled_out(expression).split(" ")
    trigger = CronTrigger(minute=minute, hour=hour, day=day, month=month, timezone=UTC)
    expected: list[datetime] = []
    last = NOW
    for _ in range(5):
        fired = trigger.get_next_fire_time(None, last + timedelta(seconds=1))
        assert fired is not None
        expected.append(fired)
        last = fired
    assert found == expected


def local(timezone: str, *instants: datetime) -> list[str]:
    return [instant.astimezone(ZoneInfo(timezone)).strftime("%m-%d %H:%M%z") for instant in instants]


@pytest.mark.parametrize(
    ("expression", "timezone", "after", "expected"),
    [
        # A fixed time in a skipped hour fires once, right after it.
        (
            "30 2 * * *",
            "Europe/Vienna",
            datetime(2026, 3, 28, 12, tzinfo=UTC),
            ["03-29 03:00+0200", "03-30 02:30+0200"],
        ),
        # Two fixed times that land on one instant fire once.
        (
            "10,40 2 * * *",
            "Europe/Vienna",
            datetime(2026, 3, 28, 12, tzinfo=UTC),
            ["03-29 03:00+0200", "03-30 02:10+0200"],
        ),
        # A fixed time in a repeated hour fires the first time.
        (
            "30 2 * * *",
            "Europe/Vienna",
            datetime(2026, 10, 24, 12, tzinfo=UTC),
            ["10-25 02:30+0200", "10-26 02:30+0100"],
        ),
        # Six fields follow the same rule.
        (
            "15 30 2 * * *",
            "Europe/Vienna",
            datetime(2026, 3, 28, 12, tzinfo=UTC),
            ["03-29 03:00+0200", "03-30 02:30+0200"],
        ),
        # A wildcard hour follows real time through a repeated half hour.
        (
            "45 * * * *",
            "Australia/Lord_Howe",
            datetime(2026, 4, 4, 14, tzinfo=UTC),
            ["04-05 01:45+1100", "04-05 01:45+1030", "04-05 02:45+1030"],
        ),
        (
            "50 * * * *",
            "Pacific/Chatham",
            datetime(2026, 4, 4, 13, 0, tzinfo=UTC),
            ["04-05 02:50+1345", "04-05 02:50+1245", "04-05 03:50+1245"],
        ),
        # ... and asks nothing of a skipped time.
        (
            "15 * * * *",
            "Australia/Lord_Howe",
            datetime(2026, 10, 3, 14, 50, tzinfo=UTC),
            ["10-04 03:15+1100", "10-04 04:15+1100"],
        ),
        # A skipped day: both its fixed time, late, and the next day's.
        (
            "0 12 * * *",
            "Pacific/Apia",
            datetime(2011, 12, 29, 23, tzinfo=UTC),
            ["12-31 00:00+1400", "12-31 12:00+1400"],
        ),
    ],
)
def test_clock_changes(expression: str, timezone: str, after: datetime, expected: list[str]) -> None:
    assert local(timezone, *next_instants(expression, timezone, after, len(expected))) == expected


def test_instants_are_strictly_after_and_in_utc() -> None:
    tick = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert next_instants("0 * * * *", "UTC", tick, 1) == [tick + timedelta(hours=1)]
    just_before = tick - timedelta(microseconds=1)
    for timezone in ("UTC", "Europe/Vienna"):
        assert next_instants("0 * * * *", timezone, just_before, 1) == [tick]
    assert all(i.tzinfo is UTC for i in next_instants("0 9 * * *", "Asia/Tokyo", NOW, 3))


def test_a_leap_day_and_the_end_of_the_calendar() -> None:
    assert next_instants("0 0 29 2 *", "UTC", NOW, 2) == [
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2032, 2, 29, tzinfo=UTC),
    ]
    century = datetime(2096, 3, 1, tzinfo=UTC)
    assert next_instants("0 0 29 2 *", "UTC", century, 1) == [datetime(2104, 2, 29, tzinfo=UTC)]
    end = datetime(9998, 12, 31, 23, tzinfo=UTC)
    for timezone in ("UTC", "Europe/Vienna"):
        for expression in ("0 0 1 1 *", "0 * 1 1 *"):
            assert next_instants(expression, timezone, end, 5) == []


def test_descriptions_are_english() -> None:
    assert describe_cron("*/15 9-17 * * MON-FRI").startswith("Every 15th minute")
    assert describe_cron("@daily") == "At 00:00 every day"


@pytest.mark.parametrize(
    "name", ["", "Vienna", "europe/vienna", "../etc/passwd", "localtime", "GMT+25", "UTC "]
)
def test_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_timezone(name)
    assert (caught.value.code, caught.value.loc) == ("invalid_timezone", ("timezone",))


def schedule(**fields: object) -> Schedule:
    values = {
        "name": "s",
        "mapping_id": ObjectId(),
        "cron_expression": "0 * * * *",
        "created_at": NOW,
        "updated_at": NOW,
        **fields,
    }
    return Schedule.model_validate(values)


def test_next_due_keeps_to_the_window_of_the_schedule() -> None:
    tick = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert next_due(schedule(), tick) == tick + timedelta(hours=1)
    assert next_due(schedule(enabled=False), tick) == next_due(schedule(), tick)  # recorded as paused
    assert next_due(schedule(start_at=tick), NOW) == tick
    assert next_due(schedule(start_at=tick + timedelta(milliseconds=1)), NOW) == tick + timedelta(hours=1)
    assert next_due(schedule(end_at=tick), tick - timedelta(minutes=1)) == tick
    assert next_due(schedule(end_at=tick), tick) is None


def test_jitter_is_the_same_for_everybody_and_only_delays() -> None:
    identity = ObjectId()
    delays = {jitter(identity, NOW + timedelta(minutes=m), 30) for m in range(50)}
    assert len(delays) > 40
    assert all(timedelta(0) <= delay <= timedelta(seconds=30) for delay in delays)
    assert jitter(identity, NOW, 30) == jitter(identity, NOW, 30)
    assert jitter(identity, NOW, 0) == timedelta(0)
