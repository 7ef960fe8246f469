"""The demo's comparison: one text for one row, whichever database makes it, and another for every change."""

import pytest

from demo import source
from demo.dataset import KEYS, Column, Table
from demo.mapping import SCHEMA_COLUMNS, TARGET_TABLE
from demo.row_text import CELL_END, NULL
from demo.verification import expected, fingerprint, found
from local_servers import Database
from local_servers.access import Flavour

FLIGHTS = Table(
    "flights",
    (
        *(Column(name, "text") for name in ("time_hour", "carrier", "tailnum", "origin", "dest", "distance")),
        *(Column(name, "integer") for name in ("flight", "dep_delay", "arr_delay")),
    ),
    KEYS["flights"],
    "time_hour,carrier,tailnum,origin,dest,distance,flight,dep_delay,arr_delay\n"
    "2013-01-01T10:00:00Z,UA,N14228,EWR,IAH,1400,1545,2,-11\n"
    "2013-01-01T11:00:00Z,UA,NA,JFK,XXX,17,1,NA,0\n",
)
AIRLINES = Table(
    "airlines", (Column("carrier", "text"), Column("name", "text")), ("carrier",), "carrier,name\nUA,United\n"
)
AIRPORTS = Table(
    "airports",
    tuple(Column(name, "text") for name in ("faa", "name", "tzone")),
    ("faa",),
    "faa,name,tzone\nIAH,Houston,America/Chicago\n",
)
FIRST = ("2013-01-01T10:00:00.000000Z", "UA", "1545", "United", "N14228", "EWR > IAH", "Houston")
ROWS = [
    CELL_END.join((*FIRST, "America", "Chicago", "2.0", "-11.0", "1400")),
    CELL_END.join(
        ("2013-01-01T11:00:00.000000Z", "UA", "1", "United", NULL, "JFK > XXX", *[NULL] * 4, "0.0", "17")
    ),
]
INSTANTS: dict[Flavour, tuple[str, str]] = {  # how each stores one, and how it is written there
    "sqlite": ("TEXT", "2013-01-01T1{}:00:00Z"),
    "postgresql": ("timestamptz", "2013-01-01 1{}:00:00+00"),
    "mariadb": ("DATETIME(6)", "2013-01-01 1{}:00:00"),
    "mysql": ("DATETIME(6)", "2013-01-01 1{}:00:00"),
}
DECIMALS: dict[Flavour, str] = {"sqlite": "TEXT"}


def fill_target(database: Database, *, delay: str = "2.0") -> None:
    instant, written = INSTANTS[database.flavour]
    decimal = DECIMALS.get(database.flavour, "DECIMAL(6,1)")
    types = {"timestamptz": instant, "decimal": decimal, "integer": "BIGINT", "string": "VARCHAR(99)"}
    columns = ", ".join(f"{column['name']} {types[column['data_type']]}" for column in SCHEMA_COLUMNS)
    database.execute(
        f"CREATE TABLE {TARGET_TABLE} ({columns})",
        f"INSERT INTO {TARGET_TABLE} VALUES ('{written.format(1)}', 'UA', 1, 'United', NULL, 'JFK > XXX',"
        " NULL, NULL, NULL, NULL, '0.0', 17)",
        f"INSERT INTO {TARGET_TABLE} VALUES ('{written.format(0)}', 'UA', 1545, 'United', 'N14228',"
        f" 'EWR > IAH', 'Houston', 'America', 'Chicago', '{delay}', '-11.0', 1400)",
    )


def test_every_database_says_the_same_of_the_source(any_database: Database) -> None:
    source.load(any_database, {table.name: table for table in (FLIGHTS, AIRLINES, AIRPORTS)})
    assert expected(any_database) == fingerprint(ROWS)


def test_every_database_says_the_same_of_the_target(any_database: Database) -> None:
    fill_target(any_database)
    assert found(any_database) == fingerprint(ROWS)


@pytest.mark.parametrize("delay", ["2.1", "3.0", "-2.0"])
def test_a_changed_digit_is_seen(any_database: Database, delay: str) -> None:
    fill_target(any_database, delay=delay)
    assert found(any_database) != fingerprint(ROWS)
