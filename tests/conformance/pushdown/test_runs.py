"""Whole runs in the pushed-down gear: what is rejected, and where it stood."""

import dataclasses

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import (
    ColumnMappingSpec,
    Direct,
    DirectConfig,
    Join,
    JoinConfig,
    Split,
    SplitConfig,
)
from shared.documents.mapping import ErrorPolicy, WriteMode
from shared.errors import CastFailed
from tests import conftest
from tests.conformance.values.gears import PUSHED_FLAVOURS, Gears
from tests.conformance.values.runs import run
from tests.factories import field

ODD = [
    'a"b',
    "a,b",
    "(x)",
    "",
    " ",
    "\\N",
    "\\",
    'a\\"b',
    "tab\there",
    "line\nbreak",
    "\x01marked",
    "ä🙂",
    '""',
    "{}",
]
FIELDS = (
    field("first"),
    field("n", "integer"),
    field("day", "date"),
    field("rest"),
    field("together", nullable=False),
)
SPECS: list[ColumnMappingSpec] = [
    Direct(source_columns=("t",), target_fields=("first",)),
    Split(
        source_columns=("c",),
        target_fields=("n", "day", "rest"),
        config=SplitConfig(delimiter="|"),
    ),
    Join(source_columns=("t", "number"), target_fields=("together",), config=JoinConfig(separator="'\\")),
]  # fmt: skip
QUERY = "SELECT t, c, number FROM made ORDER BY number -- the last line is a comment"
TARGETS = ["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)]


@pytest.fixture(params=PUSHED_FLAVOURS)
def source(request: pytest.FixtureRequest, create_database: conftest.DatabaseFactory) -> Database:
    """Odd texts, of which every third row cannot be cast, and as many sure ones behind them."""
    database = create_database(request.param)
    database.execute("CREATE TABLE made (number integer, t text, c text)")
    with database.cursor() as cursor:
        for number, text in enumerate(ODD * 2, start=1):
            bad = number % 3 == 0 and number <= len(ODD)
            cut = f"x|2024-01-02|{text}" if bad else f"{number}|2024-01-02|{text}"
            cursor.execute("INSERT INTO made VALUES (%s, %s, %s)", (number, text, cut))
    return database


@pytest.mark.parametrize("mode", [WriteMode.REPLACE, WriteMode.APPEND])
@pytest.mark.parametrize("flavour", TARGETS)
def test_rows_are_rejected_with_their_number_and_source_row(
    flavour: Flavour,
    mode: WriteMode,
    source: Database,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    target = create_database(flavour)
    gears.ask_for("pass_through")  # whatever is fastest
    outcome = run(source, target, QUERY, FIELDS, SPECS, write_mode=mode)
    assert [taken.gear for taken in gears.taken] == ["pushed_down"]
    bad = [number for number in range(1, len(ODD) + 1) if number % 3 == 0]
    assert outcome.codes() == {number: {"n": "not_an_integer"} for number in bad}
    assert [row.row_number for row in outcome.rejected] == bad
    assert [row.source_row["t"] for row in outcome.rejected] == [ODD[number - 1] for number in bad]
    assert outcome.progress.rows_read == 2 * len(ODD)
    kept = [
        (text, number, text, f"{text}'\\{number}")
        for number, text in enumerate(ODD * 2, start=1)
        if number not in bad
    ]
    rows = target.rows("SELECT first, n, rest, together FROM facts ORDER BY n")
    assert [tuple(row) for row in rows] == kept


def test_under_fail_the_run_ends_and_changes_nothing(
    source: Database,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    target = create_database("postgresql")
    gears.ask_for("pass_through")  # whatever is fastest
    with pytest.raises(CastFailed) as failed:
        run(source, target, QUERY, FIELDS, SPECS, on_error=ErrorPolicy(policy="fail"))
    assert (failed.value.row, failed.value.column) == (3, "n")
    assert target.rows("SELECT count(*) FROM facts") == [(0,)]
    assert [taken.gear for taken in gears.taken] == ["pushed_down"]


def test_names_of_the_source_that_are_our_own_do_no_harm(
    postgresql_database: Database,
    gears: Gears,
) -> None:
    query = "SELECT '1,2' AS etl_engine_1, 'x' AS q, 3 AS \"we \"\"ird\""
    specs: list[ColumnMappingSpec] = [
        Split(source_columns=("etl_engine_1",), target_fields=("a", "b"), config=SplitConfig(delimiter=",")),
        Direct(source_columns=("q",), target_fields=("q",)),
        Direct(source_columns=('we "ird',), target_fields=("c",)),
    ]
    gears.ask_for("pass_through")  # whatever is fastest
    fields = (field("a", "integer"), field("b", "integer"), field("q"), field("c", "integer"))
    run(postgresql_database, postgresql_database, query, fields, specs)
    assert [taken.gear for taken in gears.taken] == ["pushed_down"]
    assert postgresql_database.rows("SELECT a, b, q, c FROM facts") == [(1, 2, "x", 3)]


def test_a_source_in_another_encoding_keeps_the_line_mapper(
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    target = create_database("postgresql")
    other = create_database("postgresql")
    name = f"{other.database}_latin"
    admin = conftest.server("postgresql").admin()
    admin.execute(f"CREATE DATABASE {name} ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")

    source = dataclasses.replace(other, database=name)
    try:
        gears.ask_for("pass_through")  # whatever is fastest
        split = Split(source_columns=("t",), target_fields=("a", "b"), config=SplitConfig(delimiter="ä🙂"))
        run(source, target, "SELECT 'ä' AS t", (field("a"), field("b")), [split])
    finally:
        admin.execute(f"DROP DATABASE {name}")
    [taken] = gears.taken
    assert taken.gear == "line_mapper"
    assert "encoding of the source database is LATIN1" in taken.gear_reason


def test_a_source_that_refuses_the_mapping_in_sql_is_read_again_by_the_line_mapper(
    create_database: conftest.DatabaseFactory, gears: Gears
) -> None:
    source, target = create_database("postgresql"), create_database("postgresql")
    admin = conftest.server("postgresql").admin(source.database)
    admin.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.string_to_array(text, text) FROM PUBLIC")
    gears.ask_for("pass_through")  # whatever is fastest
    split = Split(source_columns=("t",), target_fields=("a", "b"), config=SplitConfig(delimiter="|"))
    outcome = run(source, target, "SELECT 'x|y' AS t", (field("a"), field("b")), [split])
    assert [taken.gear for taken in gears.taken] == ["pushed_down", "line_mapper"]
    assert outcome.progress.rows_written == 1
    assert target.rows("SELECT a, b FROM facts") == [("x", "y")]


@pytest.mark.parametrize("flavour", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_a_column_of_few_characters_stands_beside_rows_in_doubt(
    flavour: Flavour, create_database: conftest.DatabaseFactory, gears: Gears
) -> None:
    source, target = create_database(flavour), create_database(flavour)
    source.execute(
        "CREATE TABLE made (t VARCHAR(9) CHARACTER SET latin1)", "INSERT INTO made VALUES ('7'), ('ä')"
    )
    gears.ask_for("pass_through")  # whatever is fastest
    specs: list[ColumnMappingSpec] = [
        Direct(source_columns=("t",), target_fields=("t",)),
        Direct(source_columns=("t",), target_fields=("n",)),
    ]
    outcome = run(source, target, "SELECT t FROM made", (field("t"), field("n", "integer")), specs)
    assert [taken.gear for taken in gears.taken] == ["pushed_down"]
    assert [row.source_row for row in outcome.rejected] == [{"t": "ä"}]
    assert target.rows("SELECT t, n FROM facts") == [("7", 7)]


@pytest.mark.parametrize("flavour", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_a_default_may_hold_what_its_column_could_not(
    flavour: Flavour, create_database: conftest.DatabaseFactory, gears: Gears
) -> None:
    source, target = create_database(flavour), create_database(flavour)
    source.execute(
        "CREATE TABLE made (t VARCHAR(9) CHARACTER SET latin1)", "INSERT INTO made VALUES ('ä'), (NULL)"
    )
    gears.ask_for("pass_through")  # whatever is fastest
    direct = Direct(source_columns=("t",), target_fields=("t",), config=DirectConfig(default="🙂"))
    run(source, target, "SELECT t FROM made", (field("t"),), [direct])
    assert [taken.gear for taken in gears.taken] == ["pushed_down"]
    assert target.rows("SELECT t FROM facts ORDER BY length(t), t") == [("ä",), ("🙂",)]


@pytest.mark.parametrize("flavour", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_a_row_in_doubt_that_is_larger_than_a_packet_is_read_again_by_the_line_mapper(
    flavour: Flavour, create_database: conftest.DatabaseFactory, gears: Gears
) -> None:
    source, target = create_database(flavour), create_database("postgresql")
    [(packet,)] = source.rows("SELECT @@max_allowed_packet")
    large = int(packet) // 4
    source.execute(
        "CREATE TABLE made (number BIGINT, n VARCHAR(9), t LONGTEXT)",
        f"INSERT INTO made VALUES (1, '7', 'a'), (2, '+7', REPEAT('x', {large})), (3, '9', REPEAT('y', {large}))",
    )
    gears.ask_for("pass_through")  # whatever is fastest
    fields = (field("number", "integer"), field("n", "integer"), field("t"))
    outcome = run(source, target, "SELECT number, n, t FROM made", fields)
    assert [taken.gear for taken in gears.taken] == ["pushed_down", "line_mapper"]
    assert outcome.codes() == {2: {"n": "not_an_integer"}}
    assert target.rows("SELECT number, n, length(t) FROM facts ORDER BY 1") == [(1, 7, 1), (3, 9, large)]


@pytest.mark.parametrize("flavour", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_a_join_that_is_larger_than_a_packet_is_whole(
    flavour: Flavour, create_database: conftest.DatabaseFactory, gears: Gears
) -> None:
    source, target = create_database(flavour), create_database("postgresql")
    [(packet,)] = source.rows("SELECT @@max_allowed_packet")
    half = int(packet) // 2 + 1
    source.execute(
        "CREATE TABLE made (a LONGTEXT, b LONGTEXT)",
        f"INSERT INTO made SELECT REPEAT('x', {half // 2}), REPEAT('y', {half // 2})",
        "INSERT INTO made SELECT a, b FROM made",
    )
    gears.ask_for("pass_through")  # whatever is fastest
    join = Join(source_columns=("a", "b", "c", "d"), target_fields=("t",), config=JoinConfig(separator="-"))
    query = "SELECT a, b, a AS c, b AS d FROM made LIMIT 1"
    run(source, target, query, (field("t"),), [join])
    assert target.rows("SELECT length(t) FROM facts") == [(4 * (half // 2) + 3,)]
