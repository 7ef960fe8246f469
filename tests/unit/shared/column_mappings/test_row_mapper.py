"""Mapping rows: completeness, defaults, NULL, every error of a row, and when a row passes unchanged."""

import time
from typing import Any

import pytest

from shared.column_mappings import (
    ColumnMappingSpec,
    Direct,
    DirectConfig,
    Join,
    JoinConfig,
    Split,
    SplitConfig,
)
from shared.column_mappings.cast_errors import LEGAL_FORMS
from shared.column_mappings.row_mapper import CellError, find_problems
from shared.errors import InvalidMapping
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits
from tests.unit.shared.column_mappings.mapping_cases import (
    POSTGRESQL,
    TARGETS,
    column,
    field,
    map_both,
    map_cell,
    mapper,
    only_cell,
)

PLAIN = TypeLimits()


def direct(source: str, target: str, **config: Any) -> Direct:
    return Direct(source_columns=(source,), target_fields=(target,), config=DirectConfig(**config))


def split(source: str, *targets: str, **config: Any) -> Split:
    return Split(source_columns=(source,), target_fields=targets, config=SplitConfig(**config))


def join(target: str, *sources: str, **config: Any) -> Join:
    return Join(source_columns=sources, target_fields=(target,), config=JoinConfig(**config))


# -- completeness --------------------------------------------------------------------------------


def test_without_specs_fields_come_from_columns_of_the_same_name_in_schema_order() -> None:
    made = mapper([column("b"), column("x"), column("a")], [field("a"), field("b")])
    assert [one.name for one in made.fields] == ["a", "b"]
    assert map_both(made, [b"B", b"X", b"A"]).cells == (b"A", b"B")
    assert made.identity == (2, 0)
    assert made.reason_not_identity == ""


def test_fields_that_no_spec_fills_are_left_out() -> None:
    made = mapper([column("a")], [field("x"), field("y"), field("z")], [direct("a", "z"), direct("a", "x")])
    assert [one.name for one in made.fields] == ["x", "z"]
    assert map_both(made, [b"1"]).cells == (b"1", b"1")


@pytest.mark.parametrize(
    ("specs", "code", "loc", "name"),
    [
        ([], "missing_source_column", ("source_query",), "'B'"),
        ([direct("c", "a")], "unknown_source_column", ("column_mappings", 0, "source_columns", 0), "'c'"),
        (
            [direct("a", "B"), join("a", "a", "d", separator="")],
            "unknown_source_column",
            ("column_mappings", 1, "source_columns", 1),
            "'d'",
        ),
        ([direct("a", "b")], "unknown_target_field", ("column_mappings", 0, "target_fields", 0), "'b'"),
        (
            [direct("a", "a"), split("a", "B", "a", delimiter=",")],
            "target_field_filled_twice",
            ("column_mappings", 1, "target_fields", 1),
            "'a'",
        ),
        ([direct("a", "a")], "required_field_unfilled", ("column_mappings",), "'B'"),
    ],
)
def test_names_that_do_not_fit(
    specs: list[ColumnMappingSpec], code: str, loc: tuple[str | int, ...], name: str
) -> None:
    columns, fields = [column("a"), column("b")], [field("a"), field("B", nullable=False)]
    with pytest.raises(InvalidMapping, match=name) as caught:
        mapper(columns, fields, specs)
    assert (caught.value.code, caught.value.loc) == (code, loc)
    problems = find_problems(specs, fields, ["a", "b"])
    assert (problems[0].code, problems[0].loc) == (code, loc)


def test_all_problems_are_listed_and_without_source_names_only_those_of_the_target() -> None:
    specs = [direct("x", "nowhere"), direct("a", "a"), direct("y", "a")]
    fields = [field("a"), field("k", primary_key=True)]
    assert [problem.code for problem in find_problems(specs, fields, ["a"])] == [
        "unknown_source_column",
        "unknown_target_field",
        "unknown_source_column",
        "target_field_filled_twice",
        "required_field_unfilled",
    ]
    assert [problem.code for problem in find_problems(specs, fields, None)] == [
        "unknown_target_field",
        "target_field_filled_twice",
        "required_field_unfilled",
    ]
    assert find_problems([], fields, None) == []
    assert find_problems([], fields, ["a", "k"]) == []


