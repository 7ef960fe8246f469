from benchmarks.cases import CASES, MAPPED, mapped_case
from benchmarks.tables import Column, create_table_sql


def test_every_mapped_field_is_filled_once() -> None:
    filled = [field for one in mapped_case().column_mappings for field in one["target_fields"]]
    assert sorted(filled) == sorted(column.name for column in MAPPED)


def test_the_mapping_has_thirteen_direct_fields_a_split_and_a_join() -> None:
    types = [one["type"] for one in mapped_case().column_mappings]
    assert types == ["direct"] * 13 + ["split", "join"]


def test_case_names_differ() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_table_replaces_what_is_there() -> None:
    columns = (Column("a", "integer"), Column("b", "decimal", 15, 2), Column("c", "timestamp"))
    assert create_table_sql("t", columns, ("a",), "mariadb") == (
        "DROP TABLE IF EXISTS t",
        "CREATE TABLE t (a bigint NOT NULL, b decimal(15,2), c datetime(6), PRIMARY KEY (a))",
    )
