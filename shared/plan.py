"""What a run will do, decided once: the plan endpoint shows it, the executor follows it. Nothing is written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from shared.column_mappings.row_mapper import RowMapper, compile_row_mapper
from shared.dialects import dialect_for
from shared.dialects.base import (
    ConnectionSettings,
    Dialect,
    Purpose,
    Session,
    SessionLimits,
    TableName,
    TargetTable,
)
from shared.documents.base import Value
from shared.documents.mapping import (
    Mapping,
    MappingVersion,
    WriteMode,
    effective_key_columns,
    effective_write_mode,
)
from shared.documents.run import Window
from shared.errors import AccessDenied, ConfigError, InvalidMapping, SchemaMismatch, TargetRefused
from shared.query_gate import check_query, clean_query
from shared.types import SourceColumn, TargetField

PLAN_LIMITS = SessionLimits(connect_seconds=5, statement_seconds=20, lock_seconds=5)

Gear = Literal["pass_through", "pushed_down", "line_mapper"]


class Warned(Value):
    """Something the reader should know that does not stop the run."""

    code: str
    message: str


class PlanProblem(Value):
    """Something that stops the run."""

    loc: tuple[str | int, ...]
    code: str
    message: str


class PlanStatement(Value):
    where: Literal["source", "target"]
    sql: str


class Plan(Value):
    """The answer of POST /mappings/{id}/plan (API.md)."""

    gear: Gear | None
    gear_reason: str
    statements: tuple[PlanStatement, ...]
    ddl: tuple[str, ...]
    write_mode: WriteMode
    window: Window | None
    exactness: str
    estimated_rows: int | None
    warnings: tuple[Warned, ...] = ()
    problems: tuple[PlanProblem, ...] = ()


@dataclass(frozen=True)
class SourcePlan:
    """How the source is read. `columns` are those that travel, in their order in the wire SELECT;
    `described` are all that the query has."""

    columns: tuple[SourceColumn, ...]
    described: tuple[SourceColumn, ...]
    sql: str
    gear: Gear
    gear_reason: str
    row_mapper: RowMapper


@dataclass(frozen=True)
class TargetPlan:
    """Where the rows go. `existing` is None when the table has to be created; `ddl` comes before the load."""

    table: TableName
    existing: TargetTable | None
    fields: tuple[TargetField, ...]
    keys: tuple[str, ...]
    write_mode: WriteMode
    ddl: tuple[str, ...]
    warnings: tuple[Warned, ...]


def target_table_name(mapping: Mapping, schema_name: str, dialect: Dialect) -> TableName:
    """Return the table a mapping fills: its `target_table`, else the schema's name, exactly."""
    return TableName(mapping.target_table or schema_name, dialect.capabilities.default_namespace)


def plan_source(
    version: MappingVersion, session: Session, settings: ConnectionSettings, target: Dialect
) -> SourcePlan:
    """Describe the query, compile the column mappings for this target and choose the gear.

    Raises InvalidQuery, InvalidMapping.
    """
    check_query(version.mapping.source_query, settings.db_type)
    query = clean_query(version.mapping.source_query)
    columns = described = session.dialect.describe(session, query)
    row_mapper = compile_row_mapper(
        described,
        version.target_schema.columns,
        version.column_mappings,
        limits=target.capabilities.limits,
        key_columns=effective_key_columns(version.mapping, version.target_schema),
        session_time_zone=settings.session_time_zone,
        source_text_may_hold_nul=session.dialect.capabilities.limits.nul_in_text,
    )
    gear, reason = _choose_gear(row_mapper)
    if gear == "pass_through":
        columns = tuple(columns[index] for index in row_mapper.identity or ())
    sql = session.dialect.wire_select(query, columns)
    return SourcePlan(tuple(columns), tuple(described), sql, gear, reason, row_mapper)


def _choose_gear(row_mapper: RowMapper) -> tuple[Gear, str]:
    if row_mapper.identity is None:
        return "line_mapper", row_mapper.reason_not_identity
    return "pass_through", "every column is direct and its values fit the target's type as they are"


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
    return TargetPlan(table, existing, tuple(fields), keys, mode, tuple(ddl), _warnings(mode, existing))


def _missing_columns(
    dialect: Dialect, existing: TargetTable, declared: Sequence[TargetField], keys: Sequence[str]
) -> list[str]:
    present = {column.name for column in existing.columns}
    missing = [field for field in declared if field.name not in present]
    for field in missing:
        if not field.nullable or field.name in keys:
            raise SchemaMismatch(
                f"table {existing.name.name!r} has no column {field.name!r}, and only nullable columns are added",
                column=field.name,
            )
    return [dialect.add_column_sql(existing.name, field) for field in missing]


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


EXACTNESS = {
    WriteMode.APPEND: "the result of the query at one instant is added once, whatever fails and is tried again",
    WriteMode.REPLACE: "after the run the table equals the result of the query at one instant",
    WriteMode.UPSERT: "after the run every key of the result has its values; no row is deleted",
}


def make_plan(version: MappingVersion, source: ConnectionSettings, target: ConnectionSettings) -> Plan:
    """Plan a run of a mapping against both databases, which are read but never written. Blocking.

    Faults of the mapping are `problems` of the plan; a database that cannot be reached raises.
    """
    source_session = dialect_for(source.db_type).connect(source, Purpose.PREVIEW, PLAN_LIMITS)
    try:
        with _target_session(target) as target_session:
            return _plan(version, source_session, source, target_session)
    finally:
        source_session.close()


@contextmanager
def _target_session(target: ConnectionSettings) -> Iterator[Session]:
    """Open the target for reading; a file that is not there yet is looked at as the empty one it will be."""
    dialect = dialect_for(target.db_type)
    with TemporaryDirectory() as folder:
        try:
            session = dialect.connect(target, Purpose.PREVIEW, PLAN_LIMITS)
        except AccessDenied as error:
            if error.code != "database_not_found" or target.host is not None:
                raise
            empty = Path(folder) / "empty"
            empty.touch()
            session = dialect.connect(replace(target, database=str(empty)), Purpose.PREVIEW, PLAN_LIMITS)
        try:
            yield session
        finally:
            session.close()


def _plan(
    version: MappingVersion,
    source_session: Session,
    source: ConnectionSettings,
    target_session: Session,
) -> Plan:
    mode = effective_write_mode(version.mapping, version.target_schema)
    try:
        reading = plan_source(version, source_session, source, target_session.dialect)
        writing = plan_target(version, reading.row_mapper.fields, target_session)
    except ConfigError as error:
        problem = PlanProblem(loc=error.loc, code=error.code, message=error.message)
        return Plan(
            gear=None, gear_reason="the mapping cannot run yet: see problems", statements=(), ddl=(), write_mode=mode,
            window=None, exactness=EXACTNESS[mode], estimated_rows=None, problems=(problem,),
        )  # fmt: skip
    return Plan(
        gear=reading.gear,
        gear_reason=reading.gear_reason,
        statements=(PlanStatement(where="source", sql=reading.sql),),
        ddl=writing.ddl,
        write_mode=mode,
        window=None,
        exactness=EXACTNESS[mode],
        estimated_rows=None,
        warnings=writing.warnings,
    )
