"""Tables that a source reads outside of its snapshot: a run over them may mix two instants, which it warns of.

MySQL and MariaDB have storage engines without transactions (MyISAM, Aria, MEMORY, CSV); which table of a query, or of a
view in it, has one is looked up. A foreign table of PostgreSQL is read in another server's snapshot.
"""

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from shared.dialects.base import PARAM, Session

NOT_SNAPSHOTTED = "source_not_snapshotted"
MAX_TABLES = 200  # looked at for one query, views and what is below them included

_MYSQL_FAMILY = frozenset(("mysql", "mariadb"))
_TABLE = (
    "SELECT t.TABLE_TYPE, t.ENGINE, e.TRANSACTIONS, v.VIEW_DEFINITION FROM information_schema.TABLES AS t"
    " LEFT JOIN information_schema.ENGINES AS e ON e.ENGINE = t.ENGINE"
    " LEFT JOIN information_schema.VIEWS AS v ON v.TABLE_SCHEMA = t.TABLE_SCHEMA AND v.TABLE_NAME = t.TABLE_NAME"
    f" WHERE t.TABLE_SCHEMA = {PARAM} AND t.TABLE_NAME = {PARAM}"
)
_HAS_FOREIGN_TABLES = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_foreign_table)"


def warn_of_tables_without_snapshot(session: Session, query: str) -> str | None:
    """Return what to warn of, None where the whole query is read at one instant. `query` has no markers."""
    tables = tables_without_snapshot(session, query)
    if not tables:
        return None
    return (
        f"not all of the query is read at one instant: {', '.join(tables)};"
        " rows that are written during the run may be seen in part"
    )


def tables_without_snapshot(session: Session, query: str) -> list[str]:
    """Return the tables of a query that are read outside of the snapshot, with the reason, by name."""
    if session.dialect.name in _MYSQL_FAMILY:
        return _without_transactions(session, query)
    if session.dialect.name == "postgresql" and session.fetch(_HAS_FOREIGN_TABLES)[0][0] in (True, "t", b"t"):
        return _foreign(session, query)
    return []


def _without_transactions(session: Session, query: str) -> list[str]:
    here = _text(session.fetch("SELECT DATABASE()")[0][0]) or ""
    waiting, seen, found = _names(query, here), set[tuple[str, str]](), []
    while waiting and len(seen) < MAX_TABLES:
        schema, name = table = waiting.pop()
        if table in seen:
            continue
        seen.add(table)
        for kind, engine, transactions, definition in session.fetch(_TABLE, table):
            if _text(kind) == "BASE TABLE" and _text(transactions) != "YES":
                found.append(f"{schema}.{name} ({_text(engine)})")
            waiting += _names(_text(definition) or "", schema)
    return sorted(found)


def _names(query: str, schema: str) -> list[tuple[str, str]]:
    """Return the tables that a query names. The name of a CTE counts too: a table may hide behind it."""
    try:
        statements = sqlglot.parse(query, read="mysql")
    except (SqlglotError, RecursionError):
        return []  # a view that the parser cannot read: the query itself has passed the gate
    tables = [table for statement in statements if statement for table in statement.find_all(exp.Table)]
    return [(table.db or schema, table.name) for table in tables if table.name]


def _foreign(session: Session, query: str) -> list[str]:
    """A part of the query that is done by the other server as a whole has no name of a table."""
    lines = [_text(row[0]) or "" for row in session.fetch(f"EXPLAIN (COSTS OFF) {query}")]
    scans = [line.partition("Foreign Scan")[2] for line in lines if "Foreign Scan" in line]
    names = {scan.removeprefix(" on ").partition(" ")[0] for scan in scans}
    return [f"{name} (foreign table)" if name else "foreign tables" for name in sorted(names)]


def _text(value: object) -> str | None:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return None if value is None else str(value)
