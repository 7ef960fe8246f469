"""direct: one source column into one target field."""

from typing import Annotated, Literal

from pydantic import Field

from shared.column_mappings.spec import NoNul, OneField, OneSource, SpecModel


class DirectConfig(SpecModel):
    """`default` stands in for NULL; it is cast strictly, as text, to the field's type."""

    cast: Literal["strict", "lossy"] = "strict"
    default: Annotated[str, Field(max_length=10_000), NoNul] | bool | int | None = None


class Direct(SpecModel):
    """The source value, cast to the field's type."""

    type: Literal["direct"] = "direct"
    source_columns: OneSource
    target_fields: OneField
    config: DirectConfig = DirectConfig()
