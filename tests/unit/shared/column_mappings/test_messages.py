"""What a rejected cell's error says: the legal form or the limit, never the value."""

import pytest

from shared.column_mappings import Direct, DirectConfig, Split, SplitConfig
from shared.column_mappings.cast_errors import LEGAL_FORMS
from shared.column_mappings.casts import Mode
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits
from tests.unit.shared.column_mappings.mapping_cases import POSTGRESQL, TARGETS, column, field, mapper

INTEGERS = "out of range: -9223372036854775808 to 9223372036854775807 is legal"
NO_SPECIALS = "the target cannot hold this value exactly: it has neither NaN nor infinities"
PRICE = field("x", DataType.DECIMAL, precision=5, scale=2)
CASES = [
    (column("a"), field("x", DataType.INTEGER), b"9223372036854775808", "postgresql", INTEGERS),
    (column("a"), field("x", DataType.INTEGER), b"99999999999999999999", "postgresql", INTEGERS),
    (column("a", Kind.FLOAT), field("x", DataType.INTEGER), b"1e300", "postgresql", INTEGERS),
    (column("a", Kind.INTEGER, database_type="bigint unsigned", unsigned=True), field("x", DataType.INTEGER),
     b"18446744073709551615", "postgresql", INTEGERS),
    (column("a"), PRICE, b"1000", "postgresql", "out of range: decimal(5,2) is legal"),
    (column("a"), PRICE, b"1.001", "postgresql", "the target cannot hold this value exactly: decimal(5,2)"),
    (column("a", Kind.DECIMAL, precision=5, scale=2), PRICE, b"NaN", "mysql", NO_SPECIALS),
    (column("a", Kind.DECIMAL, precision=4, scale=1), PRICE, b"NaN", "mysql", NO_SPECIALS),
    (column("a", Kind.DECIMAL, precision=4, scale=1), PRICE, b"Infinity", "mysql", NO_SPECIALS),
    (column("a", Kind.DECIMAL, precision=4, scale=1), PRICE, b"-Infinity", "postgresql",
     LEGAL_FORMS["not_a_number"]),
    (column("a", Kind.FLOAT), field("x", DataType.FLOAT), b"Infinity", "sqlite", NO_SPECIALS),
    (column("a", Kind.FLOAT), field("x", DataType.FLOAT), b"-0", "sqlite",
     "the target cannot hold this value exactly: it has no negative zero; cast lossy takes 0"),
    (column("a"), field("x", DataType.FLOAT), b"1e999", "postgresql", "out of range: a finite double is legal"),
    (column("a"), field("x", DataType.FLOAT), b"0.30000000000000001", "postgresql",
     "the target cannot hold this value exactly: the nearest double differs; cast lossy takes it"),
    (column("a"), field("x", length=3), b"abcd", "postgresql", "longer than 3 characters"),
    (column("a"), field("x", DataType.TIMESTAMPTZ), b"9999-12-31 23:59:59-01", "postgresql",
     "out of range: years 1 to 9999 is legal"),
    (column("a"), field("x", DataType.JSON), b"1e20000", "postgresql",
     "the target cannot hold this value exactly: numbers of at most 16000 digits in JSON"),
    (column("a"), field("x", DataType.JSON), b"0.12345678901234567890", "mysql",
     "the target cannot hold this value exactly: numbers in JSON are doubles"),
    (column("a", Kind.DYNAMIC), field("x", DataType.INTEGER), b"b\\x00", "postgresql",
     "a value of kind binary cannot become integer"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "cell", "kind", "message"), CASES)
def test_the_message_says_the_limit(
    source: SourceColumn, target: TargetField, cell: bytes, kind: str, message: str
) -> None:
    made = mapper([source], [target.model_copy(update={"name": "a"})], limits=TARGETS[kind])
    [error] = made.map_row([cell]).errors
    assert error.message == message


def test_a_limit_of_bytes_and_of_years_is_said() -> None:
    few = TypeLimits(max_text_bytes=3, max_binary_bytes=1, min_year=1000, max_year=2999)
    for target, cell, message in (
        (field("a"), b"abcd", "longer than 3 bytes"),
        (field("a", DataType.BINARY), b"\\x0011", "longer than 4 bytes"),
        (field("a", DataType.DATE), b"0999-01-01", "out of range: years 1000 to 2999 is legal"),
    ):
        [error] = mapper([column("a")], [target], limits=few).map_row([cell]).errors
        assert error.message == message


@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (b"2024-10-27 02:30:00", "this local time stands twice in Europe/Berlin: clocks are set back"),
        (b"2024-03-31 02:30:00", "this local time does not exist in Europe/Berlin: clocks are set forward"),
    ],
)
def test_the_zone_is_said(cell: bytes, message: str, mode: Mode) -> None:
    spec = Direct(source_columns=("a",), target_fields=("a",), config=DirectConfig(cast=mode))
    made = mapper([column("a")], [field("a", DataType.TIMESTAMPTZ)], [spec], zone="Europe/Berlin")
    assert [error.message for error in made.map_row([cell]).errors] == ([message] if mode == "strict" else [])


def test_parts_are_counted() -> None:
    config = SplitConfig(delimiter="|", on_extra="error", on_missing="error")
    spec = Split(source_columns=("a",), target_fields=("b", "c", "d"), config=config)
    made = mapper([column("a")], [field(name) for name in "bcd"], [spec])
    for cell, name, message in (
        (b"1|2|3|4", "d", "more than 3 parts between delimiters"),
        (b"1|2", "d", "fewer parts between delimiters than target fields"),
        (b"1", "c", "fewer parts between delimiters than target fields"),
    ):
        [error] = made.map_row([cell]).errors
        assert (error.target_field, error.source_columns, error.message) == (name, ("a",), message)


def test_a_mapper_into_required_fields_is_as_strict_as_they_are() -> None:
    """`into` changes nothing but which fields take NULL."""
    few = TypeLimits(max_text_bytes=3)
    fields = [field("a"), field("k", nullable=False), field("b")]
    made = mapper([column("b"), column("k"), column("a")], fields, limits=few, keys=["k"])
    strict = made.into(tuple(one.model_copy(update={"nullable": False}) for one in made.fields))
    assert (strict.source_width, strict.fillings) == (3, made.fillings)
    assert made.map_row([None, b"k", None]).errors == ()
    errors = strict.map_row([None, None, b"long"]).errors
    assert [(one.target_field, one.code) for one in errors] == [
        ("a", "too_long"),
        ("k", "null_in_key"),
        ("b", "null_in_required"),
    ]
    taken = mapper([column("a")], [field("a")], limits=POSTGRESQL)
    assert (taken.identity, taken.into((field("a", nullable=False),)).identity) == ((0,), None)
    assert taken.into((field("a", nullable=False),)).identity_when_taken == (0,)


def test_fractions_of_zoned_instants_are_rounded_by_lossy_only() -> None:
    for mode, result in (("strict", ["too_many_fraction_digits"]), ("lossy", [])):
        spec = Direct(source_columns=("a",), target_fields=("a",), config=DirectConfig(cast=mode))  # type: ignore[arg-type]
        made = mapper([column("a")], [field("a", DataType.TIMESTAMP)], [spec])
        row = made.map_row([b"2024-01-02 10:00:00.1234565+01:00"])
        assert [error.code for error in row.errors] == result
        assert row.cells == ((b"2024-01-02 09:00:00.123457",) if not result else (None,))
