"""The target is compared with the schema at each run's start; a contradiction is named before the first write."""

from collections.abc import Sequence
from typing import Any

import pytest

from local_servers import Database
from shared.column_mappings import ColumnMappingSpec, Direct
from shared.documents.mapping import WriteMode
from shared.errors import InvalidMapping, SchemaMismatch
from shared.types import TargetField
from tests.conformance.values.runs import run
from tests.factories import field

FIELDS = (field("number", "integer", nullable=False), field("name"))


class Tables:
    """Source rows and a target table `facts` in one database, the same for every test."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.text = "LONGTEXT" if database.db_type == "mysql" else "TEXT"
        database.execute(
            "CREATE TABLE source_rows (number BIGINT, name VARCHAR(20))",
            "INSERT INTO source_rows VALUES (1, 'a'), (2, NULL)",
        )

    def make_facts(self, columns: str, *rows: str) -> None:
        self.database.execute(f"CREATE TABLE facts ({columns})")
        for row in rows:
            self.database.execute(f"INSERT INTO facts VALUES {row}")

    def columns(self) -> list[str]:
        with self.database.cursor() as cursor:
            cursor.execute("SELECT * FROM facts WHERE 1 = 0")
            return [column[0] for column in cursor.description]

    def run(self, fields: tuple[TargetField, ...] = FIELDS, **more: Any) -> Any:
        query = more.pop("query", "SELECT * FROM source_rows")
        return run(self.database, self.database, query, fields, **{"write_mode": WriteMode.APPEND, **more})


@pytest.fixture
def tables(any_database: Database) -> Tables:
    return Tables(any_database)


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT])
def test_a_null_for_a_column_that_takes_none_is_a_rejected_row(tables: Tables, mode: WriteMode) -> None:
    """The schema says nullable, the table that is there says NOT NULL: the table is what the rows must fit."""
    tables.make_facts(f"number BIGINT NOT NULL PRIMARY KEY, name {tables.text} NOT NULL")
    keys = ("number",) if mode is WriteMode.UPSERT else ()
    outcome = tables.run(write_mode=mode, key_columns=keys, take_over_table=True)
    assert outcome.codes() == {2: {"name": "null_in_required"}}
    assert tables.database.rows("SELECT number, name FROM facts") == [(1, "a")]


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ("number DATE, name {text}", "number"),
        ("number BIGINT, name {text}, other INTEGER NOT NULL", "other"),
        ("name {text}", "number"),
        ("number BIGINT, NAME {text}", "name"),
    ],
)
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_a_contradiction_is_named_before_the_first_write(
    tables: Tables, columns: str, wrong: str, mode: WriteMode
) -> None:
    if tables.database.flavour == "sqlite" and "DATE" in columns:
        columns = "number TEXT, name TEXT"  # any other affinity keeps integers
    if tables.database.flavour == "postgresql":
        columns = columns.replace("NAME", "name date, x")  # names there differ by case: another contradiction
    tables.make_facts(columns.format(text=tables.text))
    before = tables.columns()
    more = (*FIELDS, field("added"))
    with pytest.raises(SchemaMismatch, match=f"'{wrong}'") as refused:
        tables.run(
            more,
            query="SELECT number, name, name AS added FROM source_rows",
            write_mode=mode,
            take_over_table=True,
        )
    assert refused.value.column == wrong
    assert tables.columns() == before
    assert tables.database.rows("SELECT * FROM facts") == []


def test_a_missing_table_is_created_with_all_columns_of_the_schema(tables: Tables) -> None:
    tables.run((*FIELDS, field("later", "decimal", precision=5, scale=2)), specs=_direct("number", "name"))
    assert tables.columns() == ["number", "name", "later"]


def test_a_missing_nullable_column_is_added_and_nothing_else_is_touched(tables: Tables) -> None:
    tables.make_facts(f"note {tables.text}, number BIGINT", "('mine', 9)")
    tables.run()
    assert tables.columns() == ["note", "number", "name"]
    rows = tables.database.rows("SELECT note, number, name FROM facts ORDER BY number")
    assert rows == [(None, 1, "a"), (None, 2, None), ("mine", 9, None)]


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_a_source_column_that_has_gone_is_refused_by_name(tables: Tables, mode: WriteMode) -> None:
    tables.run(write_mode=mode)
    before = tables.database.rows("SELECT * FROM facts ORDER BY number")
    tables.database.execute("ALTER TABLE source_rows RENAME COLUMN name TO renamed")
    with pytest.raises(InvalidMapping, match="the query has no column 'name'") as refused:
        tables.run(write_mode=mode, take_over_table=True)
    assert refused.value.code == "missing_source_column"
    assert tables.database.rows("SELECT * FROM facts ORDER BY number") == before
    with pytest.raises(InvalidMapping, match="the query has no column 'name'"):
        tables.run(write_mode=mode, take_over_table=True, specs=_direct("number", "name"))
    assert tables.database.rows("SELECT * FROM facts ORDER BY number") == before


def test_a_source_column_of_another_type_is_cast_or_refused_by_name(tables: Tables) -> None:
    tables.run()
    binary = {"postgresql": "bytea", "sqlite": "BLOB"}.get(tables.database.flavour, "BLOB")
    tables.database.execute(
        "ALTER TABLE source_rows DROP COLUMN name", f"ALTER TABLE source_rows ADD COLUMN name {binary}"
    )
    if tables.database.flavour == "sqlite":  # its values have types, its columns have none
        tables.database.execute("UPDATE source_rows SET name = x'00'")
        assert tables.run().codes() == {n: {"name": "cannot_be_cast"} for n in (1, 2)}
        return
    with pytest.raises(InvalidMapping, match="'name' is b") as refused:
        tables.run()
    assert (refused.value.code, refused.value.column) == ("cannot_be_cast", "name")


def _direct(*names: str) -> Sequence[ColumnMappingSpec]:
    return [Direct(source_columns=(name,), target_fields=(name,)) for name in names]
