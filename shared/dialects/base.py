"""What the engine asks of a database: the protocol every dialect fulfils, and its vocabulary.

SQL that is ours marks a parameter with `PARAM` (the NUL character, which no identifier can contain);
`Session.execute` turns it into the driver's placeholder and doubles percent signs where the driver wants it.
Identifiers pass through `Dialect.quote` only. The user's query is never formatted into; it stands
whole, as a subquery on lines of its own (it may end in a comment).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

from shared.errors import EngineError
from shared.secret import Secret
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits

PARAM = "\0"


class Purpose(StrEnum):
    """Why a session is opened; decides read-only settings, time limits and local-infile."""

    SOURCE = "source"  # one snapshot, read only
    PREVIEW = "preview"  # read only, short limits, thrown away afterwards
    TARGET = "target"


@dataclass(frozen=True)
class ConnectionSettings:
    """A decrypted connection, in memory only. `database` of SQLite is an absolute path that exists or may be made."""

    connection_id: str
    db_type: str
    database: str
    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: Secret | None = None
    ssl_mode: str = "prefer"
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: Secret | None = None
    ledger_schema: str | None = None
    session_time_zone: str = "UTC"
    # The address that shared.addresses.check_address gave for `host`, where the caller has a rule for private
    # networks; without it the dialect resolves the host once and refuses link-local and metadata addresses.
    hostaddr: str | None = None


@dataclass(frozen=True)
class SessionLimits:
    """Seconds; None leaves the server's own setting."""

    connect_seconds: float = 10
    statement_seconds: float | None = None
    lock_seconds: float | None = None


@dataclass(frozen=True)
class Capabilities:
    """Facts about a database, as data: the load strategies ask these, never for a name."""

    transactional_ddl: bool
    shared_snapshots: bool
    identifier_bytes: int
    limits: TypeLimits
    default_namespace: str | None  # PostgreSQL "public"; MySQL and SQLite: None (the database itself)
    column_names_ignore_case: bool = False
    copies_out: bool = False  # shared.dialects.binary_copy.copy_into reads it in every form
    writes_csv: bool = False  # read_csv gives what loads_csv takes
    loads_csv: bool = False
    loose_kinds: frozenset[Kind] = (
        frozenset()
    )  # of source columns whose values may be of another type: `seen_types`


@dataclass(frozen=True)
class TableName:
    """A table; namespace is PostgreSQL's schema, None elsewhere."""

    name: str
    namespace: str | None = None


@dataclass(frozen=True)
class TargetColumn:
    """A column of an existing table. `data_type` is None for a type that no schema type equals."""

    name: str
    database_type: str
    field: TargetField | None
    nullable: bool
    has_default: bool
    collation: str | None = None
    counts_up: bool = False  # a NULL becomes the next number


@dataclass(frozen=True)
class TargetTable:
    """An existing table.

    `unique_keys` are the column sets of its primary key and total unique indexes.
    `swap_blockers` names what hangs on the table and would be lost by a swap (views, triggers, foreign
    keys, policies, publications, column grants, ...): with any, replace deletes and inserts instead.
    `transactional` is False for engines such as MyISAM.
    """

    name: TableName
    columns: tuple[TargetColumn, ...]
    unique_keys: tuple[tuple[str, ...], ...] = ()
    swap_blockers: tuple[str, ...] = ()
    transactional: bool = True
    estimated_rows: int | None = None


@dataclass(frozen=True)
class MergeCounts:
    inserted: int
    updated: int
    unchanged: int


@dataclass(frozen=True)
class LoadResult:
    """What the database says it took. `skipped` and `warnings` other than 0 forbid publishing."""

    rows: int
    skipped: int = 0
    warnings: int = 0
    first_warning: str | None = None  # code and column, never a value
    remark: str | None = None  # what somebody should know who wonders why it took so long


@dataclass
class TableListing:
    """One table or view of a source, for the editor's completion and the tables endpoint."""

    namespace: str | None
    name: str
    kind: str  # "table" | "view"
    columns: list[tuple[str, str, str, bool]] = field(
        default_factory=list
    )  # name, data_type, database_type, nullable


