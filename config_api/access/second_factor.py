"""The second factor: time-based codes (TOTP), each good once, and recovery codes."""

import secrets

import pyotp

from config_api.access.authenticator import hash_secret
from config_api.access.errors import Unauthenticated
from shared.clock import Clock
from shared.documents.user import Totp, User
from shared.encryption import Keyring
from shared.errors import ConfigError, Conflict
from shared.secret import Secret
from shared.store.users import UserStore

ISSUER = "ETL engine"
STEP_SECONDS = 30
DRIFT_STEPS = (0, -1, 1)
RECOVERY_CODES = 10
_CODE_BYTES = 8


class SecondFactor:
    def __init__(self, users: UserStore, keyring: Keyring, clock: Clock) -> None:
        self._users = users
        self._keyring = keyring
        self._clock = clock

    async def check(self, user: User, code: str | None) -> None:
        """Raise Unauthenticated unless the user has no second factor or this is a good code, now used up."""
        if user.totp is None or not user.totp.confirmed:
            return
        if code is None:
            raise Unauthenticated("The code of the second factor is needed", code="otp_required")
        code = code.replace(" ", "").replace("-", "").lower()
        if code.isascii() and code.isdigit() and len(code) == 6:
            step = self._matching_step(user.totp, code)
            good = step is not None and await self._users.use_totp_step(user.id, step)
        else:
            good = await self._users.use_recovery_code(user.id, hash_secret(code))
        if not good:
            raise Unauthenticated("The code is wrong, or was used before", code="invalid_otp")

    async def begin(self, user: User) -> tuple[str, str]:
        """Make a secret that still waits for its first code; return it and its URL. Raises Conflict."""
        if user.totp is not None and user.totp.confirmed:
            raise Conflict("The second factor is on already", code="totp_enabled")
        secret = pyotp.random_base32()
        stored = Totp(secret_encrypted=self._keyring.encrypt(Secret(secret)))
        await self._users.set_totp(user.id, stored)
        return secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)

    async def confirm(self, user: User, code: str) -> list[str]:
        """Turn the second factor on by its first code; return the recovery codes."""
        if user.totp is None or user.totp.confirmed:
            raise Conflict("No second factor waits for its first code", code="totp_not_begun")
        step = self._matching_step(user.totp, code)
        if step is None:
            raise ConfigError("The code is wrong", code="invalid_otp", loc=("otp",))
        codes = [secrets.token_hex(_CODE_BYTES) for _ in range(RECOVERY_CODES)]
        hashes = tuple(hash_secret(code) for code in codes)
        changes = {"confirmed": True, "last_step": step, "recovery_hashes": hashes}
        await self._users.set_totp(user.id, user.totp.model_copy(update=changes))
        return codes

    async def disable(self, user: User) -> None:
        """Turn the second factor off."""
        await self._users.set_totp(user.id, None)

    def _matching_step(self, totp: Totp, code: str) -> int | None:
        now = int(self._clock().timestamp()) // STEP_SECONDS
        generator = pyotp.TOTP(self._keyring.decrypt(totp.secret_encrypted).reveal())
        # pyotp compares in constant time, and knows the code of a step by the counter.
        for step in (now + drift for drift in DRIFT_STEPS):
            if secrets.compare_digest(generator.generate_otp(step).encode(), code.encode()):
                return step
        return None
