"""A proposed schema holds every value of the type matrix: what it is for each column type, and runs with it."""

from collections.abc import Mapping

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared import infer
from shared.dialects.base import ConnectionSettings, SessionLimits
from shared.errors import InvalidQuery
from shared.infer import infer_columns
from shared.types import TargetField
from tests import conftest
from tests.conformance.values.conftest import FindSource
from tests.conformance.values.runs import run
from tests.conformance.values.source_tables import SOURCE, read
from tests.factories import connection_settings, field
from tests.unit.shared.column_mappings.doc_tables import TYPES_PAGE, table

_DECIMALS = {
    "decimal(38,10)": "decimals",
    "decimal(60,30)": "decimals_wide",
    "decimal(12,2)": "decimals_padded",
    "decimal(12,3)": "decimals_as_text",
    "decimal(12,4)": "decimals_narrowed",
}
_MYSQL = {
    **_DECIMALS,
    "decimal(20,0)": "bigints_unsigned bigints_unsigned_as_decimal bigints_unsigned_as_text",
    "integer": "number bigints ints smallints tinyints mediumints_unsigned ints_unsigned ints_zerofill years booleans"
    " tinyints_as_booleans bigints_as_text",
    "float": "doubles floats doubles_of_few_digits doubles_as_text",
    "date": "dates_as_text",
    "timestamp": "datetimes_in_seconds timestamps_as_text",
    "timestamptz": "timestamptzs_as_text",
    "binary": "binaries fixed_binaries bounded_binaries",
    "string(4)": "varchars chars",
    "string(5)": "bits",
    "string(64)": "wide_bits",
    "string(9)": "latin1",
    # Dates with zeros in them and times beyond a day are among the values of these.
    "string": "dates timestamps timestamptzs times times_as_text zero_dates_as_text texts texts_too_long enums sets",
}
PROPOSED: Mapping[Flavour, Mapping[str, str]] = {
    "postgresql": {
        **_DECIMALS,
        "decimal(8,2)": "domains",
        "integer": "number bigints ints smallints oids bigints_as_text",
        "float": "doubles reals doubles_as_text",
        "boolean": "booleans booleans_as_text",
        "date": "dates dates_as_text",
        "time": "times times_as_text",
        "timestamp": "timestamps datetimes_in_seconds timestamps_as_text",
        "timestamptz": "timestamptzs infinities_as_text timestamptzs_as_text",
        "binary": "binaries",
        "uuid": "uuids uuids_as_text",
        "json": "json_texts jsons json_of_text_type",
        "string(4)": "varchars chars",
        "string": "numerics_unbounded numerics_as_text texts texts_too_long enums bits wide_bits moneys intervals"
        " integer_arrays text_arrays inets cidrs macaddrs ranges instant_ranges multiranges points xmls tsvectors"
        " timetzs",
    },
    "mariadb": {
        **_MYSQL,
        "string": _MYSQL["string"] + " jsons",
        "string(36)": "uuids native_uuids",
        "string(39)": "native_inets",
    },
    "mysql": {**_MYSQL, "json": "jsons", "string(36)": "uuids"},
    "sqlite": {
        "integer": "number bigints booleans bigints_as_text",
        "float": "doubles doubles_as_text",
        "binary": "binaries",
        "string": "decimals decimals_wide decimals_padded decimals_narrowed dates timestamps timestamptzs times texts"
        " varchars texts_too_long untyped json_texts uuids jsons",
    },
}
# What the same database cannot hold in any type but that of the source.
REJECTED: Mapping[Flavour, Mapping[str, set[str]]] = {
    "postgresql": {
        "json_texts": {"duplicate_json_key"},
        "json_of_text_type": {"duplicate_json_key", "holds_nul"},
    },
    "mariadb": {},
    "mysql": {},
    "sqlite": {
        "untyped": {"cannot_be_cast", "not_utf8"},
        "doubles": {"not_representable"},
        "doubles_as_text": {"not_representable"},
    },
}


def said(one: TargetField) -> str:
    sizes = [size for size in (one.precision, one.scale, one.length) if size is not None]
    return one.data_type.value + (f"({','.join(map(str, sizes))})" if sizes else "")


@pytest.mark.parametrize("flavour", conftest.ALL_FLAVOURS)
def test_each_column_type_has_a_field_that_loses_nothing(flavour: Flavour, source_of: FindSource) -> None:
    settings = connection_settings(source_of(flavour).database)
    proposed = {one.name: said(one) for one in infer_columns(settings, f"SELECT * FROM {SOURCE}")}
    assert proposed == {name: field for field, names in PROPOSED[flavour].items() for name in names.split()}


