"""Cursor texts: their legal forms, arithmetic without rounding, ranges in chunks, and kept cells."""

import pytest

from shared.cursors import add_seconds, has_form, reach_back, split_range, wire_text
from shared.errors import InvalidMapping
from shared.rejected_cells import keep_cells, keep_columns, read_cells, read_columns
from shared.types import Kind, SourceColumn


@pytest.mark.parametrize(
    ("kind", "text", "wire"),
    [
        (Kind.INTEGER, "-007", "-7"),
        (Kind.DECIMAL, "12345678901234567890.5000", "12345678901234567890.5000"),
        (Kind.DATE, "2024-02-29", "2024-02-29"),
        (Kind.TIMESTAMP, "2024-01-31", "2024-01-31 00:00:00"),
        (Kind.TIMESTAMP, "2024-01-31T10:00", "2024-01-31 10:00:00"),
        (Kind.TIMESTAMPTZ, "2024-01-31T10:00:00.5+02:00", "2024-01-31 08:00:00.500000+00"),
        (Kind.TIMESTAMPTZ, "2024-01-31 10:00:00", "2024-01-31 10:00:00+00"),
        (Kind.STRING, "2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
    ],
)
def test_what_a_person_writes_becomes_wire_text(kind: Kind, text: str, wire: str) -> None:
    assert wire_text(kind, text, ("value",)) == wire


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.INTEGER, "1.5"),
        (Kind.INTEGER, "now"),
        (Kind.DECIMAL, "1e5"),
        (Kind.DATE, "2024-02-30"),
        (Kind.DATE, "2024-01-31T10:00:00"),
        (Kind.TIMESTAMP, "2024-01-31T10:00:00Z"),
        (Kind.TIMESTAMPTZ, "yesterday"),
        (Kind.STRING, "2024-99-01"),
        (Kind.STRING, "a' OR 1 = 1"),
    ],
)
def test_other_forms_are_refused_without_an_echo(kind: Kind, text: str) -> None:
    with pytest.raises(InvalidMapping) as caught:
        wire_text(kind, text, ("value",))
    assert text not in caught.value.message
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("text", ["infinity", "0044-03-15 00:00:00 BC", "NaN"])
def test_a_window_cannot_end_at_everything(text: str) -> None:
    assert not any(
        has_form(kind, text) for kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.DATE, Kind.DECIMAL)
    )


@pytest.mark.parametrize(
    ("kind", "low", "lookback", "start"),
    [
        (Kind.INTEGER, "10", 1.5, "8"),
        (
            Kind.DECIMAL,
            "12345678901234567890123456789012345678.5",
            0.25,
            "12345678901234567890123456789012345678.25",
        ),
        (Kind.DATE, "2024-03-01", 3600, "2024-02-29"),
        (Kind.TIMESTAMP, "2024-03-01 00:00:00.000001", 1, "2024-02-29 23:59:59.000001"),
        (Kind.TIMESTAMPTZ, "2024-03-01 00:00:00+00", 0.5, "2024-02-29 23:59:59.500000+00"),
        (Kind.TIMESTAMP, "0001-01-01 00:00:30", 60, "0001-01-01 00:00:00"),
        (Kind.STRING, "2024-03-01T00:00:00.123456789Z", 60, "2024-02-29T23:59:00.123456000Z"),
        (Kind.STRING, "2024-03-01 00:00", 60, "2024-02-29 23:59"),
        (Kind.STRING, "2024-03-01", 60, "2024-02-29"),
    ],
)
def test_reaching_back_keeps_the_form_and_rounds_nothing_up(
    kind: Kind, low: str, lookback: float, start: str
) -> None:
    assert reach_back(kind, low, lookback) == start


def test_seconds_are_added_in_the_same_form() -> None:
    assert add_seconds(Kind.DATE, "2024-02-28", 86400) == "2024-02-29"


@pytest.mark.parametrize(
    ("low", "high", "chunk", "bounds"),
    [
        ("0", "25", 10.0, ["0", "10", "20", "25"]),
        ("0", "20", 10.0, ["0", "10", "20"]),
        ("5", "5", 10.0, ["5", "5"]),
        ("0.5", "1", 0.25, ["0.5", "0.75", "1"]),
        ("2024-01-30", "2024-02-01", 86400.0, ["2024-01-30", "2024-01-31", "2024-02-01"]),
        ("2024-01-01T00:00:00Z", "2024-01-01T02:00:00Z", 3600.0,
         ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+00:00", "2024-01-01T02:00:00Z"]),
        ("1", "1000000", None, ["1", "1000000"]),
    ],
)  # fmt: skip
def test_a_range_is_cut_into_chunks_that_meet(
    low: str, high: str, chunk: float | None, bounds: list[str]
) -> None:
    windows = split_range(low, high, chunk)
    assert [windows[0].low, *(window.high for window in windows)] == bounds
    assert [window.includes_low for window in windows] == [True, *[False] * (len(windows) - 1)]


def test_kept_cells_come_back_byte_by_byte() -> None:
    whole = (None, b"", b"\\N", b"\t\n\0", "ä€😀".encode())
    for cells in (whole, (*whole, b"\xff\xfe broken")):
        text = keep_cells(cells)
        assert b"\0" not in text
        text.decode()
        assert read_cells(text) == cells


def test_kept_columns_come_back() -> None:
    columns = [SourceColumn("a", Kind.DECIMAL, "numeric(10,2)", precision=10, scale=2)]
    assert read_columns(keep_columns(columns)) == columns
