"""mappings: a source query, a target table, and how the rows get there; mapping_versions: what a run used."""

from enum import StrEnum
from typing import Annotated, Literal

from bson import ObjectId
from pydantic import Field

from shared.column_mappings import ColumnMappingSpec
from shared.documents.base import Id, StoredDocument, Value
from shared.documents.connection import DEFAULT_TARGET_ID
from shared.documents.schema import Schema


class WriteMode(StrEnum):
    APPEND = "append"
    REPLACE = "replace"
    UPSERT = "upsert"


class Incremental(Value):
    """Windowed reading by a cursor column; `initial_value` is text in the column's form, exclusive."""

    cursor_column: str
    initial_value: str | None = None
    lookback: float | int | None = Field(default=None, ge=0)


class ReadInParts(Value):
    """Ranges of an output column of the query that are read side by side, from one snapshot; `parts` at most."""

    column: str = Field(min_length=1)
    parts: Annotated[int, Field(strict=True, ge=2, le=8)]


class ErrorPolicy(Value):
    policy: Literal["fail", "quarantine"] = "fail"
    max_rows: int | None = Field(default=None, ge=0)
    max_percent: float | None = Field(default=None, ge=0, le=100)


class Guards(Value):
    min_rows: int | None = Field(default=None, ge=0)
    max_change_percent: float | None = Field(default=None, ge=0)
    allow_empty: bool = False


class Retry(Value):
    max_attempts: int = Field(default=3, ge=1, le=100)
    backoff_seconds: float = Field(default=10, ge=0, le=86400)


class Mapping(StoredDocument):
    """`target_connection_id` None means the default target; `key_columns` None means the schema's keys."""

    name: str
    description: str | None = None
    source_connection_id: Id
    source_query: str
    target_schema_id: Id
    target_connection_id: Id | None = None
    target_table: str | None = None
    write_mode: WriteMode | None = None
    key_columns: tuple[str, ...] | None = None
    incremental: Incremental | None = None
    read_in_parts: ReadInParts | None = None
    on_error: ErrorPolicy = ErrorPolicy()
    guards: Guards = Guards()
    take_over_table: bool = False
    retry: Retry = Retry()
    timeout_seconds: int = Field(default=21600, ge=1, le=604800)
    notify: tuple[str, ...] = ()

    @property
    def uses(self) -> tuple[str, ...]:
        """The connections that its runs use, each once."""
        return connections_of(self.source_connection_id, self.target_connection_id)


class MappingVersion(StoredDocument):
    """What a run used, immutable: the mapping, its column mappings and its schema at one version."""

    mapping_id: Id
    mapping_version: int
    mapping: Mapping
    column_mappings: tuple[ColumnMappingSpec, ...]
    target_schema: Schema


def connections_of(source_connection_id: ObjectId, target_connection_id: ObjectId | None) -> tuple[str, ...]:
    """Return the connections that runs of a mapping use, each once."""
    target = DEFAULT_TARGET_ID if target_connection_id is None else str(target_connection_id)
    return tuple(dict.fromkeys((str(source_connection_id), target)))


def effective_key_columns(mapping: Mapping, schema: Schema) -> tuple[str, ...]:
    """Return the mapping's key columns: its own, else the schema's primary key columns, in schema order."""
    if mapping.key_columns is not None:
        return mapping.key_columns
    return tuple(column.name for column in schema.columns if column.primary_key)


def effective_write_mode(mapping: Mapping, schema: Schema) -> WriteMode:
    """Return the write mode: the mapping's own, else the default of API.md, Mappings."""
    if mapping.write_mode is not None:
        return mapping.write_mode
    if mapping.incremental is None:
        return WriteMode.REPLACE
    return WriteMode.UPSERT if effective_key_columns(mapping, schema) else WriteMode.APPEND