def test_a_long_list_of_names_is_cut_short() -> None:
    names = [f"c{number}" for number in range(60)]
    message = find_problems([direct("x", "a")], [field("a")], names)[0].message
    assert message.endswith("it has " + ", ".join(repr(name) for name in names[:50]) + " and 10 more")
    for few in (["a"], names[:50]):
        message = find_problems([direct("x", "a")], [field("a")], few)[0].message
        assert message.endswith("it has " + ", ".join(repr(name) for name in few))


@pytest.mark.parametrize(
    ("kind", "data_type"),
    [
        (Kind.BINARY, DataType.STRING),
        (Kind.BOOLEAN, DataType.DATE),
        (Kind.BOOLEAN, DataType.DECIMAL),
        (Kind.DATE, DataType.INTEGER),
        (Kind.TIMESTAMP, DataType.TIME),
        (Kind.INTEGER, DataType.JSON),
        (Kind.STRING, DataType.STRING),
    ],
)
def test_kinds_that_can_never_become_a_type_are_refused_before_the_run(
    kind: Kind, data_type: DataType
) -> None:
    columns, fields = [column("s"), column("a", kind)], [field("s"), field("x", data_type)]
    specs = [direct("s", "s"), direct("a", "x")]
    if kind is Kind.STRING:
        assert map_both(mapper(columns, fields, specs), [b"", b"v"]).errors == ()
        return
    with pytest.raises(
        InvalidMapping, match=f"'a' is {kind.value}, which cannot become {data_type.value}"
    ) as caught:
        mapper(columns, fields, specs)
    assert (caught.value.code, caught.value.column) == ("cannot_be_cast", "x")
    assert caught.value.loc == ("column_mappings", 1)


@pytest.mark.parametrize("spec", [split("a", "x", "y", delimiter=","), join("x", "s", "a", separator="")])
def test_bytes_have_no_text_for_split_and_join(spec: ColumnMappingSpec) -> None:
    with pytest.raises(InvalidMapping, match="'a' is bytea: bytes have no text") as caught:
        mapper(
            [column("s"), column("a", Kind.BINARY, database_type="bytea")], [field("x"), field("y")], [spec]
        )
    assert caught.value.code == "bytes_have_no_text"


@pytest.mark.parametrize(
    ("target", "size"),
    [
        ("mysql", {"precision": 66, "scale": 0}),
        ("mysql", {"precision": 40, "scale": 31}),
        ("postgresql", {"precision": 1001, "scale": 0}),
        ("postgresql", {"precision": 0, "scale": 0}),
        ("postgresql", {"precision": 5, "scale": -1}),
        ("postgresql", {"precision": None, "scale": None}),
        ("postgresql", {"precision": 5, "scale": None}),
        ("postgresql", {"precision": None, "scale": 0}),
    ],
)
def test_a_decimal_that_the_target_cannot_have(target: str, size: dict[str, int | None]) -> None:
    out = field("out", DataType.DECIMAL, **size)
    with pytest.raises(InvalidMapping, match="a decimal needs a precision of 1 to") as caught:
        map_cell(column("a", Kind.DECIMAL), out, b"1", limits=TARGETS[target])
    assert (caught.value.code, caught.value.column) == ("invalid_decimal", "out")


def test_a_decimal_at_the_limits_of_the_target() -> None:
    smallest = field("out", DataType.DECIMAL, precision=1, scale=0)
    assert map_cell(column("a", Kind.DECIMAL), smallest, b"9") == b"9"
    out = field("out", DataType.DECIMAL, precision=65, scale=30)
    number = b"9" * 35 + b"." + b"9" * 30
    assert map_cell(column("a", Kind.DECIMAL), out, number, limits=TARGETS["mysql"]) == number


# -- NULL and defaults ---------------------------------------------------------------------------


