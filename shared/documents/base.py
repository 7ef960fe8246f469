"""What every stored document has."""

from datetime import datetime
from typing import Annotated, Any, Self

from bson import ObjectId
from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic_core import core_schema

from shared.errors import NewerFormat

Id = Annotated[
    ObjectId,
    GetPydanticSchema(lambda _source, _handler: core_schema.is_instance_schema(ObjectId)),
]

DEFAULT_TENANT = "default"
# The newest format of any document that this code knows. A class whose documents change so that older code must
# keep its hands off them takes the next number; docs/formats.md has the list.
FORMAT = 2


def known_format() -> int:
    """Return the newest format that this code knows."""
    return FORMAT


def check_format(found: int, noun: str) -> None:
    """Raise NewerFormat for what a newer version has written."""
    if found > FORMAT:
        raise NewerFormat(
            f"{noun} has format {found}, this version knows formats up to {FORMAT}: upgrade this service",
            found=found,
        )


class Value(BaseModel):
    """A frozen part of a document. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", hide_input_in_errors=True)


class StoredDocument(BaseModel):
    """A document as MongoDB keeps it; `id` is its `_id`.

    `format` is the number of the document's shape: code refuses a number that it does not know, and reads
    every older one. Unknown fields are ignored on reading, so that an older service survives a newer one's
    additions.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    id: Id = Field(default_factory=ObjectId)
    tenant_id: str = DEFAULT_TENANT
    version: int = 1
    format: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_mongo(cls, stored: dict[str, Any]) -> Self:
        """Read a document as the driver returned it. Raises NewerFormat."""
        check_format(stored.get("format", 1), f"a {cls.__name__} document")
        return cls.model_validate({**stored, "id": stored["_id"]})

    @classmethod
    def newest_format(cls) -> int:
        """Return the format that this version writes."""
        return int(cls.model_fields["format"].default)

    def to_mongo(self) -> dict[str, Any]:
        """Return the dict to store; dates are aware datetimes, references are ObjectIds."""
        stored = self.model_dump()
        stored["_id"] = stored.pop("id")
        return stored
