"""SQLite's schema: what a table is, and which values a column's affinity leaves as they are."""

from collections.abc import Iterator
from typing import Any

from shared.dialects.base import PARAM, Session, TableListing, TableName, TargetColumn, TargetTable
from shared.dialects.driver_session import quote_identifier
from shared.errors import TargetRefused
from shared.types import DataType, Kind, TargetField

IDENTIFIER_CHARACTERS = 255

COLUMN_TYPES = {
    DataType.INTEGER: "INTEGER",
    DataType.BOOLEAN: "INTEGER",
    DataType.FLOAT: "REAL",
    DataType.BINARY: "BLOB",
}
# A column's affinity changes values given to it: only these leave a type's values as they are.
_AFFINITIES = {
    DataType.INTEGER: frozenset(("INTEGER", "NUMERIC", "BLOB")),
    DataType.BOOLEAN: frozenset(("INTEGER", "NUMERIC", "BLOB")),
    DataType.FLOAT: frozenset(("REAL", "BLOB")),
    DataType.BINARY: frozenset(("INTEGER", "NUMERIC", "BLOB", "REAL", "TEXT")),
}
_TEXT_AFFINITIES = frozenset(("TEXT", "BLOB"))
_FIELDS = {
    "INTEGER": DataType.INTEGER,
    "TEXT": DataType.STRING,
    "REAL": DataType.FLOAT,
    "BLOB": DataType.BINARY,
}

_TABLE = (
    f"SELECT type FROM main.sqlite_master WHERE type IN ('table', 'view') AND name = {PARAM} COLLATE NOCASE"
)
_TABLES = (
    "SELECT name, type FROM main.sqlite_master WHERE type IN ('table', 'view')"
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
)


def quote(name: str) -> str:
    return quote_identifier(name, '"', IDENTIFIER_CHARACTERS, len(name))


def column_holds(column: TargetColumn, field: TargetField) -> bool:
    """Tell whether a column's affinity leaves every value of the field as it is."""
    return _affinity(column.database_type) in _AFFINITIES.get(field.data_type, _TEXT_AFFINITIES)


def find_table(session: Session, table: TableName) -> TargetTable | None:
    """Read a table from the schema. Raises TargetRefused for a view."""
    rows = session.fetch(_TABLE, (table.name,))
    if not rows:
        return None
    if rows[0][0] != "table":
        raise TargetRefused(f"{table.name!r} is a {rows[0][0]}; the target must be a table")
    name = quote(table.name)
    keys = tuple(_unique_keys(session, name))
    collations = _collations(session, name)
    return TargetTable(
        name=table,
        columns=tuple(_column(row, collations) for row in session.fetch(f"PRAGMA main.table_xinfo({name})")),
        unique_keys=keys,
        swap_blockers=("SQLite replaces a table's rows in the run's transaction",),
    )


def _column(row: tuple[Any, ...], collations: dict[str, str]) -> TargetColumn:
    _, name, database_type, not_null, default, key, hidden = row
    field = None if hidden or not 0 < len(name) <= 63 else _field(name, database_type)
    nullable = not not_null and not key
    return TargetColumn(
        name, database_type, field, nullable, default is not None or bool(hidden), collations.get(name)
    )


def _unique_keys(session: Session, name: str) -> Iterator[tuple[str, ...]]:
    info = session.fetch(f"PRAGMA main.table_info({name})")
    if primary := tuple(row[1] for row in sorted(info, key=lambda row: int(row[5])) if row[5]):
        yield primary
    for _, index, unique, origin, partial in session.fetch(f"PRAGMA main.index_list({name})"):
        if unique and not partial and origin != "pk":
            columns = [row[2] for row in session.fetch(f"PRAGMA main.index_info({quote(index)})")]
            if None not in columns:
                yield tuple(columns)


def _collations(session: Session, name: str) -> dict[str, str]:
    """Return the columns that some index compares otherwise than by bytes."""
    found: dict[str, str] = {}
    for row in session.fetch(f"PRAGMA main.index_list({name})"):
        for column in session.fetch(f"PRAGMA main.index_xinfo({quote(row[1])})"):
            if column[5] and column[2] is not None and column[4].upper() != "BINARY":
                found[column[2]] = column[4]
    return found


def _affinity(declared: str) -> str:
    """SQLite's own rules, in their order (datatype3.html, 3.1)."""
    text = declared.upper()
    if "INT" in text:
        return "INTEGER"
    if any(part in text for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in text or not text:
        return "BLOB"
    return "REAL" if any(part in text for part in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def _field(name: str, declared: str) -> TargetField | None:
    data_type = _FIELDS.get(declared.upper())
    return TargetField(name=name, data_type=data_type) if data_type else None


def list_tables(session: Session) -> list[TableListing]:
    return [_listing(session, row) for row in session.fetch(_TABLES)]


def _listing(session: Session, row: tuple[Any, ...]) -> TableListing:
    listing = TableListing(None, text_of(row[0]), text_of(row[1]))
    for column in session.fetch(f"PRAGMA main.table_info({quote(listing.name)})"):
        listing.columns.append((text_of(column[1]), Kind.DYNAMIC.value, text_of(column[2]), not column[3]))
    return listing


def text_of(value: Any) -> str:
    """Return a name as a source session (bytes) or a target session gives it."""
    return value.decode() if isinstance(value, bytes | bytearray) else str(value or "")


def table_names_like(session: Session, prefix: str) -> Iterator[str]:
    sql = f"SELECT name FROM main.sqlite_master WHERE type = 'table' AND substr(name, 1, {PARAM}) = {PARAM}"
    for row in session.fetch(sql, (len(prefix), prefix)):
        yield str(row[0])
