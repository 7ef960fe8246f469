"""The registry of databases."""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType

from shared.dialects.base import Dialect
from shared.errors import UnsupportedCapability

# Each with its driver is imported when it is first asked for: most workers see one kind of database or two.


def _mysql() -> Dialect:
    """What a connection says for both: the session that it opens has the dialect of its server."""
    from shared.dialects.mariadb import MariadbDialect
    from shared.dialects.mysql import MysqlDialect

    return MysqlDialect(MariadbDialect())


def _postgresql() -> Dialect:
    from shared.dialects.postgresql import PostgresqlDialect

    return PostgresqlDialect()


def _sqlite() -> Dialect:
    from shared.dialects.sqlite import SqliteDialect

    return SqliteDialect()


DIALECTS: Mapping[str, Callable[[], Dialect]] = MappingProxyType(
    {"mysql": _mysql, "postgresql": _postgresql, "sqlite": _sqlite}
)


@functools.cache
def dialect_for(db_type: str) -> Dialect:
    """Return the dialect of a connection's type. Raises UnsupportedCapability, naming the legal ones."""
    try:
        make = DIALECTS[db_type]
    except KeyError:
        legal = ", ".join(sorted(DIALECTS))
        raise UnsupportedCapability(f"no such database type: {db_type!r}; legal: {legal}") from None
    return make()
