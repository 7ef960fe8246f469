"""What PostgreSQL's planner remembers of a column's values."""

import contextlib
from typing import Any

from shared.dialects.base import PARAM, Session

_BOUNDS = (
    "SELECT bound::text FROM (SELECT DISTINCT unnest(s.histogram_bounds::text::{type}[]) AS bound"
    " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname"
    f" WHERE a.attrelid = {PARAM} AND a.attnum = {PARAM} AND s.inherited = (c.relkind = 'p')) AS bounds"
    f" WHERE bound > {PARAM}::{{type}} AND bound <= {PARAM}::{{type}} ORDER BY bounds.bound"
)


def known_spread(session: Session, query: str, column: str, type_name: str, low: str, high: str) -> list[str]:
    """Return values of a query's column above `low` and up to `high`, ascending, with equally many rows between them.

    They are those of the last ANALYZE of its table; none where it is no column of a table, or nothing is remembered.
    """
    driver: Any = session
    with driver.translated(), contextlib.closing(driver.connection.cursor()) as cursor:
        cursor.execute(f"SELECT q.{session.dialect.quote(column)} FROM (\n{query}\n) AS q LIMIT 0")
        [origin] = cursor.description
    if not origin.table_oid:
        return []
    place = (origin.table_oid, origin.table_column, low, high)
    return [str(bound) for (bound,) in session.fetch(_BOUNDS.format(type=type_name), place)]
