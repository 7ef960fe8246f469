"""Why a queued run does not run yet."""

from collections.abc import Sequence
from datetime import datetime

from config_api.runs.payloads import RunRead, WaitingRead, read_run
from shared.clock import Clock
from shared.documents.base import known_format
from shared.documents.run import Run, RunStatus
from shared.store.occupancy import Occupancy, OccupancyReader


class WaitingRoom:
    def __init__(self, occupancy: OccupancyReader, clock: Clock) -> None:
        self._occupancy = occupancy
        self._clock = clock

    async def show(self, runs: Sequence[Run]) -> list[RunRead]:
        """Return runs as they are shown, those that are queued with why they wait."""
        if not any(run.status is RunStatus.QUEUED for run in runs):
            return [read_run(run) for run in runs]
        occupancy, now = await self._occupancy.read(), self._clock()
        return [read_run(run, explain_waiting(run, occupancy, now)) for run in runs]

    async def show_one(self, run: Run) -> RunRead:
        """Return one run as it is shown."""
        return (await self.show([run]))[0]


def explain_waiting(run: Run, occupancy: Occupancy, now: datetime) -> WaitingRead | None:
    """Return why a queued run waits, the reason that holds it for longest first; None for any other."""
    if run.status is not RunStatus.QUEUED:
        return None
    if run.needs > known_format() or run.format > known_format():
        return WaitingRead(reason="newer_executor")
    if occupancy.pauses.holds(run.tenant_id) and not run.cancel_requested:
        return WaitingRead(reason="paused")
    if run.not_before is not None and run.not_before > now:
        return WaitingRead(reason="time", until=run.not_before)
    if run.mapping_id in occupancy.live_mappings:
        return WaitingRead(reason="mapping")
    full = set(occupancy.full())
    for connection in run.uses:
        if connection in full:
            return WaitingRead(reason="connection", connection_id=connection)
    return WaitingRead(reason="worker")
