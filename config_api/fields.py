"""The kinds of fields that payloads are made of."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

from bson import ObjectId
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    create_model,
)

from shared.clock import cut_to_milliseconds
from shared.errors import NotFound

P = TypeVar("P", bound="Payload")
ID_PATTERN = "^[0-9a-fA-F]{24}$"


class Payload(BaseModel):
    """What comes in: frozen, unknown fields refused, the input never repeated."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Answer(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


def _no_control_characters(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not hold control characters")
    return text


def _not_blank(text: str) -> str:
    if text != text.strip() or not text:
        raise ValueError("must not be empty or begin or end with a space")
    return text


def _instant_text(value: object) -> object:
    if isinstance(value, str | datetime):
        return value
    raise ValueError("must be an instant such as 2026-01-31T02:00:00Z")


def _to_utc(instant: datetime) -> datetime:
    try:
        return cut_to_milliseconds(instant.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("must be an instant from year 1 to year 9999") from error


Line = Annotated[str, AfterValidator(_no_control_characters)]
Name = Annotated[Line, Field(min_length=1, max_length=200), AfterValidator(_not_blank)]
Description = Annotated[str, Field(max_length=10_000)]
WholeNumber = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant_text), AfterValidator(_to_utc)]
Reference = Annotated[str, Field(pattern=ID_PATTERN)]
IdText = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, ObjectId) else value),
    Field(pattern=ID_PATTERN),
]
UtcInstant = Annotated[
    datetime,
    PlainSerializer(
        lambda instant: instant.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        return_type=str,
        when_used="json",
    ),
]


def parse_path_id(text: str, noun: str) -> ObjectId:
    """Return the id in a path. Raises NotFound: what cannot be an id is an id of nothing."""
    if len(text) != 24 or not ObjectId.is_valid(text):
        raise NotFound(f"There is no such {noun}")
    return ObjectId(text)


def partial_of(create: type[BaseModel]) -> "_PartialOf":
    """Give a payload class every field of `create`, each optional and nullable: the body of a PUT."""
    return _PartialOf(create)


class _PartialOf:
    def __init__(self, create: type[BaseModel]) -> None:
        self._create = create

    def __call__(self, payload: type[P]) -> type[P]:
        fields = {
            name: (_optional(info.rebuild_annotation()), None)
            for name, info in self._create.model_fields.items()
        }
        made: type[P] = create_model(  # type: ignore[call-overload]  # the fields are known at run time only
            payload.__name__,
            __base__=payload,
            __module__=payload.__module__,
            __doc__=payload.__doc__,
            **fields,
        )
        return made


def _optional(annotation: object) -> object:
    return annotation | None  # type: ignore[operator]  # every annotation of a field supports it
