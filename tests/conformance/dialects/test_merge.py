"""Merging staged rows by key: exact counts, exact values, nothing else touched."""

from collections.abc import Sequence

import pytest

from local_servers import Database
from shared.dialects.base import MergeCounts, Session, TableName
from shared.wire import Cell
from tests.conformance.dialects.steps import create, load_committed, table
from tests.factories import field

KEYED = [field("id", "integer"), field("name"), field("score", "float")]
OLD: list[Sequence[Cell]] = [(b"1", b"a", b"1.5"), (b"2", None, None), (b"3", b"c", b"0")]
NEW: list[Sequence[Cell]] = [
    (b"1", b"a", b"1.5"),  # the same
    (b"2", b"", None),  # NULL became the empty string
    (b"3", None, b"0"),  # a value became NULL
    (b"4", b"d", b"-2"),  # new
]


def merge(
    session: Session,
    into: TableName,
    rows: Sequence[Sequence[Cell]],
    *,
    update: bool,
    keys: Sequence[str] = ("id",),
) -> MergeCounts:
    staging = table(session, "staged")
    for statement in session.dialect.create_staging_sql(staging, KEYED, keys):
        session.execute(statement)
    load_committed(session, staging, KEYED, rows)
    session.begin()
    counts = session.dialect.merge(session, into, staging, KEYED, keys, update)
    session.commit()
    return counts


def names(database: Database) -> list[tuple[object, ...]]:
    return database.rows("SELECT id, name FROM t ORDER BY id, name")


def test_update_changes_what_differs_and_adds_what_is_absent(target: Session, any_database: Database) -> None:
    made = create(target, "t", KEYED, ["id"])
    load_committed(target, made, KEYED, OLD)
    assert merge(target, made, NEW, update=True) == MergeCounts(inserted=1, updated=2, unchanged=1)
    assert names(any_database) == [(1, "a"), (2, ""), (3, None), (4, "d")]


def test_without_update_existing_keys_are_left(target: Session, any_database: Database) -> None:
    made = create(target, "t", KEYED, ["id"])
    load_committed(target, made, KEYED, OLD)
    assert merge(target, made, NEW, update=False) == MergeCounts(inserted=1, updated=0, unchanged=3)
    assert names(any_database) == [(1, "a"), (2, None), (3, "c"), (4, "d")]


def test_merging_again_changes_nothing(target: Session) -> None:
    made = create(target, "t", KEYED, ["id"])
    load_committed(target, made, KEYED, NEW)
    assert merge(target, made, NEW, update=True) == MergeCounts(inserted=0, updated=0, unchanged=4)


def test_it_needs_no_unique_index_and_counts_a_key_that_stands_twice_once(
    target: Session, any_database: Database
) -> None:
    made = create(target, "t", KEYED)
    load_committed(target, made, KEYED, [*OLD, (b"1", b"b", None)])
    assert merge(target, made, NEW, update=True) == MergeCounts(inserted=1, updated=3, unchanged=0)
    assert names(any_database)[:2] == [(1, "a"), (1, "a")]


def test_other_columns_are_left_alone(target: Session, any_database: Database) -> None:
    made = create(target, "t", [*KEYED, field("note", "string", length=10)], ["id"])
    load_committed(target, made, KEYED, OLD)
    target.execute("UPDATE t SET note = 'mine'")
    merge(target, made, NEW, update=True)
    assert any_database.rows("SELECT id, note FROM t ORDER BY id") == [
        *((number, "mine") for number in (1, 2, 3)),
        (4, None),
    ]


@pytest.mark.parametrize("keys", [("name",)])
def test_text_keys_compare_byte_by_byte(keys: Sequence[str], target: Session, any_database: Database) -> None:
    made = create(target, "t", KEYED, keys)
    load_committed(target, made, KEYED, [(b"1", b"a", None)])
    rows: list[Sequence[Cell]] = [
        (b"2", b"a", None),
        (b"3", b"A", None),
        (b"4", b"a ", None),
        (b"5", "ä".encode(), None),
        (b"6", "a\u0308".encode(), None),
    ]
    assert merge(target, made, rows, update=True, keys=keys) == MergeCounts(
        inserted=4, updated=1, unchanged=0
    )
    assert any_database.rows("SELECT id FROM t ORDER BY id") == [(2,), (3,), (4,), (5,), (6,)]


@pytest.mark.parametrize(("old", "new"), [(b"a", b"A"), (b"a", b"a "), (b"e", "é".encode()), (b"", None)])
def test_values_that_a_collation_takes_for_equal_are_changed(
    old: bytes, new: bytes | None, target: Session, any_database: Database
) -> None:
    made = create(target, "t", KEYED, ["id"])
    load_committed(target, made, KEYED, [(b"1", old, None)])
    assert merge(target, made, [(b"1", new, None)], update=True).updated == 1
    assert names(any_database) == [(1, None if new is None else new.decode())]
