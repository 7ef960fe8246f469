"""MySQL; MariaDB is told apart at connect and differs by what mariadb.py says."""

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

from shared.dialects import mysql_errors, mysql_loader, mysql_session, mysql_tables, mysql_types
from shared.dialects.base import (
    PARAM,
    Capabilities,
    ConnectionSettings,
    LoadResult,
    MergeCounts,
    Purpose,
    Session,
    SessionLimits,
    TableListing,
    TableName,
    TargetColumn,
    TargetTable,
)
from shared.dialects.copy_text import block_writer
from shared.dialects.driver_session import EnoughRows, RowBasket, require_unique_names
from shared.dialects.mysql_csv import CsvStream, csv_lines
from shared.dialects.mysql_reader import Row, lines_of, open_rows
from shared.dialects.mysql_session import MysqlSession
from shared.errors import EngineError, LockTimeout, UnsupportedCapability
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits

_TEXT_TYPES = frozenset((DataType.STRING, DataType.JSON, DataType.UUID))


class MysqlDialect:
    """Values travel as the server's own text; `char(n)` has lost its padding already when the server reads it."""

    name = "mysql"
    exact_collation = "utf8mb4_0900_bin"
    capabilities = Capabilities(
        transactional_ddl=False,
        shared_snapshots=False,
        identifier_bytes=mysql_tables.IDENTIFIER_CHARACTERS,
        limits=TypeLimits(
            float_specials=False,
            json_numbers_are_doubles=True,
            refuses_misfits=True,
            longest_refusing_text=mysql_types.LONGEST_VARCHAR,
            nul_in_text=True,
            max_text_bytes=2**32 - 1,
            max_binary_bytes=2**32 - 1,
            string_key_length=mysql_types.KEY_LENGTH,
            max_decimal_precision=65,
            max_decimal_scale=30,
        ),
        default_namespace=None,
        column_names_ignore_case=True,
        writes_csv=True,
        loads_csv=True,
        loose_kinds=frozenset((Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TIME)),
    )

    def __init__(self, mariadb: "MysqlDialect | None" = None) -> None:
        self._mariadb = mariadb

    # -- connections -------------------------------------------------------------------------

    def connect(self, settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits) -> MysqlSession:
        session = mysql_session.connect(self, settings, purpose, limits)
        if session.is_mariadb and self._mariadb is not None:
            session.dialect = self._mariadb
        return session

    def end_session(self, settings: ConnectionSettings, session_id: str) -> None:
        mysql_session.kill(self, settings, session_id, "CONNECTION")

    def classify(self, error: BaseException, purpose: Purpose) -> EngineError:
        return mysql_errors.classify(error, purpose)

    # -- source ------------------------------------------------------------------------------

    def describe(self, session: Session, query: str) -> tuple[SourceColumn, ...]:
        driver = _driver(session)
        with driver.translated(), contextlib.closing(driver.connection.cursor()) as cursor:
            cursor.execute(f"SELECT * FROM (\n{query}\n) AS q LIMIT 0")
            fields = driver.connection._result.fields
        require_unique_names([field.name for field in fields])
        return tuple(mysql_types.source_column(field) for field in fields)

    def seen_types(
        self, session: Session, query: str, columns: Sequence[SourceColumn]
    ) -> Mapping[str, DataType]:
        beyond = [
            f"MAX({mysql_types.beyond_type(column, f'q.{self.quote(column.name)}')})" for column in columns
        ]
        [row] = session.fetch(f"SELECT {', '.join(beyond)} FROM (\n{query}\n) AS q")
        return {column.name: DataType.STRING for column, found in zip(columns, row, strict=True) if found}

    def wire_select(
        self,
        query: str,
        columns: Sequence[SourceColumn],
        where: str | None = None,
        cursor_order: str | None = None,
    ) -> str:
        expressions = [
            mysql_types.wire_expression(column, f"q.{self.quote(column.name)}") for column in columns
        ]
        sql = f"SELECT {', '.join(expressions)} FROM (\n{query}\n) AS q"
        if where:
            sql += f" WHERE {where}"
        return f"{sql} ORDER BY {cursor_order}" if cursor_order else sql

    def cursor_literal(self, kind: Kind, text: str) -> str:
        return mysql_types.cursor_literal(kind, text)

    def read_blocks(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        with block_writer(write) as blocks:
            return _read_rows(session, sql, lambda rows: blocks.write(lines_of(rows)))

    def read_csv(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        return _read_rows(session, sql, lambda rows: write(csv_lines(rows)))

    def fetch_rows(
        self, session: Session, sql: str, limit: int, max_bytes: int | None = None
    ) -> list[tuple[bytes | None, ...]]:
        driver = _driver(session)
        basket = RowBasket(max_bytes)
        with (
            contextlib.suppress(EnoughRows),
            driver.translated(),
            open_rows(driver.connection, f"{sql}\nLIMIT {int(limit)}") as reader,
        ):
            for rows in reader.batches():
                for row in rows:
                    if not basket.add(row):
                        raise EnoughRows
        return basket.rows

    def list_tables(self, session: Session) -> list[TableListing]:
        return mysql_tables.list_tables(session)

    # -- target ------------------------------------------------------------------------------

    def quote(self, name: str) -> str:
        return mysql_tables.quote(name)

    def qualified(self, table: TableName) -> str:
        return mysql_tables.qualified(table)

    def column_type(self, field: TargetField, in_key: bool) -> str:  # noqa: FBT001 - a property of the column
        return mysql_types.column_type(field, self.exact_collation, in_key=in_key)

    def column_holds(self, column: TargetColumn, field: TargetField, *, in_key: bool) -> bool:
        return mysql_types.column_holds(column, field, in_key=in_key)

    def key_collation_is_exact(self, column: TargetColumn) -> bool:
        # The other _bin collations take trailing spaces for nothing.
        return column.collation is None or column.collation.endswith(("_0900_bin", "_nopad_bin"))

    def find_table(self, session: Session, table: TableName) -> TargetTable | None:
        return mysql_tables.find_table(session, table)

    def create_table_sql(
        self, table: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        lines = [self._column_sql(field, in_key=field.name in keys) for field in fields]
        if keys:
            lines.append(f"PRIMARY KEY ({', '.join(self.quote(key) for key in keys)})")
        return [self._create(table, lines)]

    def _create(self, table: TableName, lines: Sequence[str]) -> str:
        options = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"
        return f"CREATE TABLE {self.qualified(table)} ({', '.join(lines)}) {options}"

    def _column_sql(self, field: TargetField, *, in_key: bool) -> str:
        null = " NOT NULL" if in_key or not field.nullable else " NULL"
        return f"{self.quote(field.name)} {self.column_type(field, in_key)}{null}"

    def create_like_sql(self, staging: TableName, table: TableName) -> list[str]:
        return [f"CREATE TABLE {self.qualified(staging)} LIKE {self.qualified(table)}"]

    def stage_like_sql(
        self, session: Session, staging: TableName, table: TableName
    ) -> tuple[list[str], list[str]]:
        return self.create_like_sql(staging, table), []

    def create_staging_sql(
        self, staging: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        lines = [self._column_sql(field, in_key=field.name in keys) for field in fields]
        return [self._create(staging, lines)]

    def add_column_sql(self, table: TableName, field: TargetField) -> str:
        column = self._column_sql(field.model_copy(update={"nullable": True}), in_key=False)
        return f"ALTER TABLE {self.qualified(table)} ADD COLUMN {column}"

    def drop_table_sql(self, table: TableName) -> str:
        return f"DROP TABLE IF EXISTS {self.qualified(table)}"

    def swap_sql(self, session: Session, table: TableName, staging: TableName, old: TableName) -> list[str]:
        raise UnsupportedCapability("MySQL swaps tables by RENAME TABLE, outside a transaction")

    def rename_tables_sql(self, pairs: Sequence[tuple[TableName, TableName]]) -> str:
        renames = ", ".join(f"{self.qualified(old)} TO {self.qualified(new)}" for old, new in pairs)
        return f"RENAME TABLE {renames}"

    def load_blocks(
        self, session: Session, table: TableName, fields: Sequence[TargetField], source: BinaryIO
    ) -> LoadResult:
        driver = _driver(session)
        names = [self.quote(field.name) for field in fields]
        with driver.translated():
            return mysql_loader.load(driver, self.qualified(table), names, fields, source)

    def encode_stream(self, source: BinaryIO, fields: Sequence[TargetField]) -> BinaryIO:
        return cast(BinaryIO, CsvStream(source))

    def set_lock_timeout(self, session: Session, seconds: float) -> None:
        whole = max(1, math.ceil(seconds))
        session.execute(f"SET SESSION lock_wait_timeout = {whole}, innodb_lock_wait_timeout = {whole}")

    def merge(
        self,
        session: Session,
        table: TableName,
        staging: TableName,
        fields: Sequence[TargetField],
        keys: Sequence[str],
        update: bool,  # noqa: FBT001 - named by the two write modes that call it
    ) -> MergeCounts:
        target, staged = self.qualified(table), self.qualified(staging)
        total = int(session.fetch(f"SELECT COUNT(*) FROM {staged}")[0][0])
        same_key = " AND ".join(f"t.{self.quote(key)} = s.{self.quote(key)}" for key in keys)
        values = [field for field in fields if field.name not in keys]
        updated = self._update(session, target, staged, same_key, values) if update and values else 0
        names = ", ".join(self.quote(field.name) for field in fields)
        inserted = session.execute(
            f"INSERT INTO {target} ({names}) SELECT {names} FROM {staged} AS s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {same_key})"
        )
        return MergeCounts(inserted, updated, total - inserted - updated)

    def _update(
        self, session: Session, target: str, staged: str, same_key: str, values: Sequence[TargetField]
    ) -> int:
        """Return how many staged rows changed anything: a key that stands twice in the table counts once."""
        differs = " OR ".join(
            f"NOT ({self._exact('t', field)} <=> {self._exact('s', field)})" for field in values
        )
        changed = session.fetch(
            f"SELECT COUNT(*) FROM {staged} AS s"
            f" WHERE EXISTS (SELECT 1 FROM {target} AS t WHERE {same_key} AND ({differs}))"
        )
        count = int(changed[0][0])
        if count:
            sets = ", ".join(f"t.{self.quote(field.name)} = s.{self.quote(field.name)}" for field in values)
            session.execute(
                f"UPDATE {target} AS t JOIN {staged} AS s ON {same_key} SET {sets} WHERE {differs}"
            )
        return count

    def _exact(self, table: str, field: TargetField) -> str:
        """Compare what is stored, whatever the column's collation; 0.0 and -0.0 differ in their text."""
        name = f"{table}.{self.quote(field.name)}"
        if field.data_type in _TEXT_TYPES:
            return f"CONVERT({name} USING utf8mb4) COLLATE {self.exact_collation}"
        return f"CAST({name} AS CHAR)" if field.data_type is DataType.FLOAT else name

    def lock_publication(self, session: Session, table: TableName, wait_seconds: float) -> None:
        """A named lock of the session, by a hash of database and table; the server drops it with the session."""
        text = f"{_driver(session).settings.database}.{self.qualified(table)}"
        lock = f"etl_{hashlib.sha256(text.encode()).hexdigest()[:56]}"
        [(got,)] = session.fetch(
            f"SELECT GET_LOCK({PARAM}, {PARAM})", (lock, max(1, math.ceil(wait_seconds)))
        )
        if got != 1:
            raise LockTimeout(f"another run is publishing table {table.name!r}")

    def analyze(self, session: Session, table: TableName) -> None:
        session.fetch(f"ANALYZE TABLE {self.qualified(table)}")

    def table_names_like(
        self,
        session: Session,
        namespace: str | None,
        prefix: str,
    ) -> Iterator[str]:
        return mysql_tables.table_names_like(session, prefix)


def _read_rows(session: Session, sql: str, take: Callable[[Sequence[Row]], Any]) -> int:
    """Give all rows of a SELECT to `take`, as many at a time as a buffer holds; return their number."""
    driver = _driver(session)
    count = 0
    with driver.translated(), open_rows(driver.connection, sql) as reader:
        for rows in reader.batches():
            count += len(rows)
            take(rows)
    return count


def _driver(session: Session) -> MysqlSession:
    if not isinstance(session, MysqlSession):
        raise TypeError("not a session on MySQL")
    return session
