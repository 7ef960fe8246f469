"""Coming in, staying in, going out."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId

from config_api.access.caller import Caller
from config_api.access.errors import Unauthenticated
from config_api.access.passwords import Passwords
from config_api.access.payloads import LoginRequest, PasswordChange
from config_api.access.second_factor import SecondFactor
from config_api.access.tokens import AccessClaims, RefreshClaims, Tokens
from config_api.rate_limits import RateLimits
from shared.clock import Clock
from shared.documents.user import Login, User
from shared.errors import ConfigError
from shared.secret import Secret
from shared.settings import Settings
from shared.store.stores import Stores


@dataclass(frozen=True)
class LoggedIn:
    user: User
    login: Login
    access_token: str
    refresh_token: str
    expires_in: int

    @property
    def caller(self) -> Caller:
        return caller_of(self.user)


def caller_of(user: User) -> Caller:
    """Return a user as the audit names them."""
    return Caller(
        kind="login",
        name=user.email,
        role=user.role,
        tenant_id=user.tenant_id,
        read_only=user.read_only,
        user_id=user.id,
    )


class LoginService:
    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        tokens: Tokens,
        passwords: Passwords,
        second_factor: SecondFactor,
        limits: RateLimits,
        clock: Clock,
    ) -> None:
        self._days = timedelta(days=settings.refresh_token_days)
        self._stores = stores
        self._tokens = tokens
        self._passwords = passwords
        self._second_factor = second_factor
        self._limits = limits
        self._clock = clock

    async def find_user(self, email: str) -> User | None:
        return await self._stores.users.find_by_email(email)

    async def log_in(self, request: LoginRequest, user: User | None, address: str) -> LoggedIn:
        """Let a user in. Raises Unauthenticated, which never says what was wrong; TooManyRequests."""
        self._limits.count_login(address, request.email)
        right, renewed = await self._passwords.verify(
            request.password, None if user is None else user.password_hash
        )
        if user is None or not right or not user.is_active:
            raise Unauthenticated("E-mail or password is wrong", code="invalid_credentials")
        await self._second_factor.check(user, request.otp)
        if renewed is not None:
            await self._stores.users.set_password(user.id, renewed)
        now = self._clock()
        await self._stores.users.record_login(user.id, now)
        login = Login(
            tenant_id=user.tenant_id,
            user_id=user.id,
            created_at=now,
            updated_at=now,
            expires_at=now + self._days,
        )
        await self._stores.logins.insert(login)
        return self._answer(user, login, now)

    async def refresh(self, token: str) -> LoggedIn:
        """Trade a refresh token for new tokens. Raises Unauthenticated.

        A token that was traded before is in two hands: the login ends, for both of them.
        """
        claims = self._tokens.read_refresh(token)
        now = self._clock()
        login = await self._stores.logins.rotate(claims.login_id, claims.generation, now)
        if login is None:
            await self._stores.logins.revoke(claims.login_id, now)
            raise Unauthenticated("The login has ended", code="login_ended")
        user = await self._stores.users.find_anywhere(login.user_id)
        if user is None or not user.is_active:
            raise Unauthenticated("The login has ended", code="login_ended")
        return self._answer(user, login, now)

    async def log_out(self, refresh_token: str | None, access_token: str | None) -> User | None:
        """End the login that a token belongs to, whichever is sound, and return its user."""
        for login_id in self._login_ids(refresh_token, access_token):
            login = await self._stores.logins.find_good(login_id, self._clock())
            if login is not None and await self._stores.logins.revoke(login_id, self._clock()):
                return await self._stores.users.find_anywhere(login.user_id)
        return None

    async def change_password(self, caller: Caller, change: PasswordChange) -> None:
        """Store another password and end every other login. Raises ConfigError `wrong_password`."""
        user = await self.own_user(caller)
        await self.check_password(user, change.current_password, "current_password")
        await self._stores.users.set_password(user.id, await self._passwords.hash(change.new_password))
        await self._stores.logins.revoke_all(user.id, self._clock(), keep=caller.login_id)

    async def own_user(self, caller: Caller) -> User:
        """Return the caller's user. Raises ConfigError where there is no login."""
        found = None if caller.user_id is None else await self._stores.users.find_anywhere(caller.user_id)
        if found is None:
            raise ConfigError("There is no login here, so this is nobody's", code="no_login")
        return found

    async def check_password(self, user: User, password: Secret, field: str) -> None:
        """Raise ConfigError unless the password is the user's; counted as an attempt to log in."""
        self._limits.count_login(f"user {user.id}", user.email)
        right, _ = await self._passwords.verify(password, user.password_hash)
        if not right:
            raise ConfigError("The password is wrong", code="wrong_password", loc=(field,))

    def _login_ids(self, refresh_token: str | None, access_token: str | None) -> Iterator[ObjectId]:
        readers: tuple[tuple[str | None, Callable[[str], AccessClaims | RefreshClaims]], ...] = (
            (refresh_token, self._tokens.read_refresh),
            (access_token, self._tokens.read_access),
        )
        for token, read in readers:
            if token:
                with suppress(Unauthenticated):
                    yield read(token).login_id

    def _answer(self, user: User, login: Login, now: datetime) -> LoggedIn:
        return LoggedIn(
            user=user,
            login=login,
            access_token=self._tokens.sign_access(user, login, now),
            refresh_token=self._tokens.sign_refresh(login),
            expires_in=self._tokens.access_seconds,
        )