def test_null_stays_null_and_is_refused_where_it_must_not_be() -> None:
    columns = [column("a"), column("b"), column("k")]
    fields = [field("a"), field("b", nullable=False), field("k", nullable=False)]
    row = map_both(mapper(columns, fields, keys=["k"]), [None, None, None])
    assert row.cells == (None, None, None)
    assert [(error.target_field, error.code, error.message) for error in row.errors] == [
        ("b", "null_in_required", LEGAL_FORMS["null_in_required"]),
        ("k", "null_in_key", LEGAL_FORMS["null_in_key"]),
    ]
    assert map_both(mapper(columns, fields, keys=["k"]), [b"", b"", b""]).errors == ()


@pytest.mark.parametrize(
    ("data_type", "default", "cell"),
    [
        (DataType.STRING, "", b""),
        (DataType.STRING, "ä\\N", "ä\\N".encode()),
        (DataType.INTEGER, 0, b"0"),
        (DataType.INTEGER, "7", b"7"),
        (DataType.DECIMAL, "1.5", b"1.5000000000"),
        (DataType.BOOLEAN, False, b"f"),
        (DataType.BOOLEAN, True, b"t"),
        (DataType.STRING, True, b"true"),
        (DataType.DATE, "2024-02-29", b"2024-02-29"),
    ],
)
def test_a_default_stands_in_for_null_only(data_type: DataType, default: Any, cell: bytes) -> None:
    made = mapper([column("a")], [field("x", data_type, nullable=False)], [direct("a", "x", default=default)])
    assert map_both(made, [None]).cells == (cell,)
    assert map_both(made, [None]).errors == ()
    assert made.identity is None
    if data_type is DataType.STRING:
        assert map_both(made, [b""]).cells == (b"",)


def test_a_default_that_does_not_fit_is_refused_with_its_place() -> None:
    specs = [direct("a", "y"), direct("a", "x", default="today")]
    with pytest.raises(InvalidMapping, match="default of field 'x' does not fit it: not a date") as caught:
        mapper([column("a")], [field("y"), field("x", DataType.DATE)], specs)
    assert caught.value.loc == ("column_mappings", 1, "config", "default")
    assert caught.value.code == "default_does_not_fit"


def test_parts_and_joins_that_are_null_in_required_fields() -> None:
    fields = [field("x"), field("y", nullable=False), field("z", nullable=False)]
    specs: list[ColumnMappingSpec] = [split("a", "x", "y", delimiter=","), join("z", "a", "b", separator="")]
    made = mapper([column("a"), column("b")], fields, specs)
    assert [(e.target_field, e.code) for e in map_both(made, [None, None]).errors] == [
        ("y", "null_in_required"),
        ("z", "null_in_required"),
    ]
    assert [(e.target_field, e.code) for e in map_both(made, [b"1", None]).errors] == [
        ("y", "null_in_required")
    ]


# -- errors --------------------------------------------------------------------------------------


def test_every_error_of_a_row_is_collected_and_good_fields_are_kept() -> None:
    columns = [column("a"), column("b", Kind.DECIMAL), column("c")]
    fields = [
        field("i", DataType.INTEGER),
        field("s"),
        field("d", DataType.DATE),
        field("n", DataType.INTEGER),
        field("p"),
        field("q"),
        field("j", DataType.INTEGER),
    ]
    specs: list[ColumnMappingSpec] = [
        direct("a", "i"),
        direct("a", "s"),
        split("c", "d", "n", delimiter="/"),
        split("c", "p", "q", delimiter="/", on_extra="error"),
        join("j", "a", "b", separator=""),
    ]
    row = map_both(mapper(columns, fields, specs), [b"x", b"1.5", b"2024-01-32/7/8"])
    assert row.cells == (None, b"x", None, None, None, None, None)
    assert row.errors == (
        CellError("i", ("a",), "not_an_integer", LEGAL_FORMS["not_an_integer"]),
        CellError("d", ("c",), "not_a_date", LEGAL_FORMS["not_a_date"]),
        CellError("n", ("c",), "not_an_integer", LEGAL_FORMS["not_an_integer"]),
        CellError("q", ("c",), "too_many_parts", "more than 2 parts between delimiters"),
        CellError("j", ("a", "b"), "not_an_integer", LEGAL_FORMS["not_an_integer"]),
    )


