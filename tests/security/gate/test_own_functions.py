"""Functions that the database's owner made: the gate does not know what they do, the walls behind it stop them."""

import pytest

from local_servers import Database
from shared.errors import EngineError
from shared.preview import preview_query
from tests.conftest import server
from tests.factories import connection_settings

POSTGRESQL = (
    "CREATE TABLE marks (n INT)",
    "CREATE FUNCTION mark(int) RETURNS int LANGUAGE sql AS 'INSERT INTO marks VALUES ($1) RETURNING n'",
    "CREATE FUNCTION mark_as_owner(int) RETURNS int LANGUAGE sql SECURITY DEFINER"
    " AS 'INSERT INTO marks VALUES ($1) RETURNING n'",
    "CREATE FUNCTION mark_two(int, int) RETURNS int LANGUAGE sql AS 'INSERT INTO marks VALUES ($1 + $2) RETURNING n'",
    "CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = mark_two)",
    "CREATE TYPE marker AS (n int)",
    "CREATE FUNCTION to_marker(int) RETURNS marker LANGUAGE sql"
    " AS 'INSERT INTO marks VALUES ($1) RETURNING ROW(n)::marker'",
    "CREATE CAST (int AS marker) WITH FUNCTION to_marker(int)",
    "CREATE VIEW marking AS SELECT mark_as_owner(5) AS n",
    "CREATE FUNCTION settle() RETURNS text LANGUAGE plpgsql AS"
    " $$ BEGIN SET TRANSACTION READ WRITE; INSERT INTO marks VALUES (1); RETURN ''; END $$",
    "CREATE AGGREGATE mark_all(int) (SFUNC = mark_two, STYPE = int, INITCOND = '0')",
)
MYSQL = (
    "CREATE TABLE marks (n INT)",
    "CREATE FUNCTION mark(x INT) RETURNS INT DETERMINISTIC MODIFIES SQL DATA"
    " BEGIN INSERT INTO marks VALUES (x); RETURN x; END",
    "CREATE FUNCTION tidy() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN DELETE FROM marks; RETURN 1; END",
    "CREATE VIEW marking AS SELECT mark(5) AS n",
)
QUERIES = {
    "postgresql": (
        "SELECT mark(1) AS n",
        "SELECT mark_as_owner(1) AS n",
        "SELECT 1 ### 2 AS n",
        "SELECT CAST(1 AS marker) AS n",
        "SELECT (1::marker).n AS n",
        "SELECT * FROM marking",
        "SELECT settle() AS n",
        "SELECT mark_all(g) AS n FROM generate_series(1, 3) AS g",
    ),
    "mysql": (
        "SELECT mark(1) AS n",
        "SELECT a FROM t WHERE mark(a) > 0",
        "SELECT * FROM marking",
        "SELECT tidy() AS n",
    ),
}


@pytest.fixture(params=["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def any_database(request: pytest.FixtureRequest, create_database: object) -> Database:
    made: Database = create_database(request.param)  # type: ignore[operator]
    return made


def test_the_session_stops_what_the_gate_cannot_know(reader: Database) -> None:
    administrator = server(reader.flavour).admin(reader.database)
    administrator.execute(*(POSTGRESQL if reader.flavour == "postgresql" else MYSQL))
    administrator.execute("INSERT INTO marks VALUES (7)")
    for query in QUERIES[reader.db_type]:
        with pytest.raises(EngineError):
            preview_query(connection_settings(administrator), query, 10)
        assert administrator.rows("SELECT n FROM marks") == [(7,)], query


def test_without_the_session_the_owners_functions_write(reader: Database) -> None:
    administrator = server(reader.flavour).admin(reader.database)
    administrator.execute(*(POSTGRESQL if reader.flavour == "postgresql" else MYSQL))
    for query in QUERIES[reader.db_type]:
        if "settle" not in query and "tidy" not in query:
            administrator.execute("DELETE FROM marks")
            administrator.rows(query)
            assert administrator.rows("SELECT n FROM marks"), query
