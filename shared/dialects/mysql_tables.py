"""MySQL's information_schema: what a table is and what hangs on it."""

from collections.abc import Iterator

from shared.dialects.base import PARAM, Session, TableListing, TableName, TargetColumn, TargetTable
from shared.dialects.driver_session import quote_identifier
from shared.dialects.mysql_types import data_type_name, target_field
from shared.errors import ConfigError, TargetRefused

IDENTIFIER_CHARACTERS = 64

_TABLE = f"""
SELECT t.table_type, t.engine, COALESCE(e.transactions, 'NO'), t.table_rows
FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
WHERE t.table_schema = DATABASE() AND t.table_name = {PARAM}"""

_COLUMNS = f"""
SELECT column_name, column_type, is_nullable, column_default, extra, character_set_name, collation_name
FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = {PARAM}
ORDER BY ordinal_position"""

_UNIQUE_KEYS = f"""
SELECT index_name, column_name, sub_part FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = {PARAM} AND non_unique = 0
ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index"""

# Views and grants hold on to a table's name, so the table that takes the name has them.
_BLOCKERS = f"""
SELECT CONCAT('foreign key ', constraint_name) FROM information_schema.key_column_usage
WHERE (table_schema = DATABASE() AND table_name = {PARAM} AND referenced_table_name IS NOT NULL)
   OR (referenced_table_schema = DATABASE() AND referenced_table_name = {PARAM})
UNION SELECT CONCAT('trigger ', trigger_name) FROM information_schema.triggers
WHERE event_object_schema = DATABASE() AND event_object_table = {PARAM}
ORDER BY 1"""

_LISTING = """
SELECT c.table_name, CASE WHEN t.table_type LIKE '%VIEW%' THEN 'view' ELSE 'table' END,
       c.column_name, c.data_type, c.column_type, c.is_nullable
FROM information_schema.columns c JOIN information_schema.tables t
  ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = DATABASE() ORDER BY c.table_name, c.ordinal_position"""


def quote(name: str) -> str:
    if any(ord(char) > 0xFFFF for char in name) or name.endswith(" "):
        raise ConfigError(f"the name {name!r} holds a character that MySQL does not take in names")
    return quote_identifier(name, "`", IDENTIFIER_CHARACTERS, len(name))


def qualified(table: TableName) -> str:
    return f"{quote(table.namespace)}.{quote(table.name)}" if table.namespace else quote(table.name)


def find_table(session: Session, table: TableName) -> TargetTable | None:
    """Read a table from information_schema. Raises TargetRefused for a view or a sequence."""
    rows = session.fetch(_TABLE, (table.name,))
    if not rows:
        return None
    kind, _, transactions, estimated = rows[0]
    if kind not in ("BASE TABLE", "SYSTEM VERSIONED"):
        raise TargetRefused(f"{table.name!r} is a {str(kind).lower()}; the target must be a table")
    columns = [_Column(row) for row in session.fetch(_COLUMNS, (table.name,))]
    blockers = [str(row[0]) for row in session.fetch(_BLOCKERS, (table.name,) * 3)]
    blockers += ["system versioning"] if kind == "SYSTEM VERSIONED" else []
    blockers += [f"auto_increment on column {column.name}" for column in columns if column.counts]
    return TargetTable(
        name=table,
        columns=tuple(column.target_column() for column in columns),
        unique_keys=tuple(_unique_keys(session, table)),
        swap_blockers=tuple(blockers),
        transactional=str(transactions).upper() == "YES",
        estimated_rows=int(estimated) if estimated is not None else None,
    )


class _Column:
    def __init__(self, row: tuple[object, ...]) -> None:
        name, column_type, nullable, default, extra, character_set, collation = row
        self.name = str(name)
        self._type = str(column_type).lower()
        self._nullable = nullable == "YES"
        self._default = default
        self._extra = str(extra or "").lower()
        self._character_set = str(character_set) if character_set else None
        self._collation = str(collation) if collation else None

    @property
    def counts(self) -> bool:
        return "auto_increment" in self._extra

    def target_column(self) -> TargetColumn:
        generated = "generated" in self._extra and "default_generated" not in self._extra
        field = None if generated else target_field(self.name, self._type, self._character_set)
        has_default = generated or self.counts or (self._default is not None and self._default != "NULL")
        return TargetColumn(
            self.name, self._type, field, self._nullable, has_default, self._collation, self.counts
        )


def _unique_keys(session: Session, table: TableName) -> Iterator[tuple[str, ...]]:
    """Yield the columns of each unique key; one of a column's beginning or an expression is not total."""
    keys: dict[str, list[str | None]] = {}
    for index, column, sub_part in session.fetch(_UNIQUE_KEYS, (table.name,)):
        keys.setdefault(index, []).append(None if sub_part is not None else column)
    for columns in keys.values():
        whole = tuple(column for column in columns if column is not None)
        if len(whole) == len(columns):
            yield whole


def list_tables(session: Session) -> list[TableListing]:
    listings: dict[str, TableListing] = {}
    for name, kind, column, data_type, column_type, nullable in session.fetch(_LISTING):
        listing = listings.setdefault(name, TableListing(None, name, kind))
        listing.columns.append((column, data_type_name(data_type), column_type, nullable == "YES"))
    return list(listings.values())


def table_names_like(session: Session, prefix: str) -> Iterator[str]:
    rows = session.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        f" AND table_type = 'BASE TABLE' AND LEFT(table_name, {PARAM}) = {PARAM} ORDER BY table_name",
        (len(prefix), prefix),
    )
    for row in rows:
        yield str(row[0])
