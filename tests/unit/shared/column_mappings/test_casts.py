"""Casts over whole ranges, against Python's own calendar and decimals, and what the page's tables leave out."""

import calendar
import dataclasses
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.column_mappings.casts import Mode, compile_cast
from shared.column_mappings.numbers import float_text
from shared.column_mappings.texts import FittingText, integer_digits, longest_text
from shared.types import DataType, Kind, SourceColumn
from tests.unit.shared.column_mappings.mapping_cases import TARGETS, column, field, map_cell, mapper

MODES: tuple[Mode, ...] = ("strict", "lossy")
YEARS = (1, 4, 100, 400, 1900, 2000, 2023, 2024, 9999)
DIGITS = st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,12})?", fullmatch=True)


def cast(text: str, data_type: DataType, mode: Mode = "strict", **size: int) -> bytes | str | None:
    return map_cell(column("a"), field("x", data_type, **size), text.encode(), mode=mode)


@pytest.mark.parametrize(("data_type", "rest"), [(DataType.DATE, ""), (DataType.TIMESTAMP, " 00:00:00")])
@pytest.mark.parametrize("year", YEARS)
def test_every_day_of_a_year_and_no_other(year: int, data_type: DataType, rest: str) -> None:
    for month in range(14):
        for day in range(33):
            text = f"{year:04}-{month:02}-{day:02}"
            exists = 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]
            expected = (text + rest).encode() if exists else f"not_a_{data_type.value}"
            assert cast(text, data_type) == expected
            same = map_cell(column("a", Kind(data_type.value)), field("x", data_type), (text + rest).encode())
            assert same == expected
            if exists:
                assert date.fromisoformat(text).year == year


@pytest.mark.parametrize("text", ["0000-01-01", "0000-02-29", "0000-12-31"])
def test_there_is_no_year_0(text: str) -> None:
    assert cast(text, DataType.DATE) == "not_a_date"
    assert cast(text, DataType.TIMESTAMP) == "not_a_timestamp"


@given(DIGITS, st.integers(0, 10), st.integers(1, 20), st.sampled_from(MODES))
def test_decimals_as_decimals_reckon(text: str, scale: int, whole: int, mode: Mode) -> None:
    with localcontext() as context:
        context.prec = 100
        number = Decimal(text)
        rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    result = cast(text, DataType.DECIMAL, mode, precision=whole + scale, scale=scale)
    if mode == "strict" and rounded != number:
        assert result == "not_representable"
    elif abs(rounded) >= 10**whole:
        assert result == "out_of_range"
    else:
        assert result == format(abs(rounded) if rounded == 0 else rounded, "f").encode()


@given(DIGITS, st.sampled_from(MODES))
def test_integers_as_decimals_reckon(text: str, mode: Mode) -> None:
    number = Decimal(text)
    rounded = int(number.to_integral_value(ROUND_HALF_UP))
    result = cast(text, DataType.INTEGER, mode)
    if mode == "strict" and number != rounded:
        assert result == "not_an_integer"
    elif not -(2**63) <= rounded < 2**63:
        assert result == "out_of_range"
    else:
        assert result == str(rounded).encode()


@pytest.mark.parametrize("data_type", [DataType.INTEGER, DataType.DECIMAL, DataType.FLOAT])
def test_very_long_numbers_are_out_of_range_and_no_fault(data_type: DataType) -> None:
    for mode in MODES:
        assert cast("9" * 5000, data_type, mode) == "out_of_range"
        assert cast("-" + "9" * 5000, data_type, mode) == "out_of_range"


def test_very_long_fractions() -> None:
    assert cast("1." + "0" * 5000, DataType.INTEGER) == b"1"
    assert cast("0." + "9" * 5000, DataType.INTEGER, "lossy") == b"1"
    assert cast("9.9" + "9" * 5000, DataType.DECIMAL, "lossy", precision=3, scale=1) == b"10.0"
    assert cast("0.5" + "0" * 396, DataType.FLOAT) == b"0.5" + b"0" * 396
    assert cast("0.5" + "0" * 5000, DataType.FLOAT) == "not_representable"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_their_value(value: float) -> None:
    text = repr(value)
    assert cast(text, DataType.FLOAT) == text.encode()
    assert float(float_text(text.encode())) == value
    assert float_text(float_text(text.encode())) == float_text(text.encode())


