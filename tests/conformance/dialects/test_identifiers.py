"""Names are exact: whatever a database can have as a name can be read, created and written."""

import pytest

from local_servers import Database
from shared.dialects.base import Purpose, Session
from shared.errors import ConfigError
from tests.conformance.dialects.conftest import Connect, OpenSession
from tests.conformance.dialects.steps import create, load_committed, read, table
from tests.factories import field

NASTY = [
    'a"b',
    "a`b",
    "a'b",
    "100%s",
    "a:b",
    "a.b",
    "select",
    "Mixed Case",
    "é",
    "naïve 表",
    "a\\b",
    "a;--b",
    "{low}",
]


@pytest.mark.parametrize("name", NASTY)
def test_nasty_names_work_everywhere(name: str, target: Session, open_session: OpenSession) -> None:
    fields = [field(name, "string", length=20), field("other", "binary")]
    made = create(target, f"t {name}", fields, [name])
    load_committed(target, made, fields, [(b"x", b"\\x01")])

    found = target.dialect.find_table(target, made)
    reader = open_session(Purpose.SOURCE)
    columns, rows = read(
        reader,
        f"SELECT {target.dialect.quote(name)}, other FROM {target.dialect.qualified(made)}",
    )

    assert found is not None
    assert found.unique_keys == ((name,),)
    assert [column.name for column in found.columns] == [name, "other"]
    assert [column.name for column in columns] == [name, "other"]
    assert len(rows) == 1
    assert list(target.dialect.table_names_like(target, made.namespace, "t ")) == [made.name]
    reader.close()  # its snapshot holds a lock on the table
    target.execute(target.dialect.drop_table_sql(made))
    assert target.dialect.find_table(target, made) is None


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800"])
def test_impossible_names_are_refused(name: str, target: Session) -> None:
    with pytest.raises(ConfigError):
        target.dialect.quote(name)


def test_the_longest_name_works_and_a_longer_one_is_refused(target: Session) -> None:
    limit = target.dialect.capabilities.identifier_bytes
    longest = "n" * limit
    made = create(target, longest, [field("a")])
    assert target.dialect.find_table(target, made) is not None
    with pytest.raises(ConfigError, match="too long"):
        target.dialect.quote("n" * (limit + 1))


def test_postgresql_counts_bytes(postgresql_database: Database, connect: Connect) -> None:
    dialect = connect(postgresql_database, Purpose.TARGET).dialect
    dialect.quote("é" * 31)
    with pytest.raises(ConfigError, match="too long"):
        dialect.quote("é" * 32)


def test_an_absent_table_is_none(target: Session) -> None:
    assert target.dialect.find_table(target, table(target, "absent")) is None
