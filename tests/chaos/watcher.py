"""A reader of the target table, throughout a scenario."""

import contextlib
import threading
from typing import Self

from local_servers import Database

PAUSE_SECONDS = 0.05


class Watcher:
    """Reads (rows, sum of generations) again and again; `seen` holds each new answer in its order."""

    def __init__(self, database: Database, table: str) -> None:
        self.seen: list[tuple[int, int]] = []
        self.reads = 0
        self._database = database
        self._sql = f"SELECT COUNT(*), COALESCE(SUM(gen), 0) FROM {table}"
        self._stop = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def check(self, *allowed: tuple[int, int]) -> None:
        """Nothing was seen but these states, in this order; reading never failed."""
        assert self.failure is None, f"a reader of the table failed: {self.failure!r}"
        assert self.reads > 0
        assert self.seen == [state for state in allowed if state in self.seen]

    def _watch(self) -> None:
        try:
            with contextlib.closing(self._database.open()) as connection:
                while not self._stop.wait(PAUSE_SECONDS):
                    self._read(connection)
        except Exception as failure:
            self.failure = failure

    def _read(self, connection: object) -> None:
        with contextlib.closing(connection.cursor()) as cursor:  # type: ignore[attr-defined]
            cursor.execute(self._sql)
            rows, generations = cursor.fetchone()
        state = (int(rows), int(generations))
        self.reads += 1
        if not self.seen or self.seen[-1] != state:
            self.seen.append(state)
