"""Types beyond a schema's: they arrive as their text, or are refused by name, never as NULL."""

import pytest

from local_servers import Database
from shared.dialects.base import Purpose
from shared.errors import InvalidQuery
from shared.types import Kind
from tests.conformance.dialects.conftest import Connect, OpenSession
from tests.conformance.dialects.steps import read

POSTGRESQL = [
    ("1::smallint", Kind.INTEGER, b"1"),
    ("4294967295::oid", Kind.INTEGER, b"4294967295"),
    ("'NaN'::float8", Kind.FLOAT, b"NaN"),
    ("'-0'::float8", Kind.FLOAT, b"-0"),
    ("'-infinity'::float8", Kind.FLOAT, b"-Infinity"),
    ("0.1::real", Kind.FLOAT, b"0.1"),
    ("'NaN'::numeric", Kind.DECIMAL, b"NaN"),
    ("1.50::numeric(10,2)", Kind.DECIMAL, b"1.50"),
    (
        "1234567890123456789012345678901234567890.5",
        Kind.DECIMAL,
        b"1234567890123456789012345678901234567890.5",
    ),
    ("1234::numeric(5,-2)", Kind.DECIMAL, b"1200"),
    ("true", Kind.BOOLEAN, b"t"),
    ("'infinity'::date", Kind.DATE, b"infinity"),
    ("'0044-03-15 BC'::date", Kind.DATE, b"0044-03-15 BC"),
    ("'2020-01-01 10:00:00.5+05:30'::timestamptz", Kind.TIMESTAMPTZ, b"2020-01-01 04:30:00.5+00"),
    ("'2020-01-01'::timestamp", Kind.TIMESTAMP, b"2020-01-01 00:00:00"),
    ("'10:00'::time", Kind.TIME, b"10:00:00"),
    ("'10:00+02'::timetz", Kind.STRING, b"10:00:00+02"),
    ("'1 day 2 hours'::interval", Kind.STRING, b"P1DT2H"),
    ("'x'::char(4)", Kind.STRING, b"x   "),
    ("'\\x00ff'::bytea", Kind.BINARY, b"\\x00ff"),
    ('\'{"b": 1.0, "a": 2}\'::jsonb', Kind.JSON, b'{"a": 2, "b": 1.0}'),
    ("'{\"b\":1}'::json", Kind.JSON, b'{"b":1}'),
    ("'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6'::uuid", Kind.UUID, b"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
    ("array[1, null, 3]", Kind.STRING, b"{1,NULL,3}"),
    ("'192.0.2.1/24'::inet", Kind.STRING, b"192.0.2.1/24"),
    ("int4range(1, 5)", Kind.STRING, b"[1,5)"),
    ("B'0101'", Kind.STRING, b"0101"),
    ("'<a/>'::xml", Kind.STRING, b"<a/>"),
    ("'(1,2)'::point", Kind.STRING, b"(1,2)"),
    ("'a b'::tsvector", Kind.STRING, b"'a' 'b'"),
    ("null", Kind.STRING, None),
    ("'a%s:b'", Kind.STRING, b"a%s:b"),
]
MYSQL = [
    ("CAST(1 AS SIGNED)", Kind.INTEGER, b"1"),
    ("CAST(18446744073709551615 AS UNSIGNED)", Kind.INTEGER, b"18446744073709551615"),
    ("1.50", Kind.DECIMAL, b"1.50"),
    ("0.1e0", Kind.FLOAT, b"0.1"),
    ("CAST('2020-01-01' AS DATE)", Kind.DATE, b"2020-01-01"),
    ("CAST('2020-01-01 10:00:00.5' AS DATETIME(6))", Kind.TIMESTAMP, b"2020-01-01 10:00:00.500000"),
    ("CAST('-838:59:59' AS TIME)", Kind.TIME, b"-838:59:59"),
    ("x'00ff'", Kind.BINARY, b"\\x00ff"),
    ("_utf8mb4'a\\tb'", Kind.STRING, b"a\tb"),
    ("'a%s:b'", Kind.STRING, b"a%s:b"),
    ("1 = 1", Kind.INTEGER, b"1"),
]
MYSQL_COLUMNS = [
    ("INT(6) ZEROFILL", "42", Kind.INTEGER, b"42"),
    ("BIGINT UNSIGNED", "18446744073709551615", Kind.INTEGER, b"18446744073709551615"),
    ("TINYINT(1)", "1", Kind.INTEGER, b"1"),
    ("YEAR", "2024", Kind.INTEGER, b"2024"),
    ("YEAR", "0", Kind.INTEGER, b"0"),
    ("FLOAT", "0.1", Kind.FLOAT, b"0.10000000149011612"),
    ("FLOAT", "16777216", Kind.FLOAT, b"16777216"),
    ("DOUBLE", "-1e-320", Kind.FLOAT, b"-1e-320"),
    ("DECIMAL(30,10)", "12345678901234567890.1234567890", Kind.DECIMAL, b"12345678901234567890.1234567890"),
    ("DATETIME(6)", "'0000-00-00'", Kind.TIMESTAMP, b"0000-00-00 00:00:00.000000"),
    ("DATE", "'0000-00-00'", Kind.DATE, b"0000-00-00"),
    ("TIMESTAMP(3) NULL", "'2020-01-01 00:00:00.5'", Kind.TIMESTAMPTZ, b"2020-01-01 00:00:00.500+00"),
    ("TIME(3)", "'838:59:59'", Kind.TIME, b"838:59:59.000"),
    ("BIT(5)", "5", Kind.STRING, b"00101"),
    ("BIT(64)", "18446744073709551615", Kind.STRING, b"1" * 64),
    ("ENUM('a','b')", "'b'", Kind.STRING, b"b"),
    ("SET('x','y')", "'x,y'", Kind.STRING, b"x,y"),
    ("VARBINARY(4)", "x'00ff'", Kind.BINARY, b"\\x00ff"),
    ("BLOB", "x''", Kind.BINARY, b"\\x"),
    ("BINARY(3)", "x'01'", Kind.BINARY, b"\\x010000"),
    ("TEXT CHARACTER SET latin1", "'ä'", Kind.STRING, "ä".encode()),
    ("VARCHAR(9)", "'𝄞\\\\N'", Kind.STRING, "𝄞\\N".encode()),
]


SQLITE = [
    ("1", b"i1"),
    ("-9223372036854775808", b"i-9223372036854775808"),
    ("0.1", b"r0.1"),
    ("9e999", b"rInfinity"),
    ("-9e999", b"r-Infinity"),
    ("5e-324", b"r5e-324"),
    ("'12'", b"t12"),
    ("'a%s:b'", b"ta%s:b"),
    ("''", b"t"),
    ("x'00ff'", b"b\\x00ff"),
    ("x''", b"b\\x"),
    ("null", None),
]


@pytest.mark.parametrize(("expression", "kind", "wire"), POSTGRESQL)
def test_postgresql_gives_its_own_text(
    expression: str, kind: Kind, wire: bytes | None, postgresql_database: Database, connect: Connect
) -> None:
    session = connect(postgresql_database, Purpose.SOURCE)
    [column], [(cell,)] = read(session, f"SELECT {expression} AS v -- a comment at the end")
    assert (column.kind, cell) == (kind, wire)


def test_postgresql_columns_of_own_types_give_their_text(
    postgresql_database: Database, connect: Connect
) -> None:
    postgresql_database.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE DOMAIN price AS numeric(8,2) CHECK (VALUE > 0)",
        "CREATE TABLE own (m mood, p price, c money)",
        "INSERT INTO own VALUES ('ok', 1.5, 2)",
    )
    columns, [(mood, price, money)] = read(connect(postgresql_database, Purpose.SOURCE), "SELECT * FROM own")
    assert (mood, price) == (b"ok", b"1.50")
    assert money is not None
    assert b"2.00" in money
    assert [column.kind for column in columns] == [Kind.STRING, Kind.DECIMAL, Kind.STRING]
    assert (columns[1].precision, columns[1].scale) == (8, 2)


