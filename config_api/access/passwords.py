"""Passwords: hashed with argon2id, in threads of their own, in the same time whoever the user is."""

import anyio.to_thread
from anyio import CapacityLimiter
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shared.secret import Secret

HASHES_AT_A_TIME = 2


class Passwords:
    """One hash takes tens of MiB: only so many are made at a time."""

    def __init__(self) -> None:
        self._hasher = PasswordHash((Argon2Hasher(),))
        self._limiter = CapacityLimiter(HASHES_AT_A_TIME)
        self._nobody = self._hasher.hash("nobody")

    async def hash(self, password: Secret) -> str:
        """Return the hash to store."""
        return await anyio.to_thread.run_sync(self._hasher.hash, password.reveal(), limiter=self._limiter)

    async def verify(self, password: Secret, stored: str | None) -> tuple[bool, str | None]:
        """Say whether a password is right, and its new hash where the stored one is out of date.

        Without a stored hash, for a user who does not exist, it takes as long.
        """
        right, renewed = await anyio.to_thread.run_sync(
            self._hasher.verify_and_update, password.reveal(), stored or self._nobody, limiter=self._limiter
        )
        return (False, None) if stored is None else (right, renewed)