def test_a_missing_part_names_the_first_field_without_one() -> None:
    made = mapper(
        [column("a")],
        [field("x"), field("y"), field("z")],
        [split("a", "x", "y", "z", delimiter=",", on_missing="error")],
    )
    assert [(e.target_field, e.code) for e in map_both(made, [b"1,2"]).errors] == [("z", "missing_part")]
    assert [(e.target_field, e.code) for e in map_both(made, [b"1"]).errors] == [("y", "missing_part")]


@pytest.mark.parametrize("cell", [b"secret-value", b"1;DROP", "ключ".encode()])
@pytest.mark.parametrize("data_type", [one for one in DataType if one is not DataType.STRING])
def test_messages_hold_no_value(cell: bytes, data_type: DataType) -> None:
    row = map_both(mapper([column("a")], [field("x", data_type)], [direct("a", "x")]), [cell])
    assert len(row.errors) == 1
    assert cell.decode() not in row.errors[0].message
    assert "{" not in row.errors[0].message


def test_parts_are_cast_after_they_are_trimmed() -> None:
    fields = [field("x", DataType.INTEGER), field("y", DataType.DATE)]
    made = mapper([column("a")], fields, [split("a", "x", "y", delimiter="|", trim=True)])
    assert map_both(made, [b" 12 | 2024-01-02 "]).cells == (b"12", b"2024-01-02")
    plain = mapper([column("a")], fields, [split("a", "x", "y", delimiter="|")])
    assert [error.code for error in map_both(plain, [b" 12 | 2024-01-02 "]).errors] == [
        "not_an_integer",
        "not_a_date",
    ]


def test_a_split_sees_the_documented_text_of_other_kinds() -> None:
    fields = [field("day", DataType.DATE), field("clock", DataType.TIME)]
    made = mapper([column("a", Kind.TIMESTAMP)], fields, [split("a", "day", "clock", delimiter="T")])
    assert map_both(made, [b"2024-01-02 10:00:00.500000"]).cells == (b"2024-01-02", b"10:00:00.5")


def test_a_split_cuts_the_text_and_not_the_wire_text() -> None:
    fields = [field(name) for name in "xyz"]
    made = mapper([column("a", Kind.TIMESTAMP)], fields, [split("a", "x", "y", "z", delimiter=":")])
    row = map_both(made, [b"2024-01-02 10:20:30.500000"])
    assert row.cells == (b"2024-01-02T10", b"20", b"30.5")


def test_null_has_no_text() -> None:
    columns = [column("a", Kind.TIMESTAMP), column("b", Kind.FLOAT), column("c", Kind.BOOLEAN)]
    made = mapper(columns, [field("x")], [join("x", "a", "b", "c", separator="|")])
    assert map_both(made, [None, b"1.0", None]).cells == (b"1",)
    assert map_both(made, [b"2024-01-02 00:00:00", None, b"f"]).cells == (b"2024-01-02T00:00:00|false",)


@pytest.mark.parametrize("spec", [split("a", "x", "y", delimiter=","), join("x", "n", "a", separator=",")])
def test_parts_and_joins_that_hold_nul(spec: ColumnMappingSpec) -> None:
    columns, fields = [column("n", Kind.INTEGER), column("a")], [field("x"), field("y")]
    held = mapper(columns, fields, [spec], limits=TARGETS["mysql"], text_may_hold_nul=True)
    assert map_both(held, [b"1", b"a\0,b"]).errors == ()
    refused = mapper(columns, fields, [spec], text_may_hold_nul=True)
    assert [error.code for error in map_both(refused, [b"1", b"a\0,b"]).errors] == ["holds_nul"]
    assert map_both(refused, [b"1", b"a,b"]).errors == ()


