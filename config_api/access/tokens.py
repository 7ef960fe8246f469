"""Access tokens (JWT) and refresh tokens: what a login is remembered by."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from bson import ObjectId

from config_api.access.errors import Unauthenticated
from shared.documents.user import Login, Role, User
from shared.settings import Settings

ALGORITHM = "HS256"
AUDIENCE = "etl-engine"
ISSUER = "etl-engine-config-api"
_CLAIMS = ("sub", "role", "tenant", "sid", "exp", "iat", "aud", "iss")
_REFRESH_PREFIX = "etlr"


@dataclass(frozen=True)
class AccessClaims:
    """What a sound access token says."""

    user_id: ObjectId
    login_id: ObjectId
    role: Role
    tenant_id: str
    email: str
    read_only: bool
    expires_at: datetime


@dataclass(frozen=True)
class RefreshClaims:
    login_id: ObjectId
    generation: int


class Tokens:
    """Signs and checks. Where there is no login, the key lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        given = settings.jwt_secret_key
        self._key = secrets.token_hex(32) if given is None else given.reveal()
        self.access_seconds = settings.access_token_seconds

    def sign_access(self, user: User, login: Login, now: datetime) -> str:
        """Return an access token."""
        claims = {
            "sub": str(user.id),
            "role": str(user.role),
            "tenant": user.tenant_id,
            "email": user.email,
            "read_only": user.read_only,
            "sid": str(login.id),
            "iat": now,
            "exp": now + timedelta(seconds=self.access_seconds),
            "aud": AUDIENCE,
            "iss": ISSUER,
        }
        return jwt.encode(claims, self._key, ALGORITHM)

    def read_access(self, token: str) -> AccessClaims:
        """Return what a token says. Raises Unauthenticated."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(_CLAIMS)},
            )
            return AccessClaims(
                user_id=ObjectId(claims["sub"]),
                login_id=ObjectId(claims["sid"]),
                role=Role(claims["role"]),
                tenant_id=str(claims["tenant"]),
                email=str(claims.get("email", "")),
                read_only=claims.get("read_only") is not False,
                expires_at=_instant(claims["exp"]),
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("The access token has expired", code="token_expired") from error
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise Unauthenticated("The access token is not valid", code="invalid_token") from error

    def sign_refresh(self, login: Login) -> str:
        """Return the refresh token of a login's present generation."""
        content = f"{_REFRESH_PREFIX}.{login.id}.{login.generation}"
        return f"{content}.{self._mark(content)}"

    def read_refresh(self, token: str) -> RefreshClaims:
        """Return what a refresh token of ours says, whether it is used up or not. Raises Unauthenticated."""
        content, _, mark = token.rpartition(".")
        parts = content.split(".")
        sound = token.isascii() and hmac.compare_digest(mark, self._mark(content))
        if not sound or len(parts) != 3 or parts[0] != _REFRESH_PREFIX:
            raise Unauthenticated("The refresh token is not valid", code="invalid_token")
        return RefreshClaims(ObjectId(parts[1]), int(parts[2]))

    def _mark(self, content: str) -> str:
        key = hashlib.sha256(b"refresh:" + self._key.encode()).digest()
        return hmac.new(key, content.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
