"""What a target refuses by itself: each misfit alone, and the second pass that names it."""

import contextlib
import io
from collections.abc import Iterator

import pytest

from executor.load.job import check_taken
from local_servers import Database
from local_servers.access import Flavour
from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits, TableName
from shared.documents.mapping import WriteMode
from shared.errors import DataError, SchemaMismatch
from tests import conftest
from tests.conformance.values.conftest import FindSource, Source
from tests.conformance.values.families import Family
from tests.conformance.values.gears import Gears
from tests.conformance.values.runs import Outcome, run
from tests.conformance.values.source_tables import (
    SOURCE,
    Placed,
    expected_codes,
    expected_rows,
    read,
)
from tests.conformance.values.test_types import PASSING_PAIRS, passing_families, run_direct
from tests.factories import connection_settings, field


def misfits(source: Source, target: Database) -> list[Placed]:
    """Return the rows that would pass through unlooked at, and that the target cannot hold."""
    passing = passing_families(source, target, binary=False)
    return [row for row in source.rows if row.family in passing and target.flavour not in row.value.targets]


@contextlib.contextmanager
def session(settings: ConnectionSettings, purpose: Purpose) -> Iterator[Session]:
    with contextlib.closing(
        dialect_for(settings.db_type).connect(settings, purpose, SessionLimits())
    ) as opened:
        yield opened


@pytest.mark.parametrize("pair", PASSING_PAIRS)
def test_each_misfit_alone_is_refused(
    pair: tuple[Flavour, Flavour], source_of: FindSource, create_database: conftest.DatabaseFactory
) -> None:
    source, target = source_of(pair[0]), create_database(pair[1])
    rows = misfits(source, target)
    silent = []
    with (
        session(connection_settings(source.database), Purpose.SOURCE) as reader,
        session(connection_settings(target), Purpose.TARGET) as writer,
    ):
        for row in rows:
            try:
                load_alone(reader, writer, row)
            except (DataError, SchemaMismatch):
                continue
            silent.append((row.family.name, row.value))
    assert silent == []
    if pair[0] == "postgresql" and pair[1] in ("mariadb", "mysql"):
        assert len(rows) > 5


def load_alone(reader: Session, writer: Session, row: Placed) -> None:
    fields = [row.family.field]
    query = f"SELECT {row.family.field.name} FROM {SOURCE} WHERE number = {row.number}"
    dialect = writer.dialect
    sql = reader.dialect.wire_select(query, reader.dialect.describe(reader, query))
    table = TableName("alone", dialect.capabilities.default_namespace)
    writer.execute(dialect.drop_table_sql(table))
    for statement in dialect.create_table_sql(table, fields, ()):
        writer.execute(statement)
    block = io.BytesIO()
    if dialect.capabilities.loads_csv:
        reader.dialect.read_csv(reader, sql, block.write)
    else:
        reader.dialect.read_blocks(reader, sql, block.write)
    block.seek(0)
    writer.begin()
    try:
        check_taken(dialect.load_blocks(writer, table, fields, block), 1, table)
    finally:
        writer.rollback()


