"""Schemas as they come in and go out."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

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
from shared.documents.schema import Schema
from shared.types import DataType, TargetField

MAX_COLUMNS = 1000
MAX_PRECISION = 1000
MAX_LENGTH = 10_485_760

ColumnName = Annotated[Line, Field(min_length=1, max_length=63)]


class ColumnIn(Payload):
    """One column. decimal needs precision and scale; length is for string only."""

    name: ColumnName
    data_type: DataType
    nullable: Flag = True
    primary_key: Flag = False
    precision: Annotated[WholeNumber, Field(ge=1, le=MAX_PRECISION)] | None = Field(
        default=None, validate_default=True
    )
    scale: Annotated[WholeNumber, Field(ge=0, le=MAX_PRECISION)] | None = Field(
        default=None, validate_default=True
    )
    length: Annotated[WholeNumber, Field(ge=1, le=MAX_LENGTH)] | None = None

    @field_validator("precision", "scale")
    @classmethod
    def _check_decimal(cls, value: int | None, info: ValidationInfo) -> int | None:
        is_decimal = info.data.get("data_type") is DataType.DECIMAL
        if is_decimal and value is None:
            raise PydanticCustomError("missing", "Field required for decimal")
        if not is_decimal and value is not None and "data_type" in info.data:
            raise PydanticCustomError("decimal_only", "is for decimal only")
        precision = info.data.get("precision")
        if info.field_name == "scale" and value is not None and precision is not None and value > precision:
            raise PydanticCustomError("scale_beyond_precision", "must not be more than the precision")
        return value

    @field_validator("length")
    @classmethod
    def _check_length(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("data_type") not in (None, DataType.STRING):
            raise PydanticCustomError("string_only", "is for string only")
        return value


def _check_names(columns: list[ColumnIn]) -> list[ColumnIn]:
    seen: set[str] = set()
    for column in columns:
        if column.name.casefold() in seen:
            raise ValueError(f"the name {column.name!r} stands twice, ignoring case")
        seen.add(column.name.casefold())
    return columns


ColumnList = Annotated[
    list[ColumnIn], Field(min_length=1, max_length=MAX_COLUMNS), AfterValidator(_check_names)
]


class SchemaCreate(Payload):
    name: Name
    description: Description | None = None
    columns: ColumnList


@partial_of(SchemaCreate)
class SchemaUpdate(Payload):
    """Fields to change; `columns` replaces the whole list and may only widen what there is."""


class SchemaInfer(Payload):
    """Where to look: a query, or a table (`name`, or `namespace.name`)."""

    connection_id: Reference
    query: Annotated[str, Field(min_length=1)] | None = None
    table: Annotated[Line, Field(min_length=1, max_length=130)] | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.query is None) == (self.table is None):
            raise ValueError("exactly one of query and table is needed")
        return self


class SchemaRead(Answer):
    id: IdText
    name: str
    description: str | None
    columns: list[TargetField]
    created_at: UtcInstant
    updated_at: UtcInstant
    version: int


class InferredSchema(Answer):
    columns: list[TargetField]


def read_schema(schema: Schema) -> SchemaRead:
    """Return a schema as it is shown."""
    return SchemaRead(
        id=str(schema.id),
        name=schema.name,
        description=schema.description,
        columns=list(schema.columns),
        created_at=schema.created_at,
        updated_at=schema.updated_at,
        version=schema.version,
    )


def read_fields(columns: list[ColumnIn]) -> tuple[TargetField, ...]:
    """Return columns that came in as they are stored."""
    return tuple(TargetField(**column.model_dump()) for column in columns)
