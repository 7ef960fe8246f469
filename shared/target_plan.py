"""How a run writes its target: the table, its DDL, and what contradicts the schema."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.dialects.base import Dialect, Session, TableName, TargetTable
from shared.documents.base import Value
from shared.documents.mapping import (
    Mapping,
    MappingVersion,
    WriteMode,
    effective_key_columns,
    effective_write_mode,
)
from shared.errors import InvalidMapping, SchemaMismatch, TargetRefused
from shared.types import TargetField


class Warned(Value):
    """Something the reader should know that does not stop the run."""

    code: str
    message: str


@dataclass(frozen=True)
class TargetPlan:
    """Where the rows go. `existing` is None when the table has to be created; `ddl` comes before the load.

    `fields` are required where the existing column takes no NULL, whatever the schema says.
    """

    table: TableName
    existing: TargetTable | None
    fields: tuple[TargetField, ...]
    keys: tuple[str, ...]
    write_mode: WriteMode
    ddl: tuple[str, ...]
    warnings: tuple[Warned, ...]

    @property
    def is_keyed(self) -> bool:
        """Whether rows are brought in by key."""
        return bool(self.keys) and self.write_mode is not WriteMode.REPLACE


def target_table_name(mapping: Mapping, schema_name: str, dialect: Dialect) -> TableName:
    """Return the table a mapping fills: its `target_table`, else the schema's name, exactly."""
    return TableName(mapping.target_table or schema_name, dialect.capabilities.default_namespace)


def plan_target(version: MappingVersion, fields: Sequence[TargetField], session: Session) -> TargetPlan:
    """Compare the target with the schema and list the DDL that comes first.

    Raises SchemaMismatch for a contradiction, TargetRefused for a table that may not be written.
    """
    dialect = session.dialect
    table = target_table_name(version.mapping, version.target_schema.name, dialect)
    mode = effective_write_mode(version.mapping, version.target_schema)
    keys = effective_key_columns(version.mapping, version.target_schema)
    if mode is WriteMode.UPSERT and not keys:
        raise InvalidMapping(
            "upsert needs key_columns, or primary_key columns in the schema", loc=("key_columns",)
        )
    filled = {field.name for field in fields}
    for key in keys:
        if key not in filled:
            raise InvalidMapping(
                f"key column {key!r} is not filled by any column mapping", loc=("key_columns",)
            )
    existing = dialect.find_table(session, table)
    if existing is None:
        ddl = dialect.create_table_sql(table, version.target_schema.columns, keys)
        return TargetPlan(table, None, tuple(fields), keys, mode, tuple(ddl), ())
    if not existing.transactional:
        raise TargetRefused(
            f"table {table.name!r} uses a storage engine without transactions; use InnoDB",
            code="not_transactional",
        )
    ddl = _missing_columns(dialect, existing, version.target_schema.columns, keys)
    _check_fields(dialect, existing, fields, keys)
    _check_left_out(existing, fields)
    if mode is WriteMode.UPSERT:
        _check_key_collations(dialect, existing, keys)
    required = _as_required(existing, fields)
    return TargetPlan(table, existing, required, keys, mode, tuple(ddl), _warnings(mode, existing))


def _as_required(existing: TargetTable, fields: Sequence[TargetField]) -> tuple[TargetField, ...]:
    not_null = {column.name for column in existing.columns if not column.nullable}
    return tuple(
        field.model_copy(update={"nullable": False}) if field.name in not_null else field for field in fields
    )


def _missing_columns(
    dialect: Dialect, existing: TargetTable, declared: Sequence[TargetField], keys: Sequence[str]
) -> list[str]:
    present = {column.name for column in existing.columns}
    missing = [field for field in declared if field.name not in present]
    if dialect.capabilities.column_names_ignore_case:
        _refuse_other_case(existing, missing)
    for field in missing:
        if not field.nullable or field.name in keys:
            raise SchemaMismatch(
                f"table {existing.name.name!r} has no column {field.name!r}, and only nullable columns are added",
                column=field.name,
            )
    return [dialect.add_column_sql(existing.name, field) for field in missing]


def _refuse_other_case(existing: TargetTable, missing: Sequence[TargetField]) -> None:
    present = {column.name.casefold(): column.name for column in existing.columns}
    for field in missing:
        if (name := present.get(field.name.casefold())) is not None:
            raise SchemaMismatch(
                f"the column {field.name!r} of the schema is {name!r} in table {existing.name.name!r}:"
                " names are exact, also where the database takes one for the other",
                column=field.name,
            )


def _check_fields(
    dialect: Dialect, existing: TargetTable, fields: Sequence[TargetField], keys: Sequence[str]
) -> None:
    columns = {column.name: column for column in existing.columns}
    for field in fields:
        column = columns.get(field.name)
        if column is None:
            continue  # added by the DDL
        if not dialect.column_holds(column, field, in_key=field.name in keys):
            expected = dialect.column_type(field, field.name in keys)
            raise SchemaMismatch(
                f"column {field.name!r} of table {existing.name.name!r} is {column.database_type},"
                f" the schema needs {expected}",
                column=field.name,
            )


def _check_left_out(existing: TargetTable, fields: Sequence[TargetField]) -> None:
    filled = {field.name for field in fields}
    for column in existing.columns:
        if column.name not in filled and not column.nullable and not column.has_default:
            raise SchemaMismatch(
                f"table {existing.name.name!r} has the required column {column.name!r},"
                " which the mapping does not fill",
                column=column.name,
            )


def _check_key_collations(dialect: Dialect, existing: TargetTable, keys: Sequence[str]) -> None:
    for column in existing.columns:
        if column.name in keys and not dialect.key_collation_is_exact(column):
            raise TargetRefused(
                f"key column {column.name!r} of table {existing.name.name!r} has the collation {column.collation},"
                " under which different texts are one key; a binary no-pad collation is needed",
                code="inexact_key_collation",
                column=column.name,
            )


def _warnings(mode: WriteMode, existing: TargetTable) -> tuple[Warned, ...]:
    if mode is not WriteMode.REPLACE or not existing.swap_blockers:
        return ()
    hanging = ", ".join(existing.swap_blockers[:5])
    message = f"the table is emptied and filled in one transaction instead of swapped, because of: {hanging}"
    return (Warned(code="replace_by_delete", message=message),)
