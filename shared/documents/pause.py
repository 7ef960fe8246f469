"""pauses: the switches that keep runs from starting, one for each tenant and one for the whole installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.documents.base import StoredDocument, Value

INSTALLATION = "*"


class Interval(Value):
    """From `since`, inclusive, to `until`, exclusive; None while it goes on."""

    since: datetime
    until: datetime | None = None

    def covers(self, instant: datetime) -> bool:
        return self.since <= instant and (self.until is None or instant < self.until)


class Pause(StoredDocument):
    """One switch: of the tenant `tenant_id`, or of all when that is INSTALLATION.

    `intervals` are the times it was on, oldest first: a tick that is looked at later is judged by its own instant.
    """

    paused: bool = False
    note: str | None = None
    intervals: tuple[Interval, ...] = ()

    @property
    def since(self) -> datetime | None:
        """Since when it is on."""
        return self.intervals[-1].since if self.paused else None


@dataclass(frozen=True)
class Pauses:
    """All switches of an installation."""

    all: Sequence[Pause] = ()

    def holds(self, tenant_id: str) -> bool:
        """Whether a tenant's runs are kept from starting now."""
        return any(pause.paused for pause in self.all if pause.tenant_id in (tenant_id, INSTALLATION))

    @property
    def installation(self) -> bool:
        """Whether the whole installation is paused."""
        return any(pause.paused for pause in self.all if pause.tenant_id == INSTALLATION)

    @property
    def tenants(self) -> list[str]:
        """The tenants that are paused for themselves."""
        return [pause.tenant_id for pause in self.all if pause.paused and pause.tenant_id != INSTALLATION]

    def covered(self, tenant_id: str, instant: datetime) -> bool:
        """Whether a switch was on at an instant."""
        return any(
            interval.covers(instant)
            for pause in self.all
            if pause.tenant_id in (tenant_id, INSTALLATION)
            for interval in pause.intervals
        )
