"""A small shop to try things on: a SQLite file with a name to join, a place to split and an amount that is none."""

import sqlite3
from contextlib import closing
from pathlib import Path

from shared.errors import Conflict

SAMPLE_NAME = "Sample shop"
SAMPLE_FILE = "sample-shop.sqlite"
_BUSY_SECONDS = 5.0

_ORDERS = (
    (1, "Ada", "Lovelace", "London, GB", "19.90", "2026-03-02"),
    (2, "Grace", "Hopper", "New York, US", "120.00", "2026-03-02"),
    (3, "Katherine", "Johnson", "Hampton, US", "7.25", "2026-03-03"),
    (4, "Alan", "Turing", "Manchester, GB", "64.00", "2026-03-03"),
    (5, "Sofia", "Kovalevskaya", "Stockholm, SE", "33.10", "2026-03-04"),
    (6, "Emmy", "Noether", "Erlangen, DE", "12.50", "2026-03-05"),
    # Not an amount: a mapping with a decimal field rejects this row and says why.
    (7, "Edsger", "Dijkstra", "Rotterdam, NL", "n/a", "2026-03-05"),
    # A name of one word, and a buyer whose place nobody wrote down.
    (8, "Aryabhata", None, "Patna, IN", "48.75", "2026-03-06"),
    (9, "Hedy", "Lamarr", None, "5.00", "2026-03-07"),
    (10, "Barbara", "Liskov", "Boston, US", "210.40", "2026-03-08"),
    (11, "Tu", "Youyou", "Beijing, CN", "88.00", "2026-03-08"),
    # The empty text, which is something else than none.
    (12, "Radia", "Perlman", "", "15.60", "2026-03-09"),
)
_PRODUCTS = (
    ("T-01", "Teapot, blue", "19.90", 14),
    ("T-02", "Teapot, red", "19.90", 0),
    ("C-10", "Cup", "6.50", 120),
    ("S-07", "Saucer", "4.25", 118),
)
_TABLES = {
    "orders": (
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT, place TEXT, "
        "amount TEXT, ordered_on TEXT NOT NULL)",
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)",
        _ORDERS,
    ),
    "products": (
        "CREATE TABLE products (code TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, price TEXT NOT NULL, "
        "stock INTEGER NOT NULL)",
        "INSERT INTO products VALUES (?, ?, ?, ?)",
        _PRODUCTS,
    ),
}


def write_sample(path: Path) -> None:
    """Write the sample's tables where they are missing; one that is there is left as it is.

    Atomic: whoever comes at the same time waits and finds all of it. Raises Conflict `sample_file_unusable`.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
            _fill(database)
    except sqlite3.DatabaseError as error:
        message = f"The file {path.name} is there, but nothing can be written to it as a SQLite database"
        raise Conflict(message, code="sample_file_unusable") from error


def _fill(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    present = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    for table, (create, insert, rows) in _TABLES.items():
        if table not in present:
            database.execute(create)
            database.executemany(insert, rows)
    database.execute("COMMIT")
