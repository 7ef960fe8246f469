"""From the headers of a request to its caller: the one place that decides who asks."""

import hashlib
import hmac
import secrets

from starlette.datastructures import Headers

from config_api.access.caller import DEVELOPMENT, Caller
from config_api.access.errors import Unauthenticated
from config_api.access.known_callers import KnownCallers
from config_api.access.tokens import Tokens
from shared.clock import Clock
from shared.errors import NotFound
from shared.settings import Settings
from shared.store.stores import Stores

KEY_MARK = "etlk"
_PREFIX_BYTES = 8
_SECRET_BYTES = 32


class Authenticator:
    def __init__(self, settings: Settings, stores: Stores, tokens: Tokens, clock: Clock) -> None:
        self._login_required = settings.login_required
        self._stores = stores
        self._tokens = tokens
        self._clock = clock
        self._known = KnownCallers()

    def forget_known(self) -> None:
        """Look everybody up again: somebody's rights have changed."""
        self._known.forget_all()

    async def authenticate(self, headers: Headers) -> Caller:
        """Return the caller, acting in the tenant that is asked for.

        Raises: Unauthenticated, Forbidden, NotFound for a tenant that does not exist.
        """
        caller = await self.identify(_credential(headers))
        tenant_id = headers.get("x-tenant-id")
        if tenant_id is None:
            return caller
        chosen = caller.in_tenant(tenant_id)
        if chosen is not caller and not await self._stores.tenants.exists(tenant_id):
            raise NotFound("There is no such tenant")
        return chosen

    async def identify(self, credential: str | None) -> Caller:
        """Return the caller of a token or an API key. Raises Unauthenticated.

        Nothing is the development caller where there is no login; something wrong is never nothing.
        """
        if credential is None:
            if self._login_required:
                raise Unauthenticated("Log in, or send an API key", code="unauthenticated")
            return DEVELOPMENT
        known = self._known.find(credential)
        if known is not None and (known.expires_at is None or known.expires_at > self._clock()):
            return known
        generation = self._known.generation
        is_key = credential.startswith(f"{KEY_MARK}_")
        caller = await (self._by_key(credential) if is_key else self._by_token(credential))
        self._known.keep(credential, caller, generation)
        return caller

    async def _by_token(self, token: str) -> Caller:
        claims = self._tokens.read_access(token)
        # Whatever takes rights from a user ends their logins, so this one look is enough.
        if await self._stores.logins.find_good(claims.login_id, self._clock()) is None:
            raise Unauthenticated("The login has ended", code="login_ended")
        return Caller(
            kind="login",
            name=claims.email,
            role=claims.role,
            tenant_id=claims.tenant_id,
            read_only=claims.read_only,
            user_id=claims.user_id,
            login_id=claims.login_id,
            expires_at=claims.expires_at,
        )

    async def _by_key(self, text: str) -> Caller:
        _, _, rest = text.partition("_")
        prefix, _, secret = rest.partition("_")
        key = await self._stores.api_keys.find_by_prefix(prefix)
        expected = "" if key is None else key.secret_hash
        sound = hmac.compare_digest(hash_secret(secret), expected)
        now = self._clock()
        if key is None or not sound or (key.expires_at is not None and key.expires_at <= now):
            raise Unauthenticated("The API key is not valid", code="invalid_api_key")
        user = await self._stores.users.find_anywhere(key.user_id)
        if user is None or not user.is_active:
            raise Unauthenticated("The API key is not valid", code="invalid_api_key")
        await self._stores.api_keys.record_use(key, now)
        return Caller(
            kind="api_key",
            name=f"{user.email} ({KEY_MARK}_{prefix})",
            role=user.role,
            tenant_id=key.tenant_id,
            read_only=user.read_only,
            user_id=user.id,
            key_id=key.id,
            scopes=frozenset(key.scopes),
            expires_at=key.expires_at,
        )


def hash_secret(secret: str) -> str:
    """Return the hash of a random secret, which is too long to be guessed: no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_key() -> tuple[str, str, str]:
    """Return a new API key, its prefix and the hash of its secret."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    secret = secrets.token_hex(_SECRET_BYTES)
    return f"{KEY_MARK}_{prefix}_{secret}", prefix, hash_secret(secret)


def _credential(headers: Headers) -> str | None:
    key = headers.get("x-api-key")
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else None
    if scheme and not bearer:
        raise Unauthenticated("Authorization must be: Bearer <token>", code="invalid_token")
    if key is not None and bearer is not None:
        raise Unauthenticated("Send X-API-Key or Authorization, not both", code="invalid_token")
    return bearer if key is None else _only_key(key)


def _only_key(text: str) -> str:
    if not text.startswith(f"{KEY_MARK}_"):
        raise Unauthenticated("The API key is not valid", code="invalid_api_key")
    return text