@pytest.mark.parametrize("pair", PASSING_PAIRS)
def test_a_refused_load_is_read_again_with_each_row_checked(
    pair: tuple[Flavour, Flavour],
    source_of: FindSource,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    source, target = source_of(pair[0]), create_database(pair[1])
    refused: dict[str, Family] = {row.family.name: row.family for row in misfits(source, target)}
    for one in refused.values():
        target.execute("DROP TABLE IF EXISTS facts")
        gears.ask_for("pass_through")
        rows = [row for row in source.rows if row.family is one]
        where = f"number IN ({', '.join(str(row.number) for row in rows)})"
        outcome = run_direct(source.database, target, [one], WriteMode.REPLACE, where)
        assert [taken.gear == "pass_through" for taken in gears.taken] == [True, False]
        assert outcome.codes() == expected_codes(rows, target.flavour)
        assert read(target, "facts", [one.field]) == expected_rows(rows, target.flavour)


MYSQL_LIKE = [
    pytest.param(flavour, marks=[pytest.mark.mysql] if flavour == "mysql" else [])
    for flavour in ("mariadb", "mysql")
]


@pytest.fixture(params=MYSQL_LIKE)
def mysql_like(request: pytest.FixtureRequest, create_database: conftest.DatabaseFactory) -> Database:
    return create_database(request.param)


@pytest.mark.parametrize("text", ["abcd", "abc ", "abcäö"])
def test_a_text_that_is_too_long_is_a_rejected_row(
    text: str, mysql_like: Database, postgresql_database: Database, gears: Gears
) -> None:
    fields = [field("number", "integer"), field("name", length=3)]
    query = f"SELECT 1 AS number, 'abc'::text AS name UNION ALL SELECT 2, '{text}'"
    gears.ask_for("pass_through")
    outcome = run(postgresql_database, mysql_like, query, fields, write_mode=WriteMode.APPEND)
    assert [taken.gear == "pass_through" for taken in gears.taken] == [True, False]
    assert outcome.codes() == {2: {"name": "too_long"}}
    assert read(mysql_like, "facts", fields) == {1: {"number": "1", "name": "abc"}}


def test_a_column_wider_than_its_field_refuses_nothing(
    mysql_like: Database, postgresql_database: Database, gears: Gears
) -> None:
    mysql_like.execute("CREATE TABLE facts (number BIGINT, name VARCHAR(9)) CHARACTER SET utf8mb4")
    fields = [field("number", "integer"), field("name", length=3)]
    gears.ask_for("pass_through")
    query = "SELECT 1 AS number, 'abcd'::text AS name"
    outcome = run(postgresql_database, mysql_like, query, fields, write_mode=WriteMode.APPEND)
    assert [taken.gear == "pass_through" for taken in gears.taken] == [False]
    assert outcome.codes() == {1: {"name": "too_long"}}


@pytest.mark.parametrize("data_type", ["integer", "string", "timestamptz", "boolean", "binary", "date"])
def test_a_null_in_a_required_field_is_a_rejected_row(
    data_type: str, mysql_like: Database, postgresql_database: Database, gears: Gears
) -> None:
    type_name = {"integer": "bigint", "string": "text", "binary": "bytea"}.get(data_type, data_type)
    fields = [field("number", "integer"), field("a", data_type, nullable=False)]
    query = f"SELECT 1 AS number, NULL::{type_name} AS a"
    gears.ask_for("pass_through")
    outcome = run(postgresql_database, mysql_like, query, fields, write_mode=WriteMode.APPEND)
    assert [taken.gear == "pass_through" for taken in gears.taken] == [True, False]
    assert outcome.codes() == {1: {"a": "null_in_required"}}


def test_a_null_is_no_next_number(mysql_like: Database, postgresql_database: Database, gears: Gears) -> None:
    mysql_like.execute("CREATE TABLE facts (number BIGINT, a BIGINT AUTO_INCREMENT PRIMARY KEY)")
    fields = [field("number", "integer"), field("a", "integer")]
    gears.ask_for("pass_through")
    query = "SELECT 1 AS number, NULL::bigint AS a"
    outcome = run(postgresql_database, mysql_like, query, fields, write_mode=WriteMode.APPEND)
    assert [taken.gear == "pass_through" for taken in gears.taken] == [False]
    assert outcome.codes() == {1: {"a": "null_in_required"}}
    assert mysql_like.rows("SELECT * FROM facts") == []


@pytest.mark.parametrize("target", ["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
@pytest.mark.parametrize("mode", [WriteMode.UPSERT, WriteMode.APPEND])
def test_staged_rows_pass_through_too_and_a_null_in_a_key_is_a_rejected_row(
    mode: WriteMode,
    target: Flavour,
    postgresql_database: Database,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    fields = [field("number", "integer", nullable=False, primary_key=True), field("name", length=9)]
    query = "SELECT g AS number, 'some'::varchar(9) AS name FROM generate_series(1, 3) AS g"
    loaded = create_database(target)
    gears.ask_for("pass_through")
    run(postgresql_database, loaded, query, fields, write_mode=mode)
    assert [taken.gear for taken in gears.taken] == ["pass_through"]
    gears.ask_for("pass_through")
    outcome = run(
        postgresql_database,
        loaded,
        f"{query} UNION ALL SELECT NULL, 'x'::varchar(9)",
        fields,
        write_mode=mode,
    )
    assert [taken.gear == "pass_through" for taken in gears.taken] == [True, False]
    assert [list(codes.values()) for codes in codes_of(outcome)] == [["null_in_key"]]
    assert loaded.rows("SELECT COUNT(*) FROM facts") == [(3,)]


def codes_of(outcome: Outcome) -> list[dict[str, str]]:
    return [{error["target_field"]: error["code"] for error in row.errors} for row in outcome.rejected]
