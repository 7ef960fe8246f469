"""The switches that pause a tenant or the whole installation, as they come in and go out."""

from typing import Annotated

from pydantic import Field

from config_api.fields import Answer, Flag, Line, Payload, UtcInstant, partial_of
from shared.documents.pause import Pause


class PauseSwitch(Payload):
    paused: Flag = False
    note: Annotated[Line, Field(max_length=500)] | None = Field(default=None, description="Why, for people")


@partial_of(PauseSwitch)
class PauseUpdate(Payload):
    """Fields to change."""


class InstallationPauseRead(Answer):
    """The switch of the whole installation; `since` is null while it is off."""

    paused: bool
    note: str | None
    since: UtcInstant | None
    version: int


class PauseRead(Answer):
    """The tenant's own switch, and that of the installation: either of them keeps runs from starting."""

    paused: bool
    note: str | None
    since: UtcInstant | None
    installation: InstallationPauseRead
    version: int


def read_installation(pause: Pause) -> InstallationPauseRead:
    """Return the switch of the installation as it is shown."""
    return InstallationPauseRead(
        paused=pause.paused, note=pause.note, since=pause.since, version=pause.version
    )


def read_pause(tenant: Pause, installation: Pause) -> PauseRead:
    """Return the switches of a tenant as they are shown."""
    return PauseRead(
        paused=tenant.paused,
        note=tenant.note,
        since=tenant.since,
        installation=read_installation(installation),
        version=tenant.version,
    )