class Session(Protocol):
    """One open database session; not shared between threads, but for `cancel`."""

    dialect: "Dialect"
    session_id: str
    server_version: str

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Run one statement; return the driver's row count. Raises EngineError classes only."""
        ...

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows (small results only)."""
        ...

    def begin(self) -> None:
        """Begin the data transaction (target sessions start in autocommit)."""
        ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def cancel(self) -> None:
        """End the running statement, from another thread, in the database too. Never raises for a finished one."""
        ...

    def hang_up(self) -> None:
        """Break the connection under a statement that waits for it, from another thread. Never raises.

        The server may go on with the statement. A session without a server behind it stays as it is.
        """
        ...

    def renew(self, limits: SessionLimits) -> bool:
        """Give up all that a target session has gathered (locks, settings, temporary tables), as if it were new.

        False when that is not to be had; the session is then for nothing but closing. Never raises.
        """
        ...

    def close(self) -> None:
        """Roll back what is open and end the session. Never raises."""
        ...


class Dialect(Protocol):
    """One kind of database. Every method raises EngineError classes only (`classify`)."""

    name: str
    capabilities: Capabilities

    # -- connections -------------------------------------------------------------------------

    def connect(self, settings: ConnectionSettings, purpose: Purpose, limits: SessionLimits) -> Session:
        """Open a session. For SOURCE and PREVIEW a read-only transaction with one snapshot is already begun.

        Every session speaks UTF-8, time zone UTC, ISO dates, and shortest round-trip floats.
        """
        ...

    def end_session(self, settings: ConnectionSettings, session_id: str) -> None:
        """End another session of the same user on the server, if it still exists."""
        ...

    def classify(self, error: BaseException, purpose: Purpose) -> EngineError:
        """Turn a driver's exception into ours, by SQLSTATE or error number, without values or secrets."""
        ...

    # -- source ------------------------------------------------------------------------------

    def describe(self, session: Session, query: str) -> tuple[SourceColumn, ...]:
        """Return the output columns of a query without running it to its end.

        Raises InvalidQuery for duplicate output names, for types refused by name, and for what the
        database refuses (unknown table or column, syntax).
        """
        ...

    def seen_types(
        self, session: Session, query: str, columns: Sequence[SourceColumn]
    ) -> Mapping[str, DataType]:
        """Look at all values of a query's columns of loose kinds, in one pass; return the type that holds them.

        A column whose values are all of its own kind, or that has none, may be left out.
        Raises SourceUnavailable `statement_cancelled` when the session's time is up.
        """
        ...

    def wire_select(
        self,
        query: str,
        columns: Sequence[SourceColumn],
        where: str | None = None,
        cursor_order: str | None = None,
    ) -> str:
        """Return one SELECT around the query that gives each of `columns` as wire text (see shared.types).

        `where` is SQL of ours over the query's output columns (already quoted).
        """
        ...

    def cursor_literal(self, kind: Kind, text: str) -> str:
        """Return wire text of a cursor column as a literal that compares with the column exactly."""
        ...

    def read_blocks(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        """Stream a wire SELECT as blocks of whole COPY text lines into `write`; return the number of rows.

        Memory stays flat whatever the number of rows. An exception of `write` ends the reading.
        """
        ...

    def read_csv(self, session: Session, sql: str, write: Callable[[bytes], Any]) -> int:
        """Stream a wire SELECT as lines of `mysql_csv` into `write`, cut anywhere; return the number of rows.

        Only with `writes_csv`; otherwise as `read_blocks`.
        """
        ...

    def fetch_rows(
        self, session: Session, sql: str, limit: int, max_bytes: int | None = None
    ) -> list[tuple[bytes | None, ...]]:
        """Return the first `limit` rows of a wire SELECT as cells, through a server-side cursor.

        Once the rows hold more than `max_bytes` one more row is read, if there is one, and the session is left
        as it is: for nothing but closing it.
        """
        ...

    def list_tables(self, session: Session) -> list[TableListing]: ...

    # -- target ------------------------------------------------------------------------------

    def quote(self, name: str) -> str:
        """Quote one identifier. Raises ConfigError for one the database cannot have."""
        ...

    def qualified(self, table: TableName) -> str: ...

    def column_type(self, field: TargetField, in_key: bool) -> str:  # noqa: FBT001 - a property of the column
        """Return the column type of DESIGN.md §9 for a field."""
        ...

    def column_holds(self, column: TargetColumn, field: TargetField, *, in_key: bool) -> bool:
        """Tell whether an existing column can hold every value of the field as it is: same family, same or
        wider size (varchar length, decimal precision and scale). int4 does not hold an integer field."""
        ...

    def key_collation_is_exact(self, column: TargetColumn) -> bool:
        """Tell whether equal means byte-equal in this column (always true for types that are not text)."""
        ...

    def find_table(self, session: Session, table: TableName) -> TargetTable | None: ...

    def create_table_sql(
        self, table: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        """Return the statements that create a table with a primary key on `keys` (when there are any)."""
        ...

    def create_like_sql(self, staging: TableName, table: TableName) -> list[str]:
        """Return the statements that create an empty copy of a table: types, defaults, keys, indexes, comments."""
        ...

    def stage_like_sql(
        self, session: Session, staging: TableName, table: TableName
    ) -> tuple[list[str], list[str]]:
        """Return what makes such a copy to be filled once: statements before and after its rows are loaded.

        Indexes come after them where that is faster; a key that two rows share is only found then.
        """
        ...

    def create_staging_sql(
        self, staging: TableName, fields: Sequence[TargetField], keys: Sequence[str]
    ) -> list[str]:
        """Return the statements that create a bare staging table for a merge: types, and NOT NULL for keys and
        required fields where the database `refuses_misfits`."""
        ...

    def add_column_sql(self, table: TableName, field: TargetField) -> str: ...

    def drop_table_sql(self, table: TableName) -> str:
        """Return DROP TABLE IF EXISTS."""
        ...

    def swap_sql(self, session: Session, table: TableName, staging: TableName, old: TableName) -> list[str]:
        """Return the statements that put `staging` in the table's place within the open transaction.

        Owner, grants, comments and index names are carried over. Only with `transactional_ddl`.
        """
        ...

    def rename_tables_sql(self, pairs: Sequence[tuple[TableName, TableName]]) -> str:
        """Return one statement that renames all pairs atomically. Only without `transactional_ddl`."""
        ...

    def load_blocks(
        self, session: Session, table: TableName, fields: Sequence[TargetField], source: BinaryIO
    ) -> LoadResult:
        """Bulk load what `encode_stream` (with `loads_csv` also `read_csv`) gives, read from `source` until its
        end, in the open transaction. An exception of `source.read` ends the load with nothing to be committed."""
        ...

    def encode_stream(self, source: BinaryIO, fields: Sequence[TargetField]) -> BinaryIO:
        """Return a reader that gives `source`, whole COPY text lines, in this loader's encoding."""
        ...

    def set_lock_timeout(self, session: Session, seconds: float) -> None:
        """Bound lock waits for the rest of the transaction (or session, where that is all there is)."""
        ...

    def merge(
        self,
        session: Session,
        table: TableName,
        staging: TableName,
        fields: Sequence[TargetField],
        keys: Sequence[str],
        update: bool,  # noqa: FBT001 - named by the two write modes that call it
    ) -> MergeCounts:
        """Bring staged rows into the table by key inside the open transaction.

        With `update`, rows of an existing key get the staged values where any differs (unchanged otherwise);
        without, they are left and counted as unchanged. Absent keys are inserted. Other columns are not touched.
        """
        ...

    def lock_publication(self, session: Session, table: TableName, wait_seconds: float) -> None:
        """Serialise publishers of one table until the session's transaction (MySQL: the session) ends.

        Raises LockTimeout.
        """
        ...

    def analyze(self, session: Session, table: TableName) -> None: ...

    def table_names_like(self, session: Session, namespace: str | None, prefix: str) -> Iterator[str]:
        """Yield the tables whose names start with prefix (for leftovers)."""
        ...
