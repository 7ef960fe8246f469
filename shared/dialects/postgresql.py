"""PostgreSQL: COPY both ways, catalogs, transactional DDL."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import psycopg2

from shared.dialects import postgresql_session, postgresql_tables, postgresql_types
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
from shared.dialects.binary_copy import GuardedSource, copy_out
from shared.dialects.copy_text import block_writer
from shared.dialects.driver_session import EnoughRows, RowBasket, require_unique_names
from shared.dialects.postgresql_session import PostgresqlSession
from shared.dialects.postgresql_types import TypeFacts
from shared.errors import EngineError, LockTimeout, UnsupportedCapability
from shared.types import BLOCK_BYTES, DataType, Kind, SourceColumn, TargetField, TypeLimits
from shared.wire import split_line

QUICK_STATISTICS_TARGET = 10  # a sample of 3,000 rows, where the server's own setting is not lower
_QUERY_PREFIX = "SELECT * FROM (\n"
_LITERAL_TYPES = {
    Kind.INTEGER: "numeric",
    Kind.DECIMAL: "numeric",
    Kind.FLOAT: "float8",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMPTZ: "timestamptz",
}


class PostgresqlDialect:
    """Values travel as the server's own text; `char(n)` keeps its padding, as COPY gives it."""

    name = "postgresql"
    capabilities = Capabilities(
        transactional_ddl=True,
        shared_snapshots=True,
        identifier_bytes=postgresql_tables.IDENTIFIER_BYTES,
        limits=TypeLimits(
            big_dates=True,
            refuses_misfits=True,
            refuses_long_times=True,
            max_text_bytes=2**30 - 64,
            max_binary_bytes=2**29 - 64,
        ),
        default_namespace="public",
        copies_out=True,
        writes_csv=True,
    )

    # -- connections -------------------------------------------------------------------------

    def connect(
        self, settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits
    ) -> PostgresqlSession:
        return postgresql_session.connect(self, settings, purpose, limits)

    def end_session(self, settings: ConnectionSettings, session_id: str) -> None:
        session = self.connect(settings, Purpose.TARGET, SessionLimits(statement_seconds=10, lock_seconds=5))
        with contextlib.closing(session):
            postgresql_session.end_session(session, session_id)

    def classify(self, error: BaseException, purpose: Purpose) -> EngineError:
        return postgresql_session.classify(error, purpose)

    # -- source ------------------------------------------------------------------------------

    def describe(self, session: Session, query: str) -> tuple[SourceColumn, ...]:
        connection = _driver(session).connection
        with contextlib.closing(connection.cursor()) as cursor:
            try:
                cursor.execute(f"{_QUERY_PREFIX}{query}\n) AS q LIMIT 0")
            except psycopg2.Error as error:
                purpose = _driver(session).purpose
                raise postgresql_session.classify(error, purpose, len(_QUERY_PREFIX)) from error
            description = tuple(cursor.description or ())
        require_unique_names([column.name for column in description])
        return postgresql_types.source_columns(
            description, _type_facts(session, {column.type_code for column in description})
        )

    def seen_types(
        self, session: Session, query: str, columns: Sequence[SourceColumn]
    ) -> Mapping[str, DataType]:
        return {}

    def wire_select(
        self,
        query: str,
        columns: Sequence[SourceColumn],
        where: str | None = None,
        cursor_order: str | None = None,
    ) -> str:
        # The session's settings make every type's own output its wire text: no casts, so char(n) stays padded.
        names = ", ".join(f"q.{self.quote(column.name)}" for column in columns)
        sql = f"SELECT {names} FROM (\n{query}\n) AS q"
        if where:
            sql += f" WHERE {where}"
        return f"{sql} ORDER BY {cursor_order}" if cursor_order else sql

    def cursor_literal(self, kind: Kind, text: str) -> str:
        type_name = _LITERAL_TYPES.get(kind)
        if type_name is None:
            raise UnsupportedCapability(f"a column of kind {kind} cannot be a cursor")
        return f"{postgresql_tables.literal(text)}::{type_name}"

    def read_blocks(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        with (
            block_writer(write) as blocks,
            _driver(session).translated(),
            contextlib.closing(_driver(session).connection.cursor()) as cursor,
        ):
            cursor.copy_expert(f"COPY (\n{sql}\n) TO STDOUT", blocks, BLOCK_BYTES)
            return int(cursor.rowcount)

    def read_csv(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        return copy_out(session, sql, "csv", write)

    def fetch_rows(
        self, session: Session, sql: str, limit: int, max_bytes: int | None = None
    ) -> list[tuple[bytes | None, ...]]:
        """The limit stands around the SELECT, so that the very COPY of a run gives the cells, and no more rows."""
        basket = RowBasket(max_bytes)

        def take(block: bytes) -> None:
            for line in block.split(b"\n")[:-1]:
                if not basket.add(split_line(line)):
                    raise EnoughRows

        with contextlib.suppress(EnoughRows):
            self.read_blocks(session, f"SELECT * FROM (\n{sql}\n) AS w LIMIT {int(limit)}", take)
        return basket.rows

    def list_tables(self, session: Session) -> list[TableListing]:
        return postgresql_tables.list_tables(session)

    # -- target ------------------------------------------------------------------------------

    def quote(self, name: str) -> str:
        return postgresql_tables.quote(name)

    def qualified(self, table: TableName) -> str:
        return postgresql_tables.qualified(table)

    def column_type(self, field: TargetField, in_key: bool) -> str:  # noqa: FBT001 - the protocol's
        return postgresql_types.column_type(field)

    def column_holds(self, column: TargetColumn, field: TargetField, *, in_key: bool) -> bool:
        return postgresql_types.column_holds(column, field)

    def key_collation_is_exact(self, column: TargetColumn) -> bool:
        # find_table names nondeterministic collations only: under all others equal means byte-equal.
        return column.collation is None

    def find_table(self, session: Session, table: TableName) -> TargetTable | None:
        return postgresql_tables.find_table(session, table)

    def create_table_sql(
        self, table: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        lines = [self._column_sql(field, field.name in keys) for field in fields]
        if keys:
            lines.append(f"PRIMARY KEY ({', '.join(self.quote(key) for key in keys)})")
        return [f"CREATE TABLE {self.qualified(table)} ({', '.join(lines)})"]

    def _column_sql(self, field: TargetField, in_key: bool) -> str:  # noqa: FBT001 - a property of the column
        null = " NOT NULL" if in_key or not field.nullable else ""
        return f"{self.quote(field.name)} {self.column_type(field, in_key)}{null}"

    def create_like_sql(self, staging: TableName, table: TableName) -> list[str]:
        return postgresql_tables.create_like_sql(staging, table)

    def stage_like_sql(
        self, session: Session, staging: TableName, table: TableName
    ) -> tuple[list[str], list[str]]:
        return postgresql_tables.stage_like_sql(session, staging, table)

    def create_staging_sql(
        self, staging: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        columns = ", ".join(self._column_sql(field, field.name in keys) for field in fields)
        return [f"CREATE TABLE {self.qualified(staging)} ({columns})"]

    def add_column_sql(self, table: TableName, field: TargetField) -> str:
        return f"ALTER TABLE {self.qualified(table)} ADD COLUMN {self.quote(field.name)} {self.column_type(field, False)}"  # noqa: E501, FBT003

    def drop_table_sql(self, table: TableName) -> str:
        return f"DROP TABLE IF EXISTS {self.qualified(table)}"

    def swap_sql(
        self,
        session: Session,
        table: TableName,
        staging: TableName,
        old: TableName,
    ) -> list[str]:
        return postgresql_tables.swap_sql(session, table, staging)

    def rename_tables_sql(self, pairs: Sequence[tuple[TableName, TableName]]) -> str:
        raise UnsupportedCapability("PostgreSQL renames tables in a transaction, not in one statement")

    def load_blocks(
        self, session: Session, table: TableName, fields: Sequence[TargetField], source: BinaryIO
    ) -> LoadResult:
        names = ", ".join(self.quote(field.name) for field in fields)
        guarded = GuardedSource(source)
        with contextlib.closing(_driver(session).connection.cursor()) as cursor:
            try:
                cursor.copy_expert(f"COPY {self.qualified(table)} ({names}) FROM STDIN", guarded, BLOCK_BYTES)
            except psycopg2.Error as error:
                if guarded.failure is not None:
                    raise guarded.failure from error
                refused = self.classify(error, Purpose.TARGET)
                _name_column(refused, error, fields)
                raise refused from error
            return LoadResult(rows=int(cursor.rowcount))

    def encode_stream(self, source: BinaryIO, fields: Sequence[TargetField]) -> BinaryIO:
        return source

    def set_lock_timeout(self, session: Session, seconds: float) -> None:
        session.execute(f"SET LOCAL lock_timeout = '{max(1, int(seconds * 1000))}ms'")

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
        self.analyze(session, staging)
        total = int(session.fetch(f"SELECT count(*) FROM {staged}")[0][0])
        same_key = " AND ".join(f"t.{self.quote(key)} = s.{self.quote(key)}" for key in keys)
        values = [field for field in fields if field.name not in keys]
        updated = self._update(session, target, staged, same_key, values) if update and values else 0
        names = ", ".join(self.quote(field.name) for field in fields)
        inserted = session.execute(
            f"INSERT INTO {target} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {staged} s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {target} t WHERE {same_key})"
        )
        return MergeCounts(inserted, updated, total - inserted - updated)

    def _update(
        self, session: Session, target: str, staged: str, same_key: str, values: Sequence[TargetField]
    ) -> int:
        """Return how many staged rows changed anything: a key that stands twice in the table counts once."""
        sets = ", ".join(f"{self.quote(field.name)} = s.{self.quote(field.name)}" for field in values)
        differs = " OR ".join(self._differs(field) for field in values)
        rows = session.fetch(
            f"WITH changed AS (UPDATE {target} t SET {sets} FROM {staged} s"
            f" WHERE {same_key} AND ({differs}) RETURNING s.ctid AS row_id)"
            " SELECT count(DISTINCT row_id) FROM changed"
        )
        return int(rows[0][0])

    def _differs(self, field: TargetField) -> str:
        """Compare what is stored, where the type's own equality is looser: 0.0 = -0.0, 1.0 = 1.00 in JSON."""
        name = self.quote(field.name)
        old, new = f"t.{name}", f"s.{name}"
        if field.data_type is DataType.STRING:
            old, new = f'{old} COLLATE "C"', f'{new} COLLATE "C"'
        elif field.data_type is DataType.FLOAT:
            old, new = f"float8send({old})", f"float8send({new})"
        elif field.data_type is DataType.JSON:
            old, new = f"{old}::jsonb::text", f"{new}::jsonb::text"
        return f"{old} IS DISTINCT FROM {new}"

    def lock_publication(self, session: Session, table: TableName, wait_seconds: float) -> None:
        """An advisory lock of the transaction, by a hash of the name: it needs no right on any table."""
        key = int.from_bytes(hashlib.sha256(self.qualified(table).encode()).digest()[:8], signed=True)
        [(before,)] = session.fetch("SELECT current_setting('lock_timeout')")
        session.execute("SAVEPOINT etl_publication")
        try:
            self.set_lock_timeout(session, wait_seconds)
            session.fetch(f"SELECT pg_advisory_xact_lock({key})")
            session.execute(f"SET LOCAL lock_timeout = '{before}'")
            session.execute("RELEASE SAVEPOINT etl_publication")
        except LockTimeout:
            session.execute("ROLLBACK TO SAVEPOINT etl_publication")
            raise

    def analyze(self, session: Session, table: TableName) -> None:
        """Take a small sample, in the open transaction: enough for the first plans, and its cost is the run's.

        The rows count as changed once more at the commit, so that autovacuum takes the full sample soon after.
        """
        session.fetch(
            "SELECT set_config('default_statistics_target',"
            f" least(current_setting('default_statistics_target')::int, {QUICK_STATISTICS_TARGET})::text, true)"
        )
        session.execute(f"ANALYZE {self.qualified(table)}")

    def table_names_like(self, session: Session, namespace: str | None, prefix: str) -> Iterator[str]:
        return postgresql_tables.table_names_like(session, namespace, prefix)


def _name_column(refused: EngineError, error: psycopg2.Error, fields: Sequence[TargetField]) -> None:
    """COPY says which column did not fit only in its context, in front of the value."""
    context = error.diag.context or ""
    places = {field.name: context.find(f", column {field.name}: ") for field in fields}
    named = [name for name, place in places.items() if place >= 0]
    if refused.column is None and named:
        refused.column = min(named, key=lambda name: (places[name], -len(name)))
        refused.message = f"{refused.message}: column {refused.column!r}"


def _driver(session: Session) -> PostgresqlSession:
    if not isinstance(session, PostgresqlSession):
        raise TypeError("not a session on PostgreSQL")
    return session


def _type_facts(session: Session, oids: set[int]) -> dict[int, TypeFacts]:
    if not oids:
        return {}
    rows = session.fetch(
        "SELECT oid::bigint, pg_catalog.format_type(oid, NULL), typtype::text FROM pg_catalog.pg_type"
        f" WHERE oid = ANY({PARAM})",
        (list(oids),),
    )
    return {int(oid): TypeFacts(name, category) for oid, name, category in rows}