def test_a_join_is_cast_to_its_field() -> None:
    columns = [column("y", Kind.INTEGER), column("m"), column("d")]
    made = mapper(columns, [field("x", DataType.DATE)], [join("x", "y", "m", "d", separator="-")])
    assert map_both(made, [b"2024", b"02", b"29"]).cells == (b"2024-02-29",)
    assert only_cell(map_both(made, [b"2023", b"02", b"29"])) == "not_a_date"


# -- what a target cannot hold -------------------------------------------------------------------


def test_a_key_without_length_is_as_long_as_the_target_s_keys() -> None:
    def key(cell: bytes, target: str, **more: Any) -> Any:
        return map_cell(
            column("a"), field("k", **more), cell, limits=TARGETS[target], keys=["k"], mode="lossy"
        )

    assert key(b"x" * 255, "mysql") == b"x" * 255
    assert key(b"x" * 256, "mysql") == "too_long"
    assert key("🙂".encode() * 255, "mysql") == "🙂".encode() * 255
    assert key(b"x" * 300, "mysql", length=280) == b"x" * 280
    assert key(b"x" * 9999, "postgresql") == b"x" * 9999


@pytest.mark.parametrize("kind", [Kind.STRING, Kind.JSON])
def test_text_longer_than_the_target_takes(kind: Kind) -> None:
    limits = TypeLimits(max_text_bytes=4)
    cell = b"1234" if kind is Kind.JSON else "öö".encode()
    assert map_cell(column("a", kind), field("x"), cell, limits=limits) == cell
    assert map_cell(column("a", kind), field("x"), cell + b"5", limits=limits) == "too_long"


def test_bytes_longer_than_the_target_takes() -> None:
    limits = TypeLimits(max_binary_bytes=2)
    out = field("x", DataType.BINARY)
    for kind in (Kind.BINARY, Kind.STRING):
        assert map_cell(column("a", kind), out, b"\\xaabb", limits=limits) == b"\\xaabb"
        assert map_cell(column("a", kind), out, b"\\xaabbcc", limits=limits) == "too_long"


def test_bytes_that_may_be_too_long_are_looked_at() -> None:
    columns, fields = [column("a", Kind.BINARY)], [field("a", DataType.BINARY)]
    assert mapper(columns, fields, limits=TypeLimits(max_binary_bytes=2)).identity is None
    assert mapper(columns, fields, limits=TypeLimits(max_binary_bytes=500_000_000)).identity == (0,)
    assert mapper(columns, fields, limits=TypeLimits()).identity == (0,)


def test_years_that_the_target_has_not() -> None:
    limits = TypeLimits(min_year=1000, max_year=2999)
    for data_type, rest in ((DataType.DATE, b""), (DataType.TIMESTAMP, b" 00:00:00")):
        for year, legal in ((b"0999", False), (b"1000", True), (b"2999", True), (b"3000", False)):
            cell = year + b"-01-01" + rest
            result = map_cell(column("a"), field("x", data_type), cell, limits=limits)
            assert result == (cell if legal else "out_of_range")


@pytest.mark.parametrize(("cell", "result"), [(b"18446744073709551615", "out_of_range"), (b"12", b"12")])
@pytest.mark.parametrize("name", ["bigint unsigned", "bigint"])
def test_unsigned_integers_beyond_the_field(cell: bytes, result: bytes | str, name: str) -> None:
    source = column("a", Kind.INTEGER, database_type=name, unsigned=True)
    assert map_cell(source, field("x", DataType.INTEGER), cell) == result
    assert map_cell(source, field("x", DataType.STRING), cell) == cell
    assert map_cell(source, field("x", DataType.DECIMAL, precision=20, scale=0), cell) == cell


