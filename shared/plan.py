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
from shared.dialects.binary_copy import binary_select, speaks_binary
from shared.documents.base import Value
from shared.documents.mapping import (
    Mapping,
    MappingVersion,
    WriteMode,
    effective_key_columns,
    effective_write_mode,
)
from shared.documents.run import Window
from shared.errors import AccessDenied, ConfigError, DataError, InvalidMapping, SchemaMismatch, TargetRefused
from shared.late_commits import late_commits_reason
from shared.ledger_tables import ledger_tables
from shared.query_gate import check_query, clean_query
from shared.types import SourceColumn, TargetField
from shared.watermarks import ReadWindow, WindowInputs, last_watermark, plan_window, query_to_describe

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
    `described` are all that the query has. `checked_by_target`: see `choose_gear`."""

    columns: tuple[SourceColumn, ...]
    described: tuple[SourceColumn, ...]
    query: str
    sql: str
    gear: Gear
    gear_reason: str
    row_mapper: RowMapper
    incremental: bool = False
    checked_by_target: bool = False
    binary: bool = False


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
    """Describe the query and compile the column mappings for this target; `choose_gear` comes after.

    Raises InvalidQuery, InvalidMapping.
    """
    check_query(version.mapping.source_query, settings.db_type)
    query = clean_query(version.mapping.source_query)
    bare = query_to_describe(query)
    described = session.dialect.describe(session, bare)
    row_mapper = compile_row_mapper(
        described,
        version.target_schema.columns,
        version.column_mappings,
        limits=target.capabilities.limits,
        key_columns=effective_key_columns(version.mapping, version.target_schema),
        session_time_zone=settings.session_time_zone,
        source_text_may_hold_nul=session.dialect.capabilities.limits.nul_in_text,
    )
    columns = tuple(described)
    sql = session.dialect.wire_select(bare, columns)
    return SourcePlan(
        columns,
        columns,
        query,
        sql,
        "line_mapper",
        row_mapper.reason_not_identity,
        row_mapper,
        incremental=version.mapping.incremental is not None,
    )


def choose_gear(
    reading: SourcePlan, writing: TargetPlan, source: Dialect, target: Dialect, *, checked: bool = False
) -> SourcePlan:
    """Return the plan in the fastest gear that changes no value.

    Where the target itself refuses what it cannot hold, rows pass through unchecked and `checked_by_target`
    is set: a load that the target refuses is read again with every row `checked`, to name or set aside the
    rows that it refused.
    """
    mapper = reading.row_mapper
    if mapper.identity is not None:
        passed = _passed_through(reading, mapper.identity, source, checked_by_target=False)
        return _in_binary(passed, writing, source, target)
    if mapper.identity_when_taken is None or checked:
        reason = mapper.reason_not_identity if not checked else "the target refused rows: each is checked"
        return replace(reading, gear_reason=reason)
    if not (target.capabilities.limits.refuses_misfits and _refuses_nulls(writing)):
        return replace(reading, gear_reason=mapper.reason_not_identity)
    passed = _passed_through(reading, mapper.identity_when_taken, source, checked_by_target=True)
    return _in_binary(passed, writing, source, target)


def _in_binary(reading: SourcePlan, writing: TargetPlan, source: Dialect, target: Dialect) -> SourcePlan:
    """Let rows travel in binary where both ends speak it and no column's type would be changed by that."""
    if reading.incremental or not speaks_binary(source, target):
        return reading
    sql = binary_select(source, reading.query, reading.columns, writing.fields)
    if sql is None:
        return reading
    return replace(reading, sql=sql, binary=True, gear_reason=f"{reading.gear_reason}; in binary")


def _passed_through(
    reading: SourcePlan, places: Sequence[int], source: Dialect, *, checked_by_target: bool
) -> SourcePlan:
    columns = tuple(reading.described[place] for place in places)
    reason = "every column is direct and its values fit the target's type as they are"
    if checked_by_target:
        reason = "every column is direct and of the target's type; the target refuses what it cannot hold"
    sql = source.wire_select(query_to_describe(reading.query), columns)
    return replace(
        reading,
        columns=columns,
        sql=sql,
        gear="pass_through",
        gear_reason=reason,
        checked_by_target=checked_by_target,
    )


def _refuses_nulls(writing: TargetPlan) -> bool:
    """Tell whether the rows are loaded where every required field's column is NOT NULL."""
    if writing.write_mode is WriteMode.UPSERT or (writing.write_mode is WriteMode.APPEND and writing.keys):
        return False  # a bare staging table takes everything
    if writing.existing is None:
        return True
    not_null = {column.name for column in writing.existing.columns if not column.nullable}
    return all(
        field.name in not_null for field in writing.fields if not field.nullable or field.name in writing.keys
    )


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
            return _plan(version, source_session, source, target_session, target)
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
    target: ConnectionSettings,
) -> Plan:
    mode = effective_write_mode(version.mapping, version.target_schema)
    try:
        reading = plan_source(version, source_session, source, target_session.dialect)
        writing = plan_target(version, reading.row_mapper.fields, target_session)
        reading = choose_gear(reading, writing, source_session.dialect, target_session.dialect)
        window = _plan_window(version, reading, writing, source_session, target_session, target)
    except (ConfigError, DataError) as error:
        problem = PlanProblem(loc=error.loc, code=error.code, message=error.message)
        return Plan(
            gear=None, gear_reason="the mapping cannot run yet: see problems", statements=(), ddl=(), write_mode=mode,
            window=None, exactness=EXACTNESS[mode], estimated_rows=None, problems=(problem,),
        )  # fmt: skip
    sql = reading.sql
    if window is not None:
        sql = source_session.dialect.wire_select(window.query, reading.columns, where=window.where)
    return Plan(
        gear=reading.gear,
        gear_reason=reading.gear_reason,
        statements=(PlanStatement(where="source", sql=sql),),
        ddl=writing.ddl,
        write_mode=mode,
        window=None if window is None else window.window,
        exactness=EXACTNESS[mode],
        estimated_rows=None,
        warnings=(*writing.warnings, *_window_warnings(version, window, source_session)),
    )


def _plan_window(
    version: MappingVersion,
    reading: SourcePlan,
    writing: TargetPlan,
    source_session: Session,
    target_session: Session,
    target: ConnectionSettings,
) -> ReadWindow | None:
    """Return the window that a run would take now, None without a cursor."""
    incremental = version.mapping.incremental
    if incremental is None:
        return None
    runs = ledger_tables(target, target_session.dialect).runs
    last = None
    if target_session.dialect.find_table(target_session, runs) is not None:
        last = last_watermark(target_session, runs, str(version.mapping_id), writing.table.name)
    return plan_window(WindowInputs(incremental, reading.query, reading.described, last), source_session)


def _window_warnings(
    version: MappingVersion, window: ReadWindow | None, source: Session
) -> tuple[Warned, ...]:
    incremental = version.mapping.incremental
    if window is None or incremental is None or incremental.lookback:
        return ()
    reason = late_commits_reason(source, window.cursor)
    if reason is None:
        return ()
    message = f"rows committed late can be missed: {reason}; a lookback reads the last stretch again"
    return (Warned(code="late_commits", message=message),)
