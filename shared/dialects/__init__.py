"""The registry of databases."""

from shared.dialects.base import Dialect
from shared.dialects.mariadb import MariadbDialect
from shared.dialects.mysql import MysqlDialect
from shared.dialects.postgresql import PostgresqlDialect
from shared.dialects.sqlite import SqliteDialect
from shared.errors import UnsupportedCapability

# "mysql" is what a connection says for both: the session that it opens has the dialect of its server.
DIALECTS: dict[str, Dialect] = {
    "mysql": MysqlDialect(MariadbDialect()),
    "postgresql": PostgresqlDialect(),
    "sqlite": SqliteDialect(),
}


def dialect_for(db_type: str) -> Dialect:
    """Return the dialect of a connection's type. Raises UnsupportedCapability, naming the legal ones."""
    try:
        return DIALECTS[db_type]
    except KeyError:
        legal = ", ".join(sorted(DIALECTS))
        raise UnsupportedCapability(f"no such database type: {db_type!r}; legal: {legal}") from None