def test_json_nested_too_deeply() -> None:
    out = field("x", DataType.JSON)
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        middle = b"1"
        deep = opening * 500 + middle + closing * 500
        assert map_cell(column("a"), out, deep) == deep
        assert map_cell(column("a"), out, opening + deep + closing) == "json_too_deep"
        assert map_cell(column("a"), out, opening * 100_000) == "json_too_deep"
    for one in (b"[]", b"{}", b'["["]', b'{"a":"}"}'):
        many = b"[" + b",".join([one] * 2000) + b"]"
        assert map_cell(column("a"), out, many) == many
        deep = b"[" * 499 + b"]" * 499
        assert map_cell(column("a"), out, b"[" + one + b"," + deep + b"]") != "json_too_deep"
        assert map_cell(column("a"), out, b"[" + one + b",[" + deep + b"]]") == "json_too_deep"
    text = b'"' + b"[" * 2000 + b'"'
    assert map_cell(column("a"), out, text) == text


def test_json_checks_take_linear_time() -> None:
    hostile = b'["' + b'\\"' * 100_000 + b"[" * 600
    started = time.process_time()
    assert map_cell(column("a"), field("x", DataType.JSON), hostile) in ("not_json", "json_too_deep")
    assert time.process_time() - started < 5


def test_json_with_very_many_digits() -> None:
    out = field("x", DataType.JSON)
    assert map_cell(column("a"), out, b"9" * 15_000) == b"9" * 15_000
    assert map_cell(column("a"), out, b"9" * 17_000) == "not_representable"
    assert map_cell(column("a"), out, b"1e" + b"9" * 5000) == "not_representable"
    assert map_cell(column("a"), out, b"1e15999") == b"1e15999"
    assert map_cell(column("a"), out, b"1e-16000") == "not_representable"


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        (b"9223372036854775807", True),
        (b"-9223372036854775808", True),
        (b"-9223372036854775809", False),
        (b"18446744073709551615", True),
        (b"18446744073709551617", False),
        (b"123456789012345678901", False),
        (b"1" + b"0" * 22, True),
        (b"0.5" + b"0" * 397, True),
        (b"0.5" + b"0" * 398, False),
        (b"1e308", True),
        (b"1e309", False),
        (b"1e-400", False),
        (b"-0.0", True),
    ],
)
def test_json_numbers_where_they_are_doubles(number: bytes, *, taken: bool) -> None:
    result = map_cell(column("a"), field("x", DataType.JSON), number, limits=TARGETS["mysql"])
    assert result == (number if taken else "not_representable")


def test_postgresql_s_own_binary_json_needs_no_check() -> None:
    source = column("a", Kind.JSON, database_type="jsonb")
    assert mapper([source], [field("a", DataType.JSON)]).identity == (0,)
    assert mapper([source], [field("a", DataType.JSON)], limits=TARGETS["mysql"]).identity is None
    assert mapper([column("a", Kind.JSON)], [field("a", DataType.JSON)]).identity is None


# -- SQLite's own types --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_type", "cell", "result"),
    [
        (DataType.INTEGER, b"i12", b"12"),
        (DataType.INTEGER, b"r2.0", b"2"),
        (DataType.INTEGER, b"t12", b"12"),
        (DataType.INTEGER, b"t1x", "not_an_integer"),
        (DataType.INTEGER, b"b\\x01", "cannot_be_cast"),
        (DataType.FLOAT, b"r0.1", b"0.1"),
        (DataType.FLOAT, b"i9007199254740993", "not_representable"),
        (DataType.STRING, b"i-5", b"-5"),
        (DataType.STRING, b"r1e+16", b"1e+16"),
        (DataType.STRING, b"t", b""),
        (DataType.STRING, b"tt", b"t"),
        (DataType.STRING, b"t\xff", "not_utf8"),
        (DataType.STRING, b"t\xed\xa0\x80", "not_utf8"),
        (DataType.STRING, b"b\\x00", "bytes_have_no_text"),
        (DataType.STRING, b"ta\0", "holds_nul"),
        (DataType.BINARY, b"b\\x00ff", b"\\x00ff"),
        (DataType.BINARY, b"t\\xFF", b"\\xff"),
        (DataType.BINARY, b"i1", "cannot_be_cast"),
        (DataType.BOOLEAN, b"i1", b"t"),
        (DataType.BOOLEAN, b"tno", b"f"),
        (DataType.DATE, b"t2024-01-02", b"2024-01-02"),
        (DataType.DATE, b"i20240102", "cannot_be_cast"),
        (DataType.DECIMAL, b"t1.5", b"1.5000000000"),
        (DataType.DECIMAL, b"r1.5", b"1.5000000000"),
        (DataType.JSON, b"t[1]", b"[1]"),
        (DataType.JSON, b"t\xff", "not_utf8"),
    ],
)
def test_each_storage_class_has_its_own_cast(data_type: DataType, cell: bytes, result: bytes | str) -> None:
    source = column("a", Kind.DYNAMIC, database_type="ANY")
    if result == "bytes_have_no_text":
        row = map_both(mapper([source], [field("x", data_type)], [direct("a", "x")]), [cell])
        assert row.errors[0].code == "cannot_be_cast"
        spec = join("x", "a", "b", separator="")
        row = map_both(mapper([source, column("b")], [field("x")], [spec]), [cell, b""])
        assert row.errors[0].code == "bytes_have_no_text"
        return
    assert map_cell(source, field("x", data_type), cell, text_may_hold_nul=True) == result


