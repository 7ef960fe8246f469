"""join: the texts of two or more source columns, in order, into one target field."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from shared.column_mappings.spec import ManySources, NoNul, OneField, SpecModel


class JoinConfig(SpecModel):
    """The separator is literal and may be empty; `on_null` says what a NULL among the sources does."""

    separator: Annotated[str, Field(max_length=100), NoNul]
    on_null: Literal["skip", "empty", "null"] = "skip"


class Join(SpecModel):
    """The texts of the sources with the separator between them, then cast strictly to the field's type."""

    type: Literal["join"] = "join"
    source_columns: ManySources
    target_fields: OneField
    config: JoinConfig


def compile_join(spec: Join) -> Callable[[Sequence[bytes | None]], bytes | None]:
    """Return the function that joins the texts of the spec's sources, NULL being None.

    Shapes: len(spec.source_columns) texts, in their order -> one text or None.
    Units:  bytes are UTF-8; the separator is literal.
    Source: DESIGN.md §8; checked against docs/column_mappings.md.
    """
    separator, on_null = spec.config.separator.encode(), spec.config.on_null

    def join(texts: Sequence[bytes | None]) -> bytes | None:
        present = [text for text in texts if text is not None]
        if len(present) == len(texts):
            return separator.join(present)
        if on_null == "null" or (not present and on_null == "skip"):
            return None
        if on_null == "empty":
            return separator.join([text or b"" for text in texts])
        return separator.join(present)

    return join
