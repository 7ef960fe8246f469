"""Who a credential belongs to, for a moment: a caller of many requests is looked up once a second."""

import hashlib
import time
from collections.abc import Callable

from config_api.access.caller import Caller

KNOWN_SECONDS = 1.0
MAX_KNOWN = 10_000

Monotonic = Callable[[], float]


class KnownCallers:
    """Callers by their credentials, of which only a hash is held.

    What takes rights from somebody in this process forgets everybody at once; what another process did is
    seen within KNOWN_SECONDS.
    """

    def __init__(self, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[Caller, float]] = {}
        self.generation = 0

    def find(self, credential: str) -> Caller | None:
        """Return the caller of a credential that was looked up a moment ago."""
        found = self._known.get(_key(credential))
        if found is None or found[1] <= self._monotonic():
            return None
        return found[0]

    def keep(self, credential: str, caller: Caller, generation: int) -> None:
        """Keep a caller who was looked up in a generation; what was forgotten meanwhile stays forgotten."""
        if generation != self.generation:
            return
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[_key(credential)] = caller, self._monotonic() + KNOWN_SECONDS

    def forget_all(self) -> None:
        """Have everybody looked up again."""
        self._known.clear()
        self.generation += 1


def _key(credential: str) -> bytes:
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
