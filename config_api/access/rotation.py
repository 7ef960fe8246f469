"""Puts every stored secret under the first encryption key, in the background."""

import asyncio

import structlog
from pymongo.errors import PyMongoError

from shared.clock import Clock
from shared.encryption import Keyring
from shared.errors import SecretUnreadable
from shared.store.stored_secrets import RotationState, StoredSecret, StoredSecretStore

REPORT_EVERY = 50

log = structlog.get_logger(__name__)


class KeyRotation:
    """May be ended and begun again at any point: what is done is recognised, and skipped.

    Two at once do no harm either, for a token is only put in place of the one that was read.
    """

    def __init__(self, store: StoredSecretStore, keyring: Keyring, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self._task: asyncio.Task[RotationState] | None = None

    async def read_state(self) -> RotationState:
        """Return how far it is. One that nobody goes on with still says running: begin it again."""
        return await self._store.read_state()

    async def begin(self) -> RotationState:
        """Begin in the background, unless this process is at it; return the state at the beginning."""
        if self._task is None or self._task.done():
            first = await self._first_state()
            await self._store.write_state(first)
            self._task = asyncio.create_task(self._run_logged(first))
            return first
        return await self.read_state()

    async def run(self) -> RotationState:
        """Do all of it now; return the state at the end."""
        return await self._run(await self._first_state())

    async def close(self) -> None:
        """Stop where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _first_state(self) -> RotationState:
        return RotationState(status="running", total=await self._store.count(), started_at=self._clock())

    async def _run_logged(self, state: RotationState) -> RotationState:
        try:
            return await self._run(state)
        except PyMongoError as error:
            log.warning("key_rotation_failed", error=type(error).__name__)
            return state

    async def _run(self, state: RotationState) -> RotationState:
        async for secret in self._store.read_all():
            state = await self._rotate(secret, state)
            if state.done % REPORT_EVERY == 0:
                await self._store.write_state(state)
        ended = state.model_copy(update={"status": "done", "finished_at": self._clock()})
        await self._store.write_state(ended)
        log.info("key_rotation_done", rotated=ended.rotated, unreadable=ended.unreadable, total=ended.total)
        return ended

    async def _rotate(self, secret: StoredSecret, state: RotationState) -> RotationState:
        changes = {"done": state.done + 1}
        try:
            token = self._keyring.rotate(secret.token)
        except SecretUnreadable:
            changes["unreadable"] = state.unreadable + 1
            log.warning(
                "secret_unreadable", collection=secret.collection, document_id=str(secret.document_id)
            )
        else:
            if token is not None and await self._store.replace(secret, token):
                changes["rotated"] = state.rotated + 1
        return state.model_copy(update=changes)