def test_texts_of_storage_classes_are_joined() -> None:
    columns = [column(name, Kind.DYNAMIC) for name in "abc"]
    made = mapper(columns, [field("x")], [join("x", "a", "b", "c", separator="|")])
    assert map_both(made, [b"i1", b"r2.0", b"tz"]).cells == (b"1|2|z",)
    assert only_cell(map_both(made, [b"i1", b"t\xff", None])) == "not_utf8"


def test_a_regex_meets_only_cells_that_it_can_cut_quickly() -> None:
    spec = split("a", "x", "y", delimiter=r"\s*;", regex=True)
    made = mapper([column("a")], [field("x"), field("y")], [spec])
    assert map_both(made, [b"a" * 9_999 + b";"]).errors == ()
    assert [error.code for error in map_both(made, [b"a" * 10_000 + b";"]).errors] == [
        "text_too_long_for_regex"
    ]
    started = time.process_time()
    assert map_both(made, [b" " * 10_000]).errors == ()
    assert time.process_time() - started < 10


# -- identity ------------------------------------------------------------------------------------

SAME = {
    "integer": column("a", Kind.INTEGER),
    "narrow unsigned": column("a", Kind.INTEGER, database_type="int unsigned", unsigned=True),
    "decimal": column("a", Kind.DECIMAL, precision=10, scale=2),
    "boolean": column("a", Kind.BOOLEAN),
    "string": column("a"),
    "binary": column("a", Kind.BINARY),
    "uuid": column("a", Kind.UUID),
    "float": column("a", Kind.FLOAT),
}


def same_field(source: SourceColumn, **more: Any) -> TargetField:
    if source.kind is Kind.DECIMAL:
        more = {"precision": 10, "scale": 2, **more}
    return field("a", DataType(source.kind.value), **more)


@pytest.mark.parametrize("name", SAME)
def test_values_that_always_pass_unchanged(name: str) -> None:
    made = mapper([SAME[name]], [same_field(SAME[name])])
    assert made.identity == made.identity_when_taken == (0,)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (SAME["integer"], field("a"), ""),
        (SAME["uuid"], field("a"), ""),
        (column("a", Kind.JSON), field("a"), ""),
        (column("a", Kind.DATE), field("a"), ""),
        (column("a", length=5), field("a", length=5), ""),
        (column("a", length=6), field("a", length=5), "cast, or checked"),
        (column("a"), field("a", length=5), "cast, or checked"),
        (SAME["float"], field("a"), "cast, or checked"),
        (column("a", Kind.TIMESTAMP), field("a"), "cast, or checked"),
        (SAME["integer"], field("a", DataType.FLOAT), "cast, or checked"),
        (SAME["decimal"], field("a", DataType.DECIMAL, precision=9, scale=2), "cast, or checked"),
        (SAME["decimal"], field("a", DataType.DECIMAL, precision=12, scale=3), "cast, or checked"),
        (column("a", Kind.DECIMAL), field("a", DataType.DECIMAL), "cast, or checked"),
        (column("a", Kind.DATE), field("a", DataType.DATE), "target cannot hold"),
        (column("a", Kind.DYNAMIC), field("a"), "cast, or checked"),
        (SAME["string"], field("a", nullable=False), "must not be NULL"),
        (column("a", Kind.JSON), field("a", DataType.JSON), "cast, or checked"),
        (column("a", Kind.INTEGER, unsigned=True), field("a", DataType.INTEGER), "target cannot hold"),
    ],
)
def test_values_that_may_not_pass_say_why(source: SourceColumn, target: TargetField, reason: str) -> None:
    made = mapper([source], [target])
    assert (made.identity is None) == bool(reason)
    assert reason in made.reason_not_identity
    if reason:
        assert "'a'" in made.reason_not_identity


