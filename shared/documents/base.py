"""What every stored document has."""

from datetime import datetime
from typing import Annotated, Any, Self

from bson import ObjectId
from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic_core import core_schema

Id = Annotated[
    ObjectId,
    GetPydanticSchema(lambda _source, _handler: core_schema.is_instance_schema(ObjectId)),
]

DEFAULT_TENANT = "default"
FORMAT = 1


class Value(BaseModel):
    """A frozen part of a document. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", hide_input_in_errors=True)


class StoredDocument(BaseModel):
    """A document as MongoDB keeps it; `id` is its `_id`.

    `format` is the number of the document's shape: code refuses a number it does not know. Unknown
    fields are ignored on reading, so that an older service survives a newer one's additions.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    id: Id = Field(default_factory=ObjectId)
    tenant_id: str = DEFAULT_TENANT
    version: int = 1
    format: int = FORMAT
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_mongo(cls, stored: dict[str, Any]) -> Self:
        """Read a document as the driver returned it."""
        return cls.model_validate({**stored, "id": stored["_id"]})

    def to_mongo(self) -> dict[str, Any]:
        """Return the dict to store; dates are aware datetimes, references are ObjectIds."""
        stored = self.model_dump()
        stored["_id"] = stored.pop("id")
        return stored
