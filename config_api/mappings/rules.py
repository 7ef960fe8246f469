"""What a mapping must keep to when it is saved, and what still keeps it from running."""

import re
from collections.abc import Sequence

from config_api.mappings.payloads import MappingProblem
from shared.column_mappings import ColumnMappingSpec
from shared.column_mappings.row_mapper import find_problems
from shared.dialects import dialect_for
from shared.documents.connection import Connection
from shared.documents.mapping import (
    Incremental,
    Mapping,
    WriteMode,
    effective_key_columns,
    effective_write_mode,
)
from shared.documents.schema import Schema
from shared.errors import ConfigError, InvalidMapping
from shared.parts import refuse_source
from shared.types import TargetField

UNFILLED = "required_field_unfilled"
_PLACEHOLDER = re.compile(r"\{\{\s*(low|high)\s*\}\}")
_CURSOR_VALUE = re.compile(
    r"-?\d+(\.\d+)?|\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)


def check_mapping(mapping: Mapping, schema: Schema) -> None:
    """Raise InvalidMapping or ConfigError for what no later edit of something else could mend."""
    _check_keys(mapping, schema)
    if mapping.incremental is not None:
        _check_incremental(mapping, mapping.incremental, schema)
    elif _PLACEHOLDER.search(mapping.source_query):
        raise InvalidMapping(
            "{{low}} and {{high}} are for incremental mappings: set incremental, or leave them out",
            code="window_without_incremental",
            loc=("source_query",),
        )
    if mapping.on_error.policy == "fail" and (
        mapping.on_error.max_rows is not None or mapping.on_error.max_percent is not None
    ):
        raise InvalidMapping(
            "max_rows and max_percent are for the policy quarantine", loc=("on_error", "policy")
        )


def check_parts(mapping: Mapping, source: Connection) -> None:
    """Raise InvalidMapping for a mapping that reads in parts from a source that cannot be read so."""
    if mapping.read_in_parts is None:
        return
    if "\0" in mapping.read_in_parts.column:
        raise InvalidMapping("must name an output column of the query", loc=("read_in_parts", "column"))
    refuse_source(dialect_for(source.db_type.value).capabilities.shared_snapshots, source.db_type.value)


def check_specs(specs: Sequence[ColumnMappingSpec], columns: Sequence[TargetField]) -> None:
    """Raise InvalidMapping for column mappings that contradict the schema's columns or each other.

    A required field that nothing fills is no contradiction: the rest may be added later.
    """
    for problem in find_problems(specs, columns, None):
        if problem.code != UNFILLED:
            raise InvalidMapping(problem.message, code=problem.code, loc=problem.loc)


def find_mapping_problems(
    mapping: Mapping, specs: Sequence[ColumnMappingSpec], schema: Schema
) -> list[MappingProblem]:
    """Return what still keeps a mapping from running, as far as that shows without a database."""
    problems = [
        MappingProblem(loc=list(problem.loc), code=problem.code, message=problem.message)
        for problem in find_problems(specs, schema.columns, None)
    ]
    for check in (_check_keys, _check_incremental_of):
        try:
            check(mapping, schema)
        except ConfigError as error:
            problems.append(MappingProblem(loc=list(error.loc), code=error.code, message=error.message))
    return problems


def refuse_incomplete(problems: Sequence[MappingProblem], loc: tuple[str | int, ...] = ()) -> None:
    """Raise InvalidMapping `mapping_incomplete` naming the first problem, if there is one."""
    if problems:
        message = f"The mapping cannot run yet: {problems[0].message}"
        raise InvalidMapping(message, code="mapping_incomplete", loc=loc)


def check_key_columns(keys: Sequence[str] | None, columns: Sequence[TargetField]) -> None:
    """Raise InvalidMapping for a key column that the schema does not have."""
    names = {column.name for column in columns}
    for index, key in enumerate(keys or ()):
        if key not in names:
            message = f"The schema has no column {key!r}"
            raise InvalidMapping(message, code="unknown_key_column", loc=("key_columns", index))


def _check_keys(mapping: Mapping, schema: Schema) -> None:
    check_key_columns(mapping.key_columns, schema.columns)
    upsert = effective_write_mode(mapping, schema) is WriteMode.UPSERT
    if upsert and not effective_key_columns(mapping, schema):
        raise InvalidMapping(
            "upsert needs key_columns, or primary_key columns in the schema",
            code="missing_key",
            loc=("key_columns",),
        )


def _check_incremental_of(mapping: Mapping, schema: Schema) -> None:
    if mapping.incremental is not None:
        _check_incremental(mapping, mapping.incremental, schema)


def _check_incremental(mapping: Mapping, incremental: Incremental, schema: Schema) -> None:
    mode = effective_write_mode(mapping, schema)
    if mode is WriteMode.REPLACE:
        raise InvalidMapping(
            "incremental goes with append or upsert: replace needs the whole result",
            code="incremental_replace",
            loc=("write_mode",),
        )
    if not incremental.cursor_column or "\0" in incremental.cursor_column:
        raise InvalidMapping("must name an output column of the query", loc=("incremental", "cursor_column"))
    value = incremental.initial_value
    if value is not None and not _CURSOR_VALUE.fullmatch(value):
        raise InvalidMapping(
            "initial_value must be a number, a date (2024-01-31) or a timestamp (2024-01-31T00:00:00)",
            code="invalid_initial_value",
            loc=("incremental", "initial_value"),
        )
    if mode is WriteMode.APPEND and incremental.lookback and not effective_key_columns(mapping, schema):
        raise InvalidMapping(
            "lookback with append needs key_columns, so that rows read again are not added again",
            code="lookback_needs_key",
            loc=("incremental", "lookback"),
        )