@pytest.mark.parametrize(
    ("text", "printed"),
    [  # half way to the next double above, and below: as PostgreSQL 15 prints them
        ("-1.039495602985702e+17", "-1.0394956029857021e+17"),
        ("9007199254740992", "9.007199254740992e+15"),
        ("9007199254740994", "9.007199254740994e+15"),
        ("1.8014398509481984e+16", "1.8014398509481984e+16"),
        ("1.7976931348623157e+308", "1.7976931348623157e+308"),
        ("999999999999999.9", "999999999999999.9"),
        ("1e+22", "1e+22"),
        ("1e+23", "9.999999999999999e+22"),
        ("-1e+23", "-9.999999999999999e+22"),
    ],
)
def test_large_floats_are_printed_as_postgresql_prints_them(text: str, printed: str) -> None:
    assert float_text(text.encode()).decode() == printed


@pytest.mark.parametrize("special", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("kind", [Kind.FLOAT, Kind.DECIMAL, Kind.STRING])
def test_specials_become_floats_only_where_the_target_has_them(kind: Kind, special: bytes) -> None:
    out = field("x", DataType.FLOAT)
    assert map_cell(column("a", kind), out, special) == special
    assert map_cell(column("a", kind), out, special, limits=TARGETS["mysql"]) == "not_representable"
    assert map_cell(column("a", kind), field("x"), special) == special


@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize("special", [b"NaN", b"Infinity", b"-Infinity"])
def test_specials_of_floats_become_no_other_number(special: bytes, mode: Mode) -> None:
    source = column("a", Kind.FLOAT)
    assert map_cell(source, field("x", DataType.DECIMAL), special, mode=mode) == "not_a_number"
    assert map_cell(source, field("x", DataType.INTEGER), special, mode=mode) == "not_an_integer"
    assert map_cell(source, field("x", DataType.BOOLEAN), special, mode=mode) == "not_a_boolean"


@pytest.mark.parametrize(
    ("source", "target", "cell", "result"),
    [
        ((10, 2), (12, 4), b"1.50", b"1.5000"),
        ((10, 0), (12, 2), b"-7", b"-7.00"),
        ((10, 2), (11, 3), b"99999999.99", b"99999999.990"),
        ((10, 2), (10, 3), b"99999999.99", "out_of_range"),
        ((10, 2), (10, 3), b"9999999.99", b"9999999.990"),
        ((10, 2), (9, 2), b"99999999.99", "out_of_range"),
        ((10, 2), (10, 1), b"1.50", b"1.5"),
        ((10, 2), (10, 1), b"1.55", "not_representable"),
        ((5, -2), (7, 0), b"12300", b"12300"),
        ((10, 2), (12, 4), b"NaN", b"NaN"),
        ((10, 2), (10, 2), b"NaN", b"NaN"),
        ((10, 2), (10, 2), b"-1.50", b"-1.50"),
        ((10, 2), (12, 4), b"Infinity", "not_a_number"),
        ((None, None), (10, 2), b"1.5", b"1.50"),
        ((None, None), (10, 2), b"NaN", b"NaN"),
        ((None, None), (10, 2), b"-Infinity", "not_a_number"),
    ],
)
def test_decimals_of_a_known_size(
    source: tuple[int, int], target: tuple[int, int], cell: bytes, result: bytes | str
) -> None:
    column_ = column("a", Kind.DECIMAL, precision=source[0], scale=source[1])
    out = field("x", DataType.DECIMAL, precision=target[0], scale=target[1])
    assert map_cell(column_, out, cell) == result
    refused = map_cell(column_, out, cell, limits=TARGETS["mysql"])
    finite = cell not in (b"NaN", b"Infinity", b"-Infinity")
    assert refused == result if finite else refused in ("not_representable", "not_a_number")


@pytest.mark.parametrize(
    ("database_type", "target", "cell", "result"),
    [
        ("smallint", (7, 2), b"-32768", b"-32768.00"),
        ("smallint", (6, 2), b"32767", "out_of_range"),
        ("smallint", (6, 2), b"9999", b"9999.00"),
        ("int(10) unsigned", (12, 2), b"4294967295", b"4294967295.00"),
        ("int(10) unsigned", (11, 2), b"4294967295", "out_of_range"),
        ("int unsigned", (10, 0), b"4294967295", b"4294967295"),
        ("int unsigned", (9, 0), b"4294967295", "out_of_range"),
        ("bigint", (12, 2), b"12345678901", "out_of_range"),
        ("bigint", (22, 2), b"-9223372036854775808", b"-9223372036854775808.00"),
    ],
)
def test_decimals_of_integers_of_a_known_size(
    database_type: str, target: tuple[int, int], cell: bytes, result: bytes | str
) -> None:
    source = SourceColumn("a", Kind.INTEGER, database_type)
    out = field("x", DataType.DECIMAL, precision=target[0], scale=target[1])
    assert map_cell(source, out, cell) == result


@pytest.mark.parametrize(
    ("database_type", "digits"), [("mediumint(8)", 8), ("int unsigned", 10), ("bigint", 20)]
)
def test_the_type_bounds_the_digits_of_an_integer(database_type: str, digits: int) -> None:
    assert integer_digits(SourceColumn("a", Kind.INTEGER, database_type)) == digits


@pytest.mark.parametrize(
    ("source", "longest"),
    [
        (SourceColumn("a", Kind.STRING, "varchar(7)", length=7), 7),
        (SourceColumn("a", Kind.STRING, "text"), None),
        (SourceColumn("a", Kind.INTEGER, "smallint"), len("-32768")),
        (SourceColumn("a", Kind.INTEGER, "integer"), len("-2147483648")),
        (SourceColumn("a", Kind.INTEGER, "bigint"), len("-9223372036854775808")),
        (SourceColumn("a", Kind.DECIMAL, "numeric", precision=5, scale=2), len("-123.45") + 1),
        (SourceColumn("a", Kind.DECIMAL, "numeric", precision=5, scale=0), len("-12345") + 2),
        (SourceColumn("a", Kind.DECIMAL, "numeric", precision=2, scale=5), len("-0.00012")),
        (SourceColumn("a", Kind.DECIMAL, "numeric", precision=5, scale=-2), None),
        (SourceColumn("a", Kind.DECIMAL, "numeric"), None),
        (SourceColumn("a", Kind.BOOLEAN, "boolean"), len("false")),
        (SourceColumn("a", Kind.DATE, "date"), len("5874897-12-31")),
        (SourceColumn("a", Kind.UUID, "uuid"), 36),
        (SourceColumn("a", Kind.FLOAT, "double precision", precision=5, scale=2), None),
        (SourceColumn("a", Kind.JSON, "jsonb"), None),
    ],
)
def test_the_type_bounds_the_length_of_a_text(source: SourceColumn, longest: int | None) -> None:
    assert longest_text(source) == longest


@pytest.mark.parametrize("digits", [16_000, 16_001])
def test_numbers_in_json_have_at_most_16000_digits(digits: int) -> None:
    cell = b"9" * digits
    wanted = cell if digits == 16_000 else "not_representable"
    assert map_cell(column("a"), field("x", DataType.JSON), cell) == wanted


@pytest.mark.parametrize("depth", [500, 501])
def test_json_is_at_most_500_deep(depth: int) -> None:
    cell = b"[" * depth + b"]" * depth
    wanted = cell if depth == 500 else "json_too_deep"
    assert map_cell(column("a"), field("x", DataType.JSON), cell) == wanted


@pytest.mark.parametrize(
    ("size", "data_type", "cell", "result"),
    [
        ({"precision": 12, "scale": 2}, DataType.DECIMAL, b"i12345678901", "out_of_range"),
        ({"precision": 12, "scale": 2}, DataType.DECIMAL, b"i1234567890", b"1234567890.00"),
        ({"length": 11}, DataType.STRING, b"i123456789012", "too_long"),
        ({"length": 12}, DataType.STRING, b"i123456789012", b"123456789012"),
    ],
)
def test_no_declared_type_bounds_an_integer_of_sqlite(
    size: dict[str, int], data_type: DataType, cell: bytes, result: bytes | str
) -> None:
    assert map_cell(column("a", Kind.DYNAMIC), field("x", data_type, **size), cell) == result


def test_a_text_fits_within_the_bytes_and_the_characters_of_its_target() -> None:
    def within(limit: int | None) -> int:
        limits = dataclasses.replace(TARGETS["postgresql"], max_text_bytes=limit)
        cast_ = compile_cast(
            column("a"),
            field("x", DataType.STRING, length=10),
            mode="strict",
            limits=limits,
            session_time_zone="UTC",
            in_key=False,
            text_may_hold_nul=False,
        )
        assert isinstance(cast_.convert, FittingText)
        return cast_.convert.within

    assert (within(None), within(7), within(70)) == (10, 7, 10)


@pytest.mark.parametrize(
    ("cell", "result"),
    [
        (b"0", b"f"),
        (b"1", b"t"),
        (b"-0.00", b"f"),
        (b"1.000", b"t"),
        (b"1e0", b"t"),
        (b"0.1", "not_a_boolean"),
    ],
)
def test_booleans_of_numbers(cell: bytes, result: bytes | str) -> None:
    assert map_cell(column("a", Kind.FLOAT), field("x", DataType.BOOLEAN), cell) == result


@given(st.text(max_size=30))
def test_only_the_strict_forms_are_taken(text: str) -> None:
    """Whatever a text is, a cast takes it or rejects it with a code; it is never another fault."""
    for data_type in DataType:
        for mode in MODES:
            result = cast(text, data_type, mode)
            assert isinstance(result, bytes | str)


@pytest.mark.parametrize("cell", [b"\xff", b"\xed\xa0\x80", b"2024-01-0\xb2"])
@pytest.mark.parametrize("data_type", [one for one in DataType if one is not DataType.STRING])
def test_bytes_that_are_no_utf8_are_rejected(cell: bytes, data_type: DataType) -> None:
    assert isinstance(map_cell(column("a"), field("x", data_type), cell), str)


def test_a_cast_can_be_called() -> None:
    made = mapper([column("a")], [field("a", DataType.INTEGER)])
    (one,) = made.fillings[0].casts
    assert one(b"007") == b"7"
    assert not one.identity


@pytest.mark.parametrize("target", ["mariadb", "sqlite"])
@pytest.mark.parametrize(
    ("kind", "cell", "strict", "lossy"),
    [
        (Kind.FLOAT, b"-0", "not_representable", b"0"),
        (Kind.FLOAT, b"-0.0", "not_representable", b"0"),
        (Kind.DYNAMIC, b"r-0.0", "not_representable", b"0"),
        (Kind.STRING, b"-0", "not_representable", b"0"),
        (Kind.STRING, b"-0.000e5", "not_representable", b"0"),
        (Kind.STRING, b"-1e-400", "not_representable", b"0"),
        (Kind.FLOAT, b"0", b"0", b"0"),
        (Kind.FLOAT, b"-5e-324", b"-5e-324", b"-5e-324"),
        (Kind.FLOAT, b"-Infinity", "not_representable", "not_representable"),
        (Kind.STRING, b"-", "not_a_float", "not_a_float"),
    ],
)
def test_there_is_no_negative_zero_but_lossy_takes_zero(
    kind: Kind, cell: bytes, strict: object, lossy: object, target: str
) -> None:
    out, limits = field("x", DataType.FLOAT), TARGETS[target]
    assert map_cell(column("a", kind), out, cell, limits=limits) == strict
    assert map_cell(column("a", kind), out, cell, mode="lossy", limits=limits) == lossy
