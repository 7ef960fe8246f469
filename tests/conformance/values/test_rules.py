"""Beyond the tables: cells of ten megabytes, types refused by name, time zones, defaults, keys, required fields."""

import hashlib
from collections.abc import Callable

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import ColumnMappingSpec, Direct, DirectConfig
from shared.documents.mapping import ErrorPolicy, WriteMode
from shared.errors import CastFailed, InvalidMapping, InvalidQuery
from shared.types import DataType
from tests import conftest
from tests.conformance.values.gears import MAPPING_RUNS, Gears
from tests.conformance.values.runs import run
from tests.conformance.values.source_tables import SOURCE, canonical, read
from tests.factories import field
from tests.unit.shared.column_mappings.doc_tables import ZONES, table

NUMBER = field("number", "integer")
TEN_MEGABYTES = 10 * 1024 * 1024

Make = Callable[[Flavour], Database]


@pytest.mark.parametrize("pair", conftest.ALL_PAIRS)
def test_cells_of_ten_megabytes_arrive_whole(pair: tuple[Flavour, Flavour], create_database: Make) -> None:
    source, target = create_database(pair[0]), create_database(pair[1])
    text, binary = (
        ("ä\t\\\n€x" * TEN_MEGABYTES)[: TEN_MEGABYTES // 2],
        bytes(range(256)) * (TEN_MEGABYTES // 256),
    )
    large = {"postgresql": ("text", "bytea"), "sqlite": ("TEXT", "BLOB")}.get(
        source.flavour, ("LONGTEXT", "LONGBLOB")
    )
    mark = "?" if source.flavour == "sqlite" else "%s"
    with source.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {SOURCE} (number INTEGER, t {large[0]}, b {large[1]})")
        cursor.execute(f"INSERT INTO {SOURCE} VALUES (1, {mark}, {mark})", (text, binary))
    assert len(text.encode()) > TEN_MEGABYTES // 2
    run(source, target, f"SELECT number, t, b FROM {SOURCE}", (NUMBER, field("t"), field("b", "binary")))
    [(found_text, found_binary)] = target.rows("SELECT t, b FROM facts")
    assert digest(found_text.encode()) == digest(text.encode())
    assert digest(bytes(found_binary)) == digest(binary)


def digest(data: bytes) -> tuple[int, str]:
    return len(data), hashlib.sha256(data).hexdigest()


REFUSED: list[tuple[Flavour, str]] = [
    ("postgresql", "row(1, 2)"),
    ("postgresql", "(SELECT c FROM pg_class c LIMIT 1)"),
    ("mariadb", "POINT(1, 2)"),
    ("mysql", "POINT(1, 2)"),
    ("mysql", "vector_column"),
]


@pytest.mark.parametrize(
    ("flavour", "expression"),
    [
        pytest.param(*one, marks=[pytest.mark.mysql] if one[0] == "mysql" else [], id=f"{one[0]}-{one[1]}")
        for one in REFUSED
    ],
)
def test_a_type_without_a_plain_text_is_refused_by_name(
    flavour: Flavour, expression: str, create_database: Make, sqlite_database: Database
) -> None:
    source = create_database(flavour)
    if expression == "vector_column":
        source.execute("CREATE TABLE vectors (vector_column VECTOR(2))")
        expression += " AS v FROM vectors --"
    with pytest.raises(InvalidQuery, match="column 'v' is of type") as refused:
        run(source, sqlite_database, f"SELECT {expression} AS v", (field("v"),))
    assert (refused.value.code, refused.value.column) == ("type_refused", "v")


@pytest.mark.parametrize(("pair", "gear"), MAPPING_RUNS)
def test_wall_clocks_are_read_in_the_zone_of_the_source(
    pair: tuple[Flavour, Flavour], gear: str, create_database: Make, gears: Gears
) -> None:
    source, target = create_database(pair[0]), create_database(pair[1])
    gears.ask_for(gear)
    column = {"postgresql": "timestamp", "sqlite": "TEXT"}.get(source.flavour, "DATETIME(6)")
    clocks = [(zone, value.strip('"'), strict) for zone, value, strict, _ in table(ZONES)]
    rows = ", ".join(f"({number}, '{clock}')" for number, (_, clock, _) in enumerate(clocks))
    source.execute(
        f"CREATE TABLE {SOURCE} (number INTEGER, v {column})", f"INSERT INTO {SOURCE} VALUES {rows}"
    )
    out = field("v", "timestamptz")
    for zone in sorted({zone for zone, _, _ in clocks}):
        here = {number: strict for number, (its, _, strict) in enumerate(clocks) if its == zone}
        name = zone.replace("/", "_").lower()
        outcome = run(
            source,
            target,
            f"SELECT number, v FROM {SOURCE} WHERE number IN ({', '.join(map(str, here))})",
            (NUMBER, out),
            zone=zone,
            table=name,
        )
        held = {number: strict.strip('"') for number, strict in here.items() if strict.startswith('"')}
        assert read(target, name, [out]) == {
            number: {"v": canonical(DataType.TIMESTAMPTZ, strict)} for number, strict in held.items()
        }
        assert outcome.codes() == {
            number: {"v": strict} for number, strict in here.items() if number not in held
        }


DEFAULTS: list[tuple[str, str | int | bool, str]] = [
    ("string", "n/a\t\\N", "n/a\t\\N"),
    ("string", "", ""),
    ("integer", -7, "-7"),
    ("integer", "007", "7"),
    ("float", "1e-5", "1e-05"),
    ("decimal", "1.5", "1.5000000000"),
    ("boolean", True, "t"),
    ("boolean", "no", "f"),
    ("date", "2024-02-29", "2024-02-29"),
    ("timestamp", "2024-02-29T10:00:00.5", "2024-02-29 10:00:00.5"),
    ("timestamptz", "2024-02-29T10:00:00+05:45", "2024-02-29 04:15:00"),
    ("time", "10:00:00", "10:00:00"),
    ("binary", "\\x00ff", "00ff"),
    ("uuid", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
    ("json", '{"a": [1]}', '{"a": [1]}'),
]


@pytest.mark.parametrize(("pair", "gear"), MAPPING_RUNS)
def test_a_default_stands_in_for_null_also_where_it_is_required(
    pair: tuple[Flavour, Flavour], gear: str, create_database: Make, gears: Gears
) -> None:
    source, target = create_database(pair[0]), create_database(pair[1])
    text = "LONGTEXT" if source.db_type == "mysql" else "TEXT"
    source.execute(
        f"CREATE TABLE {SOURCE} (number INTEGER, v {text})",
        f"INSERT INTO {SOURCE} VALUES (1, NULL), (2, NULL)",
    )
    sizes = {"decimal": {"precision": 38, "scale": 10}}
    fields = [
        field(f"d{place}", data_type, nullable=False, **sizes.get(data_type, {}))
        for place, (data_type, _, _) in enumerate(DEFAULTS)
    ]
    specs: list[ColumnMappingSpec] = [
        Direct(source_columns=("v",), target_fields=(one.name,), config=DirectConfig(default=default))
        for one, (_, default, _) in zip(fields, DEFAULTS, strict=True)
    ]
    number = Direct(source_columns=("number",), target_fields=("number",))
    gears.ask_for(gear)
    run(source, target, f"SELECT number, v FROM {SOURCE}", (NUMBER, *fields), [number, *specs])
    whole = {
        one.name: canonical(one.data_type, text) for one, (_, _, text) in zip(fields, DEFAULTS, strict=True)
    }
    assert read(target, "facts", fields) == {1: whole, 2: whole}


@pytest.mark.parametrize(
    ("target_field", "default"),
    [
        (field("v", "integer"), "2.5"),
        (field("v", "date"), "today"),
        (field("v", "boolean"), 7),
        (field("v", length=3), "abcd"),
    ],
)
def test_a_default_that_does_not_fit_is_refused_before_the_run(
    target_field: object, default: str | int, any_database: Database
) -> None:
    any_database.execute(f"CREATE TABLE {SOURCE} (v VARCHAR(9))")
    spec = Direct(source_columns=("v",), target_fields=("v",), config=DirectConfig(default=default))
    with pytest.raises(InvalidMapping, match="the default of field 'v' does not fit it") as refused:
        run(any_database, any_database, f"SELECT v FROM {SOURCE}", (target_field,), [spec])  # type: ignore[arg-type]
    assert refused.value.loc == ("column_mappings", 0, "config", "default")
    assert not any("facts" in str(row) for row in tables_of(any_database))


def tables_of(database: Database) -> list[tuple[object, ...]]:
    if database.flavour == "sqlite":
        return database.rows("SELECT name FROM sqlite_master")
    # The other databases of the server belong to other tests.
    here = "table_catalog" if database.flavour == "postgresql" else "table_schema"
    return database.rows(
        f"SELECT table_name FROM information_schema.tables WHERE {here} = '{database.database}'"
    )


@pytest.mark.parametrize(("pair", "gear"), MAPPING_RUNS)
def test_null_and_the_empty_text_in_keys_and_required_fields(
    pair: tuple[Flavour, Flavour], gear: str, create_database: Make, gears: Gears
) -> None:
    source, target = create_database(pair[0]), create_database(pair[1])
    source.execute(
        f"CREATE TABLE {SOURCE} (number INTEGER, k VARCHAR(300), r VARCHAR(9), o VARCHAR(9))",
        f"INSERT INTO {SOURCE} VALUES (1, '', '', ''), (2, 'a', 'x', NULL), (3, NULL, 'x', 'x'), (4, 'b', NULL, 'x'),"
        " (5, NULL, NULL, NULL)",
    )
    fields = (
        field("number", "integer"),
        field("k", nullable=False, primary_key=True),
        field("r", nullable=False),
        field("o"),
    )
    gears.ask_for(gear)
    outcome = run(
        source, target, f"SELECT number, k, r, o FROM {SOURCE}", fields, write_mode=WriteMode.UPSERT
    )
    assert outcome.codes() == {
        3: {"k": "null_in_key"},
        4: {"r": "null_in_required"},
        5: {"k": "null_in_key", "r": "null_in_required"},
    }
    assert read(target, "facts", fields[1:]) == {1: {"k": "", "r": "", "o": ""}, 2: {"k": "a", "r": "x"}}


@pytest.mark.parametrize("flavour", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_a_key_longer_than_mysql_holds_is_a_rejected_row(
    flavour: Flavour, create_database: Make, sqlite_database: Database
) -> None:
    target = create_database(flavour)
    sqlite_database.execute(
        f"CREATE TABLE {SOURCE} (number INTEGER, k TEXT)",
        f"INSERT INTO {SOURCE} VALUES (1, '{'ä' * 255}'), (2, '{'ä' * 256}')",
    )
    fields = (NUMBER, field("k", nullable=False, primary_key=True))
    outcome = run(sqlite_database, target, f"SELECT number, k FROM {SOURCE}", fields)
    assert outcome.codes() == {2: {"k": "too_long"}}
    assert read(target, "facts", fields[1:]) == {1: {"k": "ä" * 255}}


@pytest.mark.parametrize("pair", conftest.ALL_PAIRS)
def test_under_fail_the_error_says_row_field_code_and_legal_form(
    pair: tuple[Flavour, Flavour], create_database: Make
) -> None:
    source, target = create_database(pair[0]), create_database(pair[1])
    source.execute(
        f"CREATE TABLE {SOURCE} (number INTEGER, v VARCHAR(20))",
        f"INSERT INTO {SOURCE} VALUES (1, '2024-01-02'), (2, '01/02/canary'), (3, NULL)",
    )
    fail, query = ErrorPolicy(policy="fail"), f"SELECT number, v FROM {SOURCE} ORDER BY number"
    with pytest.raises(CastFailed) as failed:
        run(source, target, query, (NUMBER, field("v", "date")), on_error=fail)
    error = failed.value
    assert (error.row, error.column, error.code) == (2, "v", "not_a_date")
    assert error.message == "row 2, field 'v': not a date that exists: YYYY-MM-DD is legal"
    assert read(target, "facts", [field("v")]) == {}
