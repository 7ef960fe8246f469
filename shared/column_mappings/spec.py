"""What the specs of all column mappings have in common: names, frozen models, unknown options refused."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def refuse_nul(text: str) -> str:
    """Return the text unless it holds the NUL character, which no name and no PostgreSQL text can hold."""
    if "\0" in text:
        raise ValueError("must not hold the NUL character")
    return text


def refuse_duplicates(names: Sequence[str]) -> Sequence[str]:
    """Return the names unless one stands twice."""
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ValueError(f"names {name!r} twice")
    return names


NoNul = AfterValidator(refuse_nul)
SourceName = Annotated[str, Field(min_length=1, max_length=256), NoNul]
FieldName = Annotated[str, Field(min_length=1, max_length=63), NoNul]

OneSource = Annotated[tuple[SourceName, ...], Field(min_length=1, max_length=1)]
OneField = Annotated[tuple[FieldName, ...], Field(min_length=1, max_length=1)]
ManySources = Annotated[
    tuple[SourceName, ...], Field(min_length=2, max_length=1000), AfterValidator(refuse_duplicates)
]
ManyFields = Annotated[
    tuple[FieldName, ...], Field(min_length=2, max_length=1000), AfterValidator(refuse_duplicates)
]


class SpecModel(BaseModel):
    """Frozen; an unknown field or option is refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