def test_identity_by_target() -> None:
    nul = mapper([SAME["string"]], [field("a")], text_may_hold_nul=True)
    assert nul.identity is None
    assert "NUL" in nul.reason_not_identity
    assert nul.identity_when_taken == (0,)
    held = mapper([SAME["string"]], [field("a")], text_may_hold_nul=True, limits=TARGETS["mysql"])
    assert held.identity == (0,)
    for source in (SAME["float"], SAME["decimal"]):
        made = mapper([source], [same_field(source)], limits=TARGETS["mysql"])
        assert made.identity is None
        assert "NaN" in made.reason_not_identity
        assert made.identity_when_taken == (0,)
    quiet = mapper([SAME["float"]], [same_field(SAME["float"])], limits=TARGETS["mariadb"])
    assert "-0" in quiet.reason_not_identity
    assert quiet.identity_when_taken is None


@pytest.mark.parametrize(("target", "taken"), [("mysql", (0,)), ("mariadb", (0,)), ("postgresql", None)])
def test_long_texts_pass_where_even_spaces_too_many_are_refused(
    target: str, taken: tuple[int, ...] | None
) -> None:
    limits = TARGETS[target]
    text = column("a")
    assert mapper([text], [field("a", length=9)], limits=limits).identity_when_taken == taken
    assert mapper([text], [field("a", length=16384)], limits=limits).identity_when_taken is None
    cut = mapper([text], [field("a", length=9)], [direct("a", "a", cast="lossy")], limits=limits)
    assert cut.identity_when_taken is None


@pytest.mark.parametrize(("target", "taken"), [("mysql", None), ("mariadb", None), ("postgresql", (0,))])
def test_times_pass_where_those_beyond_a_day_are_refused(target: str, taken: tuple[int, ...] | None) -> None:
    made = mapper([column("a", Kind.TIME)], [field("a", DataType.TIME)], limits=TARGETS[target])
    assert made.identity_when_taken == taken


@pytest.mark.parametrize("kind", [Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TIME])
def test_what_the_target_refuses_by_itself_passes_when_taken(kind: Kind) -> None:
    columns, fields = [column("a", kind), SAME["integer"]], [field("a", DataType(kind.value), nullable=False)]
    assert mapper(columns[:1], fields).identity is None
    assert mapper(columns[:1], fields).identity_when_taken == (0,)
    assert mapper(columns[:1], fields, limits=PLAIN).identity_when_taken is None
    assert mapper(columns[:1], fields, limits=TARGETS["sqlite"]).identity_when_taken is None


@pytest.mark.parametrize(
    "spec",
    [direct("a", "a", default="x"), split("a", "a", "b", delimiter=","), join("a", "a", "b", separator="")],
)
def test_only_plain_direct_mappings_pass_rows_through(spec: ColumnMappingSpec) -> None:
    made = mapper([column("a"), column("b")], [field("a"), field("b")], [spec])
    assert made.identity is None
    assert made.identity_when_taken is None
    assert "'a'" in made.reason_not_identity


def test_postgresql_s_limits_hold_what_it_prints() -> None:
    assert POSTGRESQL.big_dates
    assert POSTGRESQL.refuses_misfits