@pytest.mark.parametrize("pair", [one for one in conftest.ALL_PAIRS if len(set(str(one.id).split("-"))) == 1])
def test_a_run_with_the_proposed_schema_rejects_nothing_that_can_be_held(
    pair: tuple[Flavour, Flavour], source_of: FindSource, create_database: conftest.DatabaseFactory
) -> None:
    source, target = source_of(pair[0]), create_database(pair[1])
    query = f"SELECT * FROM {SOURCE}"
    fields = infer_columns(connection_settings(source.database), query)
    outcome = run(source.database, target, query, fields)
    codes: dict[str, set[str]] = {}
    for errors in outcome.codes().values():
        for name, code in errors.items():
            codes.setdefault(name, set()).add(code)
    assert codes == REJECTED[pair[0]]
    assert outcome.progress.rows_written == len(source.rows) - len(outcome.rejected)
    names = [one.name for one in fields[1:]]
    written = read(target, "facts", fields[1:])
    for row in source.rows:
        if row.number in written:
            assert row.family.name in names
            assert list(written[row.number]) == [row.family.name]


@pytest.mark.parametrize("mysql_like", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_times_and_dates_that_are_none_are_proposed_as_text(
    mysql_like: Flavour, create_database: conftest.DatabaseFactory
) -> None:
    source = create_database(mysql_like)
    with source.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = ''")
        cursor.execute(
            "CREATE TABLE t (a TIME(6), b TIME, c DATE, d DATE, e DATETIME, f TIMESTAMP NULL, g DATE)"
        )
        cursor.execute(
            "INSERT INTO t VALUES ('23:59:59.999999', '24:00:00', '2024-01-02', '2024-00-10', '0000-00-00',"
            " '2024-01-02', NULL), ('00:00:00', NULL, NULL, NULL, NULL, NULL, NULL)"
        )
    settings = connection_settings(source)
    proposed = {one.name: said(one) for one in infer_columns(settings, "SELECT * FROM t")}
    assert proposed == {
        "a": "time",
        "b": "string",
        "c": "date",
        "d": "string",
        "e": "string",
        "f": "timestamptz",
        "g": "date",
    }


def test_the_classes_of_sqlite_decide(sqlite_database: Database) -> None:
    sqlite_database.execute(
        "CREATE TABLE t (a, b, c, d, e)",
        "INSERT INTO t VALUES (1, 1, NULL, x'00', 'a'), (2, 'b', NULL, NULL, 'c')",
    )
    proposed = infer_columns(connection_settings(sqlite_database), "SELECT * FROM t")
    assert [said(one) for one in proposed] == ["integer", "string", "string", "binary", "string"]


@pytest.mark.parametrize("flavour", ["sqlite", "mariadb"])
def test_text_is_proposed_when_looking_takes_too_long(
    flavour: Flavour, create_database: conftest.DatabaseFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = create_database(flavour)
    with source.cursor() as cursor:
        cursor.execute("CREATE TABLE t (v TIME, w INTEGER)")
        cursor.execute("INSERT INTO t VALUES ('10:00:00', 7)" + ", ('10:00:00', 7)" * 999)
    query = "SELECT a.v, b.w FROM t a, t b, t c, t d"
    monkeypatch.setattr(infer, "INFER_LIMITS", SessionLimits(connect_seconds=5, statement_seconds=1))
    proposed = infer_columns(connection_settings(source), query)
    assert [said(one) for one in proposed] == [
        "string",
        said(field("w", "string" if flavour == "sqlite" else "integer")),
    ]


def documented(source: str) -> list[tuple[str, str]]:
    """Return the column types of docs/types.md and the field that each is proposed as."""
    return [
        (column, proposed)
        for name, columns, proposed in table("| source | column | field |", TYPES_PAGE)
        if name == source
        for column in columns.replace("`", "").split(", ")
    ]


def test_the_page_says_what_is_proposed_for_postgresql(postgresql_database: Database) -> None:
    settings = connection_settings(postgresql_database)
    for column, proposed in documented("PostgreSQL"):
        assert proposal(settings, f"SELECT NULL::{column} AS v") == proposed, column


@pytest.mark.parametrize("flavour", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_the_page_says_what_is_proposed_for_mysql(
    flavour: Flavour, create_database: conftest.DatabaseFactory
) -> None:
    source = create_database(flavour)
    for number, (column, proposed) in enumerate(documented("MySQL")):
        source.execute(f"CREATE TABLE t{number} (v {column} NULL)")
        assert proposal(connection_settings(source), f"SELECT v FROM t{number}") == proposed, column


def proposal(settings: ConnectionSettings, query: str) -> str:
    try:
        [one] = infer_columns(settings, query)
    except InvalidQuery as error:
        return "refused" if (error.code, error.column) == ("type_refused", "v") else error.code
    return said(one)
