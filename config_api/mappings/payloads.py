"""Mappings, their column mappings, preview and versions as they come in and go out."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config_api.fields import (
    Answer,
    Description,
    Flag,
    IdText,
    Line,
    Name,
    Payload,
    Reference,
    UtcInstant,
    WholeNumber,
    partial_of,
)
from config_api.schemas.payloads import ColumnList
from shared.column_mappings import ColumnMappingSpec
from shared.column_mappings.direct import DirectConfig
from shared.column_mappings.join import JoinConfig
from shared.column_mappings.split import SplitConfig
from shared.documents.column_mapping import ColumnMapping
from shared.documents.mapping import (
    ErrorPolicy,
    Guards,
    Incremental,
    Mapping,
    MappingVersion,
    ReadInParts,
    Retry,
    WriteMode,
    effective_key_columns,
    effective_write_mode,
)
from shared.documents.schema import Schema
from shared.types import TargetField

MAX_QUERY_CHARACTERS = 200_000
MAX_COLUMN_MAPPINGS = 1000

Query = Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
# A login in a URL would be shown to everybody who may read the mapping.
Url = Annotated[
    Line,
    Field(
        max_length=2000,
        pattern=r"^(https?://[^\s/?#@\\]+([/?][^\s#]*)?|mailto:[^\s@,;:<>\"?&%]+@[A-Za-z0-9][A-Za-z0-9.-]*)$",
    ),
]
FieldName = Annotated[Line, Field(min_length=1, max_length=63)]
Seconds = Annotated[WholeNumber, Field(ge=1, le=604800)]
SpecList = Annotated[
    list[ColumnMappingSpec],
    Field(min_length=1, max_length=MAX_COLUMN_MAPPINGS),
    BeforeValidator(
        lambda value: [value] if isinstance(value, dict) else value,
        json_schema_input_type=ColumnMappingSpec | list[ColumnMappingSpec],
    ),
]
SpecSet = Annotated[list[ColumnMappingSpec], Field(max_length=MAX_COLUMN_MAPPINGS)]


def _refuse_twice(keys: list[str]) -> list[str]:
    if len(set(keys)) != len(keys):
        raise ValueError("names a column twice")
    return keys


KeyColumns = Annotated[list[FieldName], Field(min_length=1, max_length=64), AfterValidator(_refuse_twice)]


class MappingCreate(Payload):
    name: Name
    description: Description | None = None
    source_connection_id: Reference
    source_query: Query
    target_schema_id: Reference
    target_connection_id: Reference | None = Field(default=None, description="Absent: the default target")
    target_table: FieldName | None = Field(default=None, description="Absent: the schema's name, exactly")
    write_mode: WriteMode | None = None
    key_columns: KeyColumns | None = None
    incremental: Incremental | None = None
    read_in_parts: ReadInParts | None = Field(
        default=None, description="PostgreSQL sources only: ranges of a column, read side by side"
    )
    on_error: ErrorPolicy = ErrorPolicy()
    guards: Guards = Guards()
    take_over_table: Flag = False
    retry: Retry = Retry()
    timeout_seconds: Seconds = 21600
    notify: Annotated[list[Url], Field(max_length=20)] = Field(default=[])


@partial_of(MappingCreate)
class MappingUpdate(Payload):
    """Fields to change."""


class PreviewRequest(Payload):
    """A query to look at; with a schema, its rows after mapping too."""

    source_connection_id: Reference
    source_query: Query
    limit: Annotated[WholeNumber, Field(ge=1, le=1000)] = 10
    target_schema_id: Reference | None = None
    target_columns: ColumnList | None = Field(
        default=None, description="A schema that is not stored, in place of target_schema_id"
    )
    target_connection_id: Reference | None = Field(
        default=None,
        description="Whose limits count: null, the default target; absent, one of the source's kind",
    )
    key_columns: KeyColumns | None = Field(
        default=None, description="Absent: the schema's primary_key columns"
    )
    column_mappings: SpecSet = Field(default=[])

    @model_validator(mode="after")
    def _check_one_schema(self) -> Self:
        if self.target_schema_id is not None and self.target_columns is not None:
            raise ValueError("at most one of target_schema_id and target_columns is taken")
        return self


class MappingProblem(Answer):
    loc: list[str | int]
    code: str
    message: str


class MappingRead(Answer):
    id: IdText
    name: str
    description: str | None
    source_connection_id: IdText
    source_query: str
    target_schema_id: IdText
    target_connection_id: IdText | None
    target_table: str
    write_mode: WriteMode
    key_columns: list[str]
    incremental: Incremental | None
    read_in_parts: ReadInParts | None
    on_error: ErrorPolicy
    guards: Guards
    take_over_table: bool
    retry: Retry
    timeout_seconds: int
    notify: list[str]
    problems: list[MappingProblem]
    created_at: UtcInstant
    updated_at: UtcInstant
    version: int


class ColumnMappingRead(Answer):
    id: IdText
    type: Literal["direct", "split", "join"]
    source_columns: list[str]
    target_fields: list[str]
    config: DirectConfig | SplitConfig | JoinConfig


class MappingVersionRead(Answer):
    """What a run of this version used."""

    mapping_id: IdText
    version: int
    created_at: UtcInstant
    name: str
    source_connection_id: IdText
    source_query: str
    target_connection_id: IdText | None
    target_schema_id: IdText
    target_table: str
    write_mode: WriteMode
    key_columns: list[str]
    incremental: Incremental | None
    read_in_parts: ReadInParts | None
    on_error: ErrorPolicy
    guards: Guards
    column_mappings: list[ColumnMappingSpec]
    columns: list[TargetField]


def read_mapping(mapping: Mapping, schema: Schema, problems: list[MappingProblem]) -> MappingRead:
    """Return a mapping as it is shown, with its defaults filled in."""
    same = ("name", "description", "source_query", "incremental", "read_in_parts", "on_error", "guards")
    more = ("take_over_table", "retry", "timeout_seconds", "created_at", "updated_at", "version")
    target = mapping.target_connection_id
    return MappingRead(
        **{name: getattr(mapping, name) for name in (*same, *more)},
        id=str(mapping.id),
        source_connection_id=str(mapping.source_connection_id),
        target_schema_id=str(mapping.target_schema_id),
        target_connection_id=None if target is None else str(target),
        target_table=mapping.target_table or schema.name,
        write_mode=effective_write_mode(mapping, schema),
        key_columns=list(effective_key_columns(mapping, schema)),
        notify=list(mapping.notify),
        problems=problems,
    )


def read_column_mapping(column_mapping: ColumnMapping) -> ColumnMappingRead:
    """Return a column mapping as it is shown."""
    spec = column_mapping.spec
    return ColumnMappingRead(
        id=str(column_mapping.id),
        type=spec.type,
        source_columns=list(spec.source_columns),
        target_fields=list(spec.target_fields),
        config=spec.config,
    )


def read_version(version: MappingVersion) -> MappingVersionRead:
    """Return a version as it is shown."""
    mapping, schema = version.mapping, version.target_schema
    same = ("name", "source_query", "incremental", "read_in_parts", "on_error", "guards")
    target = mapping.target_connection_id
    return MappingVersionRead(
        **{name: getattr(mapping, name) for name in same},
        mapping_id=str(version.mapping_id),
        version=version.mapping_version,
        created_at=version.created_at,
        source_connection_id=str(mapping.source_connection_id),
        target_connection_id=None if target is None else str(target),
        target_schema_id=str(mapping.target_schema_id),
        target_table=mapping.target_table or schema.name,
        write_mode=effective_write_mode(mapping, schema),
        key_columns=list(effective_key_columns(mapping, schema)),
        column_mappings=list(version.column_mappings),
        columns=list(schema.columns),
    )
