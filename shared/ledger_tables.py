"""The engine's own small tables beside a target: their names and columns.

They live in the namespace of the target table, or in the connection's `ledger_schema`. Values are kept
as integers and text only, so that every database holds them alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.dialects.base import (
    ConnectionSettings,
    Dialect,
    Session,
    SessionLimits,
    TableName,
)
from shared.errors import EngineError, TransientError
from shared.types import DataType, TargetField

LEDGER_FORMAT = 1
RUNS = "etl_engine_runs"
TABLES = "etl_engine_tables"
REJECTED_ROWS = "etl_engine_rejected_rows"
STAGING_PREFIX = "etl_engine_stg_"
MARKER_PREFIX = "etl_engine_mark_"
DONE_PREFIX = "etl_engine_done_"
OLD_PREFIX = "etl_engine_old_"

# What a row of the ledger records: a run of the mapping, a run beside the watermark, or a moved cursor.
KIND_RUN = "run"
KIND_BACKFILL = "backfill"
KIND_REPLAY = "replay"
KIND_CURSOR = "cursor"

LEDGER_READ_LIMITS = SessionLimits(connect_seconds=5, statement_seconds=30, lock_seconds=5)


def _text(name: str, length: int | None = None, *, nullable: bool = True) -> TargetField:
    return TargetField(name=name, data_type=DataType.STRING, length=length, nullable=nullable)


def _integer(name: str, *, nullable: bool = True) -> TargetField:
    return TargetField(name=name, data_type=DataType.INTEGER, nullable=nullable)


RUN_FIELDS = (
    _text("run_id", 24, nullable=False),
    _integer("fence", nullable=False),
    _text("state", 16, nullable=False),
    _integer("format", nullable=False),
    _text("mapping_id", 24, nullable=False),
    _integer("mapping_version", nullable=False),
    _text("target_table", 255, nullable=False),
    _text("write_mode", 16, nullable=False),
    _text("kind", 16),
    _text("cursor_column", 255),
    _text("watermark_low", 255),
    _text("watermark_high", 255),
    _integer("rows_read"),
    _integer("rows_written"),
    _integer("rows_unchanged"),
    _integer("rows_collapsed"),
    _integer("rows_rejected"),
    _text("opened_at", 32, nullable=False),
    _text("closed_at", 32),
)
RUN_KEYS = ("run_id",)
TABLE_FIELDS = (
    _text("table_name", 255, nullable=False),
    _text("mapping_id", 24, nullable=False),
    _integer("format", nullable=False),
    _text("created_at", 32, nullable=False),
)
TABLE_KEYS = ("table_name",)
REJECTED_FIELDS = (
    _text("run_id", 24, nullable=False),
    _integer("row_number", nullable=False),
    _integer("mapping_version", nullable=False),
    _text("source_row", nullable=False),
    _text("errors", nullable=False),
    _text("source_cells"),
    _text("source_columns"),
)
REJECTED_KEYS = ("run_id", "row_number")


@dataclass(frozen=True)
class LedgerTables:
    """The qualified names for one target."""

    runs: TableName
    tables: TableName
    rejected_rows: TableName


def ensure_ledger_tables(session: Session, tables: LedgerTables) -> None:
    """Create the engine's tables and columns where they are missing (outside of any transaction)."""
    if _all_there(session, tables):
        return
    _ensure(session, tables.runs, RUN_FIELDS, RUN_KEYS)
    _ensure(session, tables.tables, TABLE_FIELDS, TABLE_KEYS)
    _ensure(session, tables.rejected_rows, REJECTED_FIELDS, REJECTED_KEYS)


def _all_there(session: Session, tables: LedgerTables) -> bool:
    """Tell in one round trip whether every table has every column: naming them all is no error."""
    dialect = session.dialect
    names, froms = [], []
    for alias, (table, fields) in zip("abc", _fields_by_table(tables), strict=True):
        # With the alias in front, or SQLite would take a missing column's name for a text.
        names += [f"{alias}.{dialect.quote(field.name)}" for field in fields]
        froms.append(f"{dialect.qualified(table)} {alias}")
    try:
        session.fetch(f"SELECT {', '.join(names)} FROM {', '.join(froms)} WHERE 1 = 0")
    except TransientError:
        raise
    except EngineError:
        return False
    return True


def _fields_by_table(tables: LedgerTables) -> tuple[tuple[TableName, Sequence[TargetField]], ...]:
    return (
        (tables.runs, RUN_FIELDS),
        (tables.tables, TABLE_FIELDS),
        (tables.rejected_rows, REJECTED_FIELDS),
    )


def _ensure(session: Session, table: TableName, fields: Sequence[TargetField], keys: Sequence[str]) -> None:
    dialect = session.dialect
    existing = dialect.find_table(session, table)
    if existing is None:
        statements = dialect.create_table_sql(table, fields, keys)
    else:
        present = {column.name for column in existing.columns}
        missing = [field for field in fields if field.name not in present]
        statements = [dialect.add_column_sql(table, field) for field in missing]
    try:
        for statement in statements:
            session.execute(statement)
    except EngineError:
        made = dialect.find_table(session, table)
        if made is None or not {field.name for field in fields} <= {column.name for column in made.columns}:
            raise  # nobody else made it meanwhile: the error is real


def ledger_tables(settings: ConnectionSettings, dialect: Dialect) -> LedgerTables:
    """Return where the engine's tables of this target are."""
    namespace = settings.ledger_schema or dialect.capabilities.default_namespace
    return LedgerTables(
        runs=TableName(RUNS, namespace),
        tables=TableName(TABLES, namespace),
        rejected_rows=TableName(REJECTED_ROWS, namespace),
    )
