"""split: the text of one source column, cut at a delimiter into two or more target fields."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.column_mappings.spec import ManyFields, OneSource, SpecModel, Text
from shared.column_mappings.split_regex import check_regex


class SplitConfig(SpecModel):
    """The delimiter is literal unless `regex` is set; `trim` removes ASCII spaces around each part."""

    delimiter: Annotated[Text, Field(min_length=1, max_length=100)]
    on_extra: Literal["keep_in_last", "drop", "error"] = "keep_in_last"
    on_missing: Literal["null", "error"] = "null"
    trim: bool = False
    regex: bool = False

    @model_validator(mode="after")
    def _check_regex(self) -> Self:
        if self.regex:
            check_regex(self.delimiter)
        return self


class Split(SpecModel):
    """Part i of the source's text goes to field i, then is cast strictly to the field's type."""

    type: Literal["split"] = "split"
    source_columns: OneSource
    target_fields: ManyFields
    config: SplitConfig