@pytest.mark.parametrize("expression", ["row(1, 2)", "(SELECT c FROM pg_class c LIMIT 1)"])
def test_postgresql_refuses_composites_by_name(
    expression: str, postgresql_database: Database, connect: Connect
) -> None:
    session = connect(postgresql_database, Purpose.SOURCE)
    with pytest.raises(InvalidQuery, match="'v'") as refused:
        session.dialect.describe(session, f"SELECT {expression} AS v")
    assert refused.value.code == "type_refused"


@pytest.mark.parametrize(("expression", "kind", "wire"), MYSQL)
def test_mysql_gives_its_own_text(
    expression: str, kind: Kind, wire: bytes, mysql_like: Database, connect: Connect
) -> None:
    session = connect(mysql_like, Purpose.SOURCE)
    [column], [(cell,)] = read(session, f"SELECT {expression} AS v -- a comment at the end")
    assert (column.kind, cell) == (kind, wire)


@pytest.mark.parametrize(("column_type", "literal", "kind", "wire"), MYSQL_COLUMNS)
def test_mysql_columns_lose_nothing(
    column_type: str, literal: str, kind: Kind, wire: bytes, mysql_like: Database, connect: Connect
) -> None:
    with mysql_like.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = ''")
        cursor.execute(f"CREATE TABLE t (v {column_type})")
        cursor.execute(f"INSERT INTO t VALUES ({literal})")
        cursor.execute("INSERT INTO t VALUES (NULL)" if "NULL" in column_type else "SELECT 1")
    [column], rows = read(connect(mysql_like, Purpose.SOURCE), "SELECT v FROM t")
    assert column.kind is kind
    assert rows[0] == (wire,)
    assert rows[1:] in ([], [(None,)])


def test_mysql_refuses_geometry_by_name(mysql_like: Database, connect: Connect) -> None:
    session = connect(mysql_like, Purpose.SOURCE)
    with pytest.raises(InvalidQuery, match="'g'") as refused:
        session.dialect.describe(session, "SELECT POINT(1, 2) AS g")
    assert refused.value.code == "type_refused"


@pytest.mark.parametrize(("expression", "wire"), SQLITE)
def test_sqlite_gives_storage_classes(
    expression: str, wire: bytes | None, sqlite_database: Database, connect: Connect
) -> None:
    sqlite_database.execute("CREATE TABLE t (a)")
    session = connect(sqlite_database, Purpose.SOURCE)
    [column], [(cell,)] = read(session, f"SELECT {expression} AS v -- a comment at the end")
    assert (column.kind, cell) == (Kind.DYNAMIC, wire)


@pytest.mark.parametrize(
    "query", ["SELECT 1 AS a, 2 AS a", "SELECT * FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y"]
)
def test_duplicate_output_names_are_refused(
    query: str, any_database: Database, open_session: OpenSession
) -> None:
    if any_database.path is not None:
        any_database.execute("CREATE TABLE t (a)")
    session = open_session(Purpose.SOURCE)
    with pytest.raises(InvalidQuery) as refused:
        session.dialect.describe(session, query)
    assert refused.value.code == "duplicate_column"
