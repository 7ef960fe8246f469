"""What the casts claim of PostgreSQL, asked of PostgreSQL."""

import contextlib
import random
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local_servers import Database
from shared.column_mappings.numbers import float_text
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.errors import EngineError
from shared.types import DataType, Kind, TargetField
from tests.conformance.dialects.steps import create, load, load_committed, ordered
from tests.factories import connection_settings
from tests.unit.shared.column_mappings.mapping_cases import column, field, map_cell, mapper


@pytest.fixture
def session(postgresql_database: Database) -> Iterator[Session]:
    settings = connection_settings(postgresql_database)
    opened = dialect_for("postgresql").connect(settings, Purpose.TARGET, SessionLimits())
    with contextlib.closing(opened):
        yield opened


def doubles() -> list[float]:
    """Doubles of every size, and the edges of PostgreSQL's two ways to print them."""
    made = random.Random(20261121)
    bits = [made.getrandbits(64) for _ in range(4000)]
    plain = [struct.unpack("<d", struct.pack("<Q", number))[0] for number in bits]
    near = [made.uniform(1, 10) * 10.0**power for power in range(-6, 18) for _ in range(40)]
    round_ones = [float(f"1e{power}") for power in range(-10, 25)] + [
        float(10**15 - 1),
        float(2**53),
        -0.0,
        0.0,
    ]
    return [value for value in plain + near + round_ones if value - value == 0]


def test_floats_are_printed_as_postgresql_prints_them(session: Session) -> None:
    values = doubles()
    texts = [
        text
        for (text,) in session.fetch(
            "SELECT f::float8::text FROM unnest(\0::text[]) AS f", ([repr(value) for value in values],)
        )
    ]
    assert len(texts) == len(values)
    wrong = [(repr(value), text) for value, text in zip(values, texts, strict=True) if own(value) != text]
    assert wrong == []


def own(value: float) -> str:
    return float_text(repr(value).encode()).decode()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_wall_clocks_become_the_instants_that_postgresql_sees(session: Session, zone: str) -> None:
    made = random.Random(zone)
    start = datetime(1990, 1, 1, tzinfo=UTC)
    clocks = [
        (start + timedelta(minutes=made.randrange(35 * 525_600))).replace(tzinfo=None).isoformat(" ")
        for _ in range(400)
    ]
    theirs = session.fetch(
        "SELECT ((c::timestamp AT TIME ZONE \0) AT TIME ZONE 'UTC')::text || '+00' FROM unnest(\0::text[]) AS c",
        (zone, clocks),
    )
    out = field("x", DataType.TIMESTAMPTZ)
    for clock, (instant,) in zip(clocks, theirs, strict=True):
        mapped = map_cell(column("a", Kind.TIMESTAMP), out, clock.encode(), zone=zone)
        assert mapped in (instant.encode(), "ambiguous_local_time", "skipped_local_time"), clock


JSON = [
    b"{}",
    b" [1, 2.50, -0, 1e5, null, true] ",
    b'{"a": {"b": "\\ud83d\\ude42\\n\\"\\\\u0000"}}',
    b"0.1234567890123456789012345678901234567890",
    b"9" * 15_000,
    b"1e-15000",
    b"[" * 500 + b"]" * 500,
    '"ä€𝄞\u0301"'.encode(),
]


@pytest.mark.parametrize("text", JSON, ids=range(len(JSON)))
def test_json_that_is_taken_is_json_to_postgresql_and_keeps_its_digits(session: Session, text: bytes) -> None:
    assert map_cell(column("a"), field("x", DataType.JSON), text) == text
    fields = [field("x", DataType.JSON), field("n", DataType.INTEGER)]
    into = create(session, "j", fields)
    load_committed(session, into, fields, [(text, b"1")])
    ((same,),) = session.fetch("SELECT x = \0::jsonb FROM j", (text.decode(),))
    assert same is True


MISFITS: list[tuple[TargetField, bytes | None]] = [
    (field("x", nullable=False), None),
    (field("x"), b"a\0b"),
    (field("x", DataType.INTEGER), b"18446744073709551615"),
    (field("x", DataType.DATE), b"0000-00-00"),
    (field("x", DataType.DATE), b"2024-00-10"),
    (field("x", DataType.DATE), b"2024-02-30"),
    (field("x", DataType.TIMESTAMP), b"0000-00-00 00:00:00"),
    (field("x", DataType.TIMESTAMP), b"2024-02-30 00:00:00.000000"),
    (field("x", DataType.TIMESTAMPTZ), b"0000-00-00 00:00:00+00"),
    (field("x", DataType.TIME), b"838:59:59"),
    (field("x", DataType.TIME), b"24:00:01"),
    (field("x", DataType.TIME), b"-01:00:00"),
    (field("x", DataType.TIME), b"-00:00:01.000000"),
]


@pytest.mark.parametrize(("target", "cell"), MISFITS)
def test_a_load_refuses_what_the_column_cannot_hold(
    session: Session, target: TargetField, cell: bytes | None
) -> None:
    """`identity_when_taken` lets these cells through: PostgreSQL has to refuse them."""
    kind = Kind(target.data_type.value)
    compiled = mapper([column("x", kind, unsigned=kind is Kind.INTEGER)], [target], text_may_hold_nul=True)
    assert compiled.identity is None
    assert compiled.identity_when_taken == (0,)
    assert compiled.map_row([cell]).errors != ()
    into = create(session, "m", [target])
    session.begin()
    with pytest.raises(EngineError):
        load(session, into, [target], [(cell,)])
    session.rollback()
    assert session.fetch("SELECT count(*) FROM m") == [(0,)]


HELD = [
    (
        DataType.DATE,
        [b"-infinity", b"0044-03-15 BC", b"0001-01-01", b"9999-12-31", b"12024-01-01", b"infinity"],
    ),
    (DataType.TIMESTAMP, [b"-infinity", b"0044-03-15 10:00:00.5 BC", b"20240-01-01 00:00:00", b"infinity"]),
    (DataType.TIMESTAMPTZ, [b"-infinity", b"0044-03-15 10:00:00+00 BC", b"20240-01-01 00:00:00.25+00"]),
    (DataType.TIME, [b"00:00:00", b"24:00:00"]),
    (DataType.DECIMAL, [b"1.5000000000", b"NaN"]),
    (DataType.FLOAT, [b"-Infinity", b"-0", b"5e-324", b"Infinity", b"NaN"]),
]


@pytest.mark.parametrize(("data_type", "cells"), HELD)
def test_what_postgresql_alone_holds_arrives_as_it_was(
    session: Session, data_type: DataType, cells: list[bytes]
) -> None:
    target = field("x", data_type)
    for cell in cells:
        assert map_cell(column("x", Kind(data_type.value)), target, cell) == cell
    into = create(session, "h", [target])
    load_committed(session, into, [target], [(cell,) for cell in cells])
    assert [row[0] for row in ordered(session, "h", "x")] == cells
