"""Stored secrets: Fernet tokens under one of several keys."""

from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.errors import SecretUnreadable
from shared.secret import Secret

_REMEMBERED_TOKENS = 4096


class Keyring:
    """Encrypts with the first key and reads with all of them, so that keys can be rotated."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise ValueError("a keyring needs at least one key")
        fernets = [Fernet(key.reveal()) for key in keys]
        self._writer = fernets[0]
        self._fernet = MultiFernet(fernets)
        self._known = lru_cache(maxsize=_REMEMBERED_TOKENS)(self._try)

    def encrypt(self, secret: Secret) -> str:
        """Return the token to store."""
        return self._fernet.encrypt(secret.reveal().encode()).decode("ascii")

    def decrypt(self, token: str) -> Secret:
        """Return the secret. Raises SecretUnreadable when no key opens the token."""
        try:
            return Secret(self._fernet.decrypt(token).decode())
        except (InvalidToken, ValueError) as error:
            raise SecretUnreadable(
                "No encryption key opens the stored secret: enter it again, or give the key back"
            ) from error

    def rotate(self, token: str) -> str | None:
        """Return the secret of a token under the first key; None when it is under that already.

        Raises: SecretUnreadable.
        """
        try:
            self._writer.decrypt(token)
        except (InvalidToken, ValueError):
            return self.encrypt(self.decrypt(token))
        return None

    def can_decrypt(self, token: str) -> bool:
        """Whether a key opens the token; the answers are remembered, the secrets are not."""
        return self._known(token)

    def _try(self, token: str) -> bool:
        try:
            self.decrypt(token)
        except SecretUnreadable:
            return False
        return True
