"""Moving a cursor and reading a range again, as they come in and go out."""

from typing import Annotated

from pydantic import Field

from config_api.fields import Answer, IdText, Line, Payload, WholeNumber

CursorValue = Annotated[Line, Field(min_length=1, max_length=200)] | WholeNumber


class CursorMoveRequest(Payload):
    """Where the next window starts, exclusive; null starts again from the initial value."""

    value: CursorValue | None


class CursorRead(Answer):
    """The decision as the ledger of the target keeps it."""

    mapping_id: IdText
    cursor_column: str
    watermark: str | None


class BackfillRequest(Payload):
    """A range of the cursor, both ends included; `chunk` is seconds for dates and instants, else a number."""

    low: CursorValue = Field(alias="from")
    high: CursorValue = Field(alias="to")
    chunk: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] | None = None
