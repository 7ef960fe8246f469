"""Which connections live runs use, and what that leaves for others.

A live run holds a numbered slot of each of its connections, and a unique index gives each number out once. So the
live runs themselves are the count: nothing can leak when an executor dies, and its runs hold their slots for as long
as their sessions may be in the databases, until somebody takes them over.
"""

import asyncio
from collections.abc import Collection as AnyCollection
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bson import ObjectId

from shared.documents.connection import DEFAULT_TARGET_ID, StoredOptions
from shared.documents.pause import Pauses
from shared.store.client import MongoDocument, StoreClient
from shared.store.pauses import PauseStore
from shared.store.run_reader import LIVE_STATUSES

DEFAULT_MAX_PARALLEL: int = StoredOptions.model_fields["max_parallel"].default


@dataclass(frozen=True)
class Occupancy:
    """The live runs' mappings, and the slots they hold by connection; `limits` of those connections."""

    live_mappings: tuple[ObjectId, ...] = ()
    taken: Mapping[str, frozenset[int]] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    pauses: Pauses = field(default_factory=Pauses)

    def full(self) -> list[str]:
        """Return the connections that no further run may use."""
        return self._full({*self.taken}, {}, self.limits)

    def full_but_for(self, spared: Mapping[str, int]) -> list[str]:
        """Return the same when one slot of each `spared` connection, named with its limit, stays free."""
        return self._full({*self.taken, *spared}, dict.fromkeys(spared, 1), {**self.limits, **spared})

    def _full(
        self, connections: AnyCollection[str], reserved: Mapping[str, int], limits: Mapping[str, int]
    ) -> list[str]:
        return sorted(
            connection
            for connection in connections
            if len(self.taken.get(connection, ())) + reserved.get(connection, 0)
            >= limits.get(connection, DEFAULT_MAX_PARALLEL)
        )

    def free_slots(self) -> dict[str, int]:
        """Return the lowest free slot of each connection that is in use; it is 0 everywhere else."""
        return {
            connection: next(number for number in range(len(slots) + 1) if number not in slots)
            for connection, slots in self.taken.items()
        }


class OccupancyReader:
    """`default_target_limit` is the max_parallel of the default target, which has no document."""

    def __init__(self, client: StoreClient, default_target_limit: int = DEFAULT_MAX_PARALLEL) -> None:
        self._runs = client.collection("runs")
        self._connections = client.collection("connections")
        self._pauses = PauseStore(client)
        self._default_target_limit = default_target_limit

    async def read(self) -> Occupancy:
        """Return what live runs use now, and the limits of that."""
        live, pauses = await asyncio.gather(self._live(), self._pauses.read_all())
        taken: dict[str, set[int]] = {}
        for run in live:
            for slot in run.get("slots", ()):
                connection, _, number = slot.rpartition(":")
                taken.setdefault(connection, set()).add(int(number))
        return Occupancy(
            tuple(run["mapping_id"] for run in live),
            {connection: frozenset(numbers) for connection, numbers in taken.items()},
            await self.limits(taken),
            pauses,
        )

    async def _live(self) -> list[MongoDocument]:
        query = {"status": {"$in": list(LIVE_STATUSES)}}
        return await self._runs.find(query, {"mapping_id": 1, "slots": 1}).to_list()

    async def limits(self, connections: Iterable[str]) -> dict[str, int]:
        """Return the max_parallel of each of the connections."""
        limits = dict.fromkeys(connections, DEFAULT_MAX_PARALLEL)
        if DEFAULT_TARGET_ID in limits:
            limits[DEFAULT_TARGET_ID] = self._default_target_limit
        ids = [ObjectId(connection) for connection in limits if connection != DEFAULT_TARGET_ID]
        if ids:
            found = self._connections.find({"_id": {"$in": ids}}, {"options.max_parallel": 1})
            async for stored in found:
                limits[str(stored["_id"])] = stored["options"]["max_parallel"]
        return limits


def slots_for_uses(occupancy: Occupancy) -> MongoDocument:
    """Return the expression that gives a run the lowest free slot of each of its connections."""
    branches = [
        {"case": {"$eq": ["$$this", connection]}, "then": str(number)}
        for connection, number in occupancy.free_slots().items()
        if number
    ]
    number: MongoDocument | str = {"$switch": {"branches": branches, "default": "0"}} if branches else "0"
    slot = {"$concat": ["$$this", ":", number]}
    return {"$map": {"input": {"$ifNull": ["$uses", []]}, "as": "this", "in": slot}}
