"""join: the texts of two or more source columns, in order, into one target field."""

from typing import Annotated, Literal

from pydantic import Field

from shared.column_mappings.spec import ManySources, OneField, SpecModel, Text


class JoinConfig(SpecModel):
    """The separator is literal and may be empty; `on_null` says what a NULL among the sources does."""

    separator: Annotated[Text, Field(max_length=100)]
    on_null: Literal["skip", "empty", "null"] = "skip"


class Join(SpecModel):
    """The texts of the sources with the separator between them, then cast strictly to the field's type."""

    type: Literal["join"] = "join"
    source_columns: ManySources
    target_fields: OneField
    config: JoinConfig
