"""What the sessions of all drivers share: our SQL to the driver's cursor, its errors to ours."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy.pool import NullPool, PoolProxiedConnection

from shared.dialects.base import PARAM, Dialect, Purpose
from shared.errors import ConfigError, InvalidQuery


def open_managed(create: Callable[[], Any]) -> PoolProxiedConnection:
    """Open a driver connection that SQLAlchemy manages until it is closed. Raises what `create` raises.

    The pool resets nothing: our sessions know best what is open. There is no engine, for it would ask the
    server questions of its own at each first connection.
    """
    return NullPool(create, reset_on_return=None).connect()


class DriverSession:
    """A managed DB-API connection as a `Session`; subclasses add transactions and cancel."""

    placeholder = "%s"
    percent = "%%"
    driver_error: type[BaseException] = Exception

    def __init__(
        self,
        dialect: Dialect,
        managed: PoolProxiedConnection,
        purpose: Purpose,
        session_id: str,
        server_version: str,
    ) -> None:
        self.dialect = dialect
        self.connection: Any = managed.driver_connection
        self._managed = managed
        self.purpose = purpose
        self.session_id = session_id
        self.server_version = server_version

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what the driver raises inside into EngineError classes."""
        try:
            yield
        except self.driver_error as error:
            raise self.dialect.classify(error, self.purpose) from error

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        with self.translated(), contextlib.closing(self.connection.cursor()) as cursor:
            self.run(cursor, sql, params)
            return int(cursor.rowcount)

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.translated(), contextlib.closing(self.connection.cursor()) as cursor:
            self.run(cursor, sql, params)
            return list(cursor.fetchall())

    def run(self, cursor: Any, sql: str, params: Sequence[Any]) -> None:
        """Execute with the driver's placeholders; without parameters a percent sign is just a character."""
        if params:
            sql = sql.replace("%", self.percent).replace(PARAM, self.placeholder)
            cursor.execute(sql, tuple(params))
        else:
            cursor.execute(sql)

    def hang_up(self) -> None:
        return

    def close(self) -> None:
        # Closing ends the transaction by itself; a session that is already gone has nothing left to end.
        with contextlib.suppress(self.driver_error):
            self._managed.close()


class RowBasket:
    """The rows of `fetch_rows`, until they hold `max_bytes`; after one row more it is full."""

    def __init__(self, max_bytes: int | None) -> None:
        self.rows: list[tuple[bytes | None, ...]] = []
        self._left = max_bytes

    def add(self, row: tuple[bytes | None, ...]) -> bool:
        """Take a row; False when it was the last one to take."""
        full = self._left is not None and self._left < 0
        self.rows.append(row)
        if self._left is not None:
            self._left -= sum([len(cell) for cell in row if cell is not None])
        return not full


class EnoughRows(Exception):
    """Ends a reading in its middle."""


def quote_identifier(name: str, mark: str, max_length: int, length: int) -> str:
    """Quote a name with `mark`, doubled inside. Raises ConfigError for one the database cannot have."""
    if not name or "\0" in name:
        raise ConfigError("a name is empty or holds the NUL character")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in name):
        raise ConfigError("a name holds half of a surrogate pair, which is no character")
    if length > max_length:
        raise ConfigError(f"the name {name!r} is too long: {length} of at most {max_length}")
    return mark + name.replace(mark, mark * 2) + mark


def require_unique_names(names: Sequence[str]) -> None:
    """Raise InvalidQuery when a query's output names are not unique or not usable."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InvalidQuery(
                f"the output name {name!r} stands twice; give each output column a name of its own",
                code="duplicate_column",
                column=name,
            )
    if not names:
        raise InvalidQuery("the query has no output columns", code="no_columns")
