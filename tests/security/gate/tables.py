"""The tables that the gate's queries read, made with a database's own driver."""

from local_servers import Database
from local_servers.access import Flavour

_COMMON = (
    "INSERT INTO t VALUES (1, 10, 'ten', 100, '2024-01-01 12:30:00', '{\"a\": {\"b\": 1}}')",
    "INSERT INTO t VALUES (2, 20, NULL, 200, '2024-02-29 00:00:00', NULL)",
    "CREATE TABLE u (id INT, a INT, b VARCHAR(20))",
    "INSERT INTO u VALUES (1, 10, 'one')",
    "CREATE TABLE v (id INT, b VARCHAR(20))",
    "INSERT INTO v VALUES (1, 'v')",
    "CREATE TABLE w (x INT)",
    "INSERT INTO w VALUES (7)",
    "CREATE TABLE insert_log (update_time VARCHAR(20))",
    "INSERT INTO insert_log VALUES ('12:30')",
)
_OWN: dict[Flavour, tuple[str, ...]] = {
    "postgresql": (
        "CREATE TABLE t (id INT, a INT, b VARCHAR(20), c INT, ts TIMESTAMP, j JSONB)",
        'CREATE TABLE "table" ("select" INT, "from" INT, "a ""quoted"" name" INT)',
    ),
    "mariadb": (
        "CREATE TABLE t (id INT, a INT, b VARCHAR(20), c INT, ts DATETIME, j JSON, KEY by_a (a))",
        "CREATE TABLE `quoted names` (`select` INT, `it``s` INT)",
    ),
    "sqlite": (
        "CREATE TABLE t (id INT, a INT, b VARCHAR(20), c INT, ts TEXT, j TEXT)",
        'CREATE TABLE [quoted names] ([a b] INT, "c d" INT, e INT)',
    ),
}
_OWN["mysql"] = _OWN["mariadb"]


def fill(database: Database) -> None:
    database.execute(*_OWN[database.flavour], *_COMMON)
