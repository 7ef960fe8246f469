"""SQLite: one file, dynamic types, one writer at a time."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

from shared.dialects import sqlite_session, sqlite_tables
from shared.dialects.base import (
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
from shared.dialects.copy_text import block_writer, whole_lines
from shared.dialects.driver_session import RowBasket, require_unique_names
from shared.dialects.sqlite_session import SqliteSession
from shared.dialects.sqlite_values import cell_of, lines_of_values, stored_columns, type_of_classes
from shared.errors import EngineError, InvalidQuery, UnsupportedCapability
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits

FEWEST_ROWS, MOST_ROWS = 16, 512
FETCHED_BYTES = 256 * 1024
_DESCRIBED = "etl_engine_described"


class SqliteDialect:
    """Sources give dynamic cells; a target's types are those of DESIGN.md §9.

    A table is replaced by DELETE and INSERT in the run's transaction, which readers of a WAL database do
    not see before its commit: so every existing table names a reason against a swap.
    """

    name = "sqlite"
    capabilities = Capabilities(
        transactional_ddl=True,
        shared_snapshots=False,
        identifier_bytes=sqlite_tables.IDENTIFIER_CHARACTERS,
        # SQLite stores a NaN as NULL, so neither it nor the infinities are taken; and -0.0 in a REAL column as 0.
        limits=TypeLimits(
            float_specials=False,
            negative_zero=False,
            keeps_text=True,
            nul_in_text=True,
            max_text_bytes=999_999_999,
            max_binary_bytes=999_999_999,
        ),
        default_namespace=None,
        column_names_ignore_case=True,
        loose_kinds=frozenset((Kind.DYNAMIC,)),
    )

    # -- connections -------------------------------------------------------------------------

    def connect(self, settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits) -> SqliteSession:
        return sqlite_session.connect(self, settings, purpose, limits)

    def end_session(self, settings: ConnectionSettings, session_id: str) -> None:
        """A session is a process's file locks: they go with the process, and nobody else can take them."""

    def classify(self, error: BaseException, purpose: Purpose) -> EngineError:
        return sqlite_session.classify(error, purpose)

    # -- source ------------------------------------------------------------------------------

    def describe(self, session: Session, query: str) -> tuple[SourceColumn, ...]:
        driver = _driver(session)
        self._require_plan(driver, query)
        # A view of the query has its columns' declared types; it is made in the session's own temporary space.
        with _unwatched(driver):
            driver.execute("PRAGMA query_only = OFF")
            driver.execute(f"CREATE TEMP VIEW {_DESCRIBED} AS\n{query}")
            rows = driver.fetch(f"PRAGMA temp.table_info({_DESCRIBED})")
            driver.execute(f"DROP VIEW temp.{_DESCRIBED}")
            driver.execute("PRAGMA query_only = ON")
        columns = [(sqlite_tables.text_of(row[1]), sqlite_tables.text_of(row[2])) for row in rows]
        _refuse_renamed([name for name, _ in columns])
        return tuple(SourceColumn(name, Kind.DYNAMIC, database_type) for name, database_type in columns)

    def _require_plan(self, driver: SqliteSession, query: str) -> None:
        """Have the query prepared under the authorizer, without running it."""
        driver.fetch(f"EXPLAIN SELECT * FROM (\n{query}\n) AS q")

    def seen_types(
        self, session: Session, query: str, columns: Sequence[SourceColumn]
    ) -> Mapping[str, DataType]:
        classes = [f"group_concat(DISTINCT typeof(q.{self.quote(column.name)}))" for column in columns]
        [row] = session.fetch(f"SELECT {', '.join(classes)} FROM (\n{query}\n) AS q")
        found = [sqlite_tables.text_of(names) for names in row]
        return {
            column.name: type_of_classes(set(names.split(",")) - {"null", ""})
            for column, names in zip(columns, found, strict=True)
        }

    def wire_select(
        self,
        query: str,
        columns: Sequence[SourceColumn],
        where: str | None = None,
        cursor_order: str | None = None,
    ) -> str:
        names = ", ".join(f"q.{self.quote(column.name)}" for column in columns)
        sql = f"SELECT {names} FROM (\n{query}\n) AS q"
        if where:
            sql += f" WHERE {where}"
        return f"{sql} ORDER BY {cursor_order}" if cursor_order else sql

    def cursor_literal(self, kind: Kind, text: str) -> str:
        """A dynamic cell as a literal of its storage class: classes do not compare with each other."""
        if kind is not Kind.DYNAMIC:
            raise UnsupportedCapability(f"a column of kind {kind} cannot be a cursor in SQLite")
        letter, value = text[:1], text[1:]
        if letter == "i":
            return str(int(value))
        if letter == "r":
            return repr(float(value))
        if letter == "t":
            return "'" + value.replace("'", "''") + "'"
        raise UnsupportedCapability("a binary value cannot be a cursor")

    def read_blocks(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        rows = 0
        driver = _driver(session)
        with (
            block_writer(write) as blocks,
            driver.translated(),
            contextlib.closing(driver.connection.cursor()) as cursor,
        ):
            cursor.execute(sql)
            size = FEWEST_ROWS
            while batch := cursor.fetchmany(size):
                rows += len(batch)
                lines = lines_of_values(batch)
                blocks.write(lines)
                size = _next_size(len(batch), len(lines))
        return rows

    def read_csv(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        raise UnsupportedCapability("SQLite's rows are mapped one by one")

    def fetch_rows(
        self, session: Session, sql: str, limit: int, max_bytes: int | None = None
    ) -> list[tuple[bytes | None, ...]]:
        driver = _driver(session)
        basket = RowBasket(max_bytes)
        with driver.translated(), contextlib.closing(driver.connection.cursor()) as cursor:
            for row in islice(cursor.execute(sql), limit):
                if not basket.add(tuple([cell_of(value) for value in row])):
                    break
        return basket.rows

    def list_tables(self, session: Session) -> list[TableListing]:
        driver = _driver(session)
        # table_info is a PRAGMA, which the authorizer refuses to queries.
        with _unwatched(driver):
            return sqlite_tables.list_tables(driver)

    # -- target ------------------------------------------------------------------------------

    def quote(self, name: str) -> str:
        return sqlite_tables.quote(name)

    def qualified(self, table: TableName) -> str:
        return self.quote(table.name)

    def column_type(self, field: TargetField, in_key: bool) -> str:  # noqa: FBT001 - the protocol's
        return sqlite_tables.COLUMN_TYPES.get(field.data_type, "TEXT")

    def column_holds(self, column: TargetColumn, field: TargetField, *, in_key: bool) -> bool:
        return sqlite_tables.column_holds(column, field)

    def key_collation_is_exact(self, column: TargetColumn) -> bool:
        return column.collation is None

    def find_table(self, session: Session, table: TableName) -> TargetTable | None:
        # A plan looks at its target through a session of a source, with its watch and its text as bytes.
        with _unwatched(_driver(session)), _plain_text(_driver(session)):
            return sqlite_tables.find_table(session, table)

    def create_table_sql(
        self, table: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        lines = [self._column_sql(field, field.name in keys) for field in fields]
        if keys:
            lines.append(f"PRIMARY KEY ({', '.join(self.quote(key) for key in keys)})")
        # In a table with rowids a lone INTEGER key is the rowid, and a NULL in it would quietly become a number.
        rowids = " WITHOUT ROWID" if keys else ""
        return [f"CREATE TABLE {self.qualified(table)} ({', '.join(lines)}){rowids}"]

    def _column_sql(self, field: TargetField, in_key: bool) -> str:  # noqa: FBT001 - a property of the column
        null = " NOT NULL" if in_key or not field.nullable else ""
        return f"{self.quote(field.name)} {self.column_type(field, in_key)}{null}"

    def create_like_sql(self, staging: TableName, table: TableName) -> list[str]:
        # Affinities are what a copy needs: swap_sql brings its rows into the table itself.
        return [f"CREATE TABLE {self.qualified(staging)} AS SELECT * FROM {self.qualified(table)} WHERE 0"]

    def stage_like_sql(
        self, session: Session, staging: TableName, table: TableName
    ) -> tuple[list[str], list[str]]:
        return self.create_like_sql(staging, table), []

    def create_staging_sql(
        self, staging: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        columns = ", ".join(
            f"{self.quote(field.name)} {self.column_type(field, field.name in keys)}" for field in fields
        )
        return [f"CREATE TABLE {self.qualified(staging)} ({columns})"]

    def add_column_sql(self, table: TableName, field: TargetField) -> str:
        column = f"{self.quote(field.name)} {sqlite_tables.COLUMN_TYPES.get(field.data_type, 'TEXT')}"
        return f"ALTER TABLE {self.qualified(table)} ADD COLUMN {column}"

    def drop_table_sql(self, table: TableName) -> str:
        return f"DROP TABLE IF EXISTS {self.qualified(table)}"

    def swap_sql(
        self,
        session: Session,
        table: TableName,
        staging: TableName,
        old: TableName,
    ) -> list[str]:
        rows = session.fetch(f"PRAGMA main.table_info({self.qualified(staging)})")
        names = ", ".join(self.quote(row[1]) for row in rows)
        return [
            f"DELETE FROM {self.qualified(table)}",
            f"INSERT INTO {self.qualified(table)} ({names}) SELECT {names} FROM {self.qualified(staging)}",
            f"DROP TABLE {self.qualified(staging)}",
        ]

    def rename_tables_sql(self, pairs: Sequence[tuple[TableName, TableName]]) -> str:
        raise UnsupportedCapability("SQLite renames tables in a transaction, not in one statement")

    def load_blocks(
        self, session: Session, table: TableName, fields: Sequence[TargetField], source: BinaryIO
    ) -> LoadResult:
        names = ", ".join(self.quote(field.name) for field in fields)
        marks = ", ".join("?" for _ in fields)
        insert = f"INSERT INTO {self.qualified(table)} ({names}) VALUES ({marks})"
        types = [field.data_type for field in fields]
        count = 0
        driver = _driver(session)
        with contextlib.closing(driver.connection.cursor()) as cursor:
            for block in whole_lines(source.read):
                columns = stored_columns(block, types)
                with driver.translated():
                    cursor.executemany(insert, zip(*columns, strict=True))
                count += len(columns[0])
        return LoadResult(rows=count)

    def encode_stream(self, source: BinaryIO, fields: Sequence[TargetField]) -> BinaryIO:
        return source

    def set_lock_timeout(self, session: Session, seconds: float) -> None:
        session.execute(f"PRAGMA busy_timeout = {max(1, int(seconds * 1000))}")

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
        total = int(session.fetch(f"SELECT count(*) FROM {staged}")[0][0])
        same_key = " AND ".join(
            f"{self._exact('t', field)} = {self._exact('s', field)}" for field in fields if field.name in keys
        )
        values = [field for field in fields if field.name not in keys]
        updated = 0
        if update and values:
            updated = self._update(session, target, staged, same_key, values)
        names = ", ".join(self.quote(field.name) for field in fields)
        inserted = session.execute(
            f"INSERT INTO {target} ({names}) SELECT {names} FROM {staged} AS s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {same_key})"
        )
        return MergeCounts(inserted, updated, total - inserted - updated)

    def _update(
        self, session: Session, target: str, staged: str, same_key: str, values: Sequence[TargetField]
    ) -> int:
        differs = " OR ".join(
            f"{self._exact('t', field)} IS NOT {self._exact('s', field)}" for field in values
        )
        joined = f"{target} AS t JOIN {staged} AS s ON {same_key} WHERE {differs}"
        # The staged rows are counted, not the table's: a key may stand twice in a table without a unique key.
        changed = int(session.fetch(f"SELECT count(DISTINCT s.rowid) FROM {joined}")[0][0])
        if changed:
            sets = ", ".join(f"{self.quote(field.name)} = s.{self.quote(field.name)}" for field in values)
            session.execute(
                f"UPDATE {target} AS t SET {sets} FROM {staged} AS s WHERE {same_key} AND ({differs})"
            )
        return changed

    def _exact(self, table: str, field: TargetField) -> str:
        """Compare text by its bytes, whatever collation the column was declared with."""
        text = "" if field.data_type in sqlite_tables.COLUMN_TYPES else " COLLATE BINARY"
        return f"{table}.{self.quote(field.name)}{text}"

    def lock_publication(self, session: Session, table: TableName, wait_seconds: float) -> None:
        """BEGIN IMMEDIATE holds the database's one write lock already."""

    def analyze(self, session: Session, table: TableName) -> None:
        session.execute(f"ANALYZE {self.qualified(table)}")

    def table_names_like(
        self,
        session: Session,
        namespace: str | None,
        prefix: str,
    ) -> Iterator[str]:
        return sqlite_tables.table_names_like(session, prefix)


def _next_size(rows: int, size_bytes: int) -> int:
    """Return how many rows to fetch next, so that rows of megabytes do not pile up."""
    fitting = rows * FETCHED_BYTES // max(size_bytes, 1)
    return max(1, min(fitting, 2 * rows, MOST_ROWS))


def _driver(session: Session) -> SqliteSession:
    if not isinstance(session, SqliteSession):
        raise TypeError("not a session on SQLite")
    return session


@contextlib.contextmanager
def _plain_text(driver: SqliteSession) -> Iterator[None]:
    factory = driver.connection.text_factory
    driver.connection.text_factory = str
    try:
        yield
    finally:
        driver.connection.text_factory = factory


@contextlib.contextmanager
def _unwatched(driver: SqliteSession) -> Iterator[None]:
    driver.allow(None)
    try:
        yield
    finally:
        driver.allow(sqlite_session.reading_only if driver.purpose is not Purpose.TARGET else None)


def _refuse_renamed(names: Sequence[str]) -> None:
    """SQLite gives the second `a` of a subquery the name `a:1`, whatever the case of its letters."""
    require_unique_names(names)
    lowered = [name.lower() for name in names]
    for index, name in enumerate(lowered):
        base, mark, number = name.rpartition(":")
        if mark and number.isdigit() and base in lowered[:index]:
            raise InvalidQuery(
                f"the output name {names[lowered.index(base)]!r} stands twice; give each output column a name",
                code="duplicate_column",
                column=names[lowered.index(base)],
            )
