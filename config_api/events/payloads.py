"""Live events as they go out, and what opens a web socket."""

from typing import Annotated, Literal

from pydantic import Field

from config_api.fields import Answer, IdText, Payload, UtcInstant
from config_api.runs.payloads import RunRead, read_run
from shared.store.events import StoredEvent


class EventRead(Answer):
    id: str
    type: Literal["run_queued", "run_started", "run_progress", "run_finished", "schedule_changed"]
    at: UtcInstant
    run: RunRead | None = None
    schedule_id: IdText | None = None

    def as_text(self) -> str:
        """Return the event as JSON, without the part that it is not about."""
        return self.model_dump_json(exclude={n for n in ("run", "schedule_id") if getattr(self, n) is None})


class Opening(Payload):
    """The first message of a web socket; `token` is an access token or an API key."""

    token: Annotated[str, Field(max_length=4096)] | None = None
    tenant_id: Annotated[str, Field(max_length=100)] | None = None
    last_event_id: Annotated[str, Field(max_length=4096)] | None = None


def read_event(event: StoredEvent) -> EventRead:
    """Return an event as it is sent."""
    return EventRead(
        id=event.id,
        type=event.type,
        at=event.at,
        run=None if event.run is None else read_run(event.run),
        schedule_id=event.schedule_id,
    )
