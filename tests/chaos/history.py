"""What happened to the runs, in MongoDB's own order, and what may never happen to them."""

import threading
from dataclasses import dataclass, field
from typing import Any, Self

from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shared.documents.run import TRANSITIONS, RunStatus
from shared.store.run_reader import LIVE_STATUSES


@dataclass
class Seen:
    """One run as its changes have left it."""

    mapping_id: ObjectId
    status: RunStatus
    fence: int | None = None
    story: list[str] = field(default_factory=list)


class History:
    """Follows every change of the runs of one database from its start to its end."""

    def __init__(self, url: str, database: str) -> None:
        self.runs: dict[ObjectId, Seen] = {}
        self.problems: list[str] = []
        self._client: MongoClient[dict[str, Any]] = MongoClient(url, tz_aware=True)
        self._stream = self._client[database]["runs"].watch(max_await_time_ms=200)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="history", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._stream.close()
        self._client.close()

    def knows_end_of(self, run_id: ObjectId) -> bool:
        seen = self.runs.get(run_id)
        return seen is not None and not TRANSITIONS[seen.status]

    def _follow(self) -> None:
        try:
            while not self._stop.is_set():
                if (change := self._stream.try_next()) is not None:
                    self._take(change)
        except PyMongoError as error:
            self.problems.append(f"the history ended early: {error!r}")

    def _take(self, change: dict[str, Any]) -> None:
        key = change["documentKey"]["_id"]
        if change["operationType"] == "insert":
            document = change["fullDocument"]
            self.runs[key] = Seen(document["mapping_id"], RunStatus(document["status"]))
        elif change["operationType"] == "update":
            self._update(self.runs[key], change["updateDescription"]["updatedFields"])

    def _update(self, seen: Seen, fields: dict[str, Any]) -> None:
        if "fence" in fields:
            if seen.fence is not None and fields["fence"] <= seen.fence:
                self.problems.append(f"fence {fields['fence']} after {seen.fence}")
            seen.fence = fields["fence"]
        if "status" in fields:
            self._move(seen, RunStatus(fields["status"]))

    def _move(self, seen: Seen, status: RunStatus) -> None:
        seen.story.append(f"{status} (fence {seen.fence})")
        if status not in TRANSITIONS[seen.status]:
            self.problems.append(f"{seen.status} became {status}")
        seen.status = status
        live = [
            run
            for run in self.runs.values()
            if run.mapping_id == seen.mapping_id and run.status in LIVE_STATUSES
        ]
        if len(live) > 1:
            self.problems.append(f"{len(live)} runs of one mapping were live together")
