"""Users, logins, API keys, tenants and audit entries as they come in and go out."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from config_api.access.permissions import SCOPES
from config_api.fields import (
    Answer,
    Flag,
    IdText,
    Instant,
    Line,
    Name,
    Payload,
    Reference,
    UtcInstant,
    partial_of,
)
from shared.documents.api_key import ApiKey
from shared.documents.base import DEFAULT_TENANT
from shared.documents.tenant import Tenant
from shared.documents.user import Role, User
from shared.secret import Secret
from shared.store.audit import StoredAuditEntry

MIN_PASSWORD = 12
MAX_PASSWORD = 256


def _check_new_password(secret: Secret) -> Secret:
    if not MIN_PASSWORD <= len(secret.reveal()) <= MAX_PASSWORD:
        raise ValueError(f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return secret


def _check_password(secret: Secret) -> Secret:
    if len(secret.reveal()) > MAX_PASSWORD:
        raise ValueError(f"must have at most {MAX_PASSWORD} characters")
    return secret


def _check_scopes(scopes: list[str]) -> list[str]:
    if not set(scopes) <= set(SCOPES) or len(set(scopes)) != len(scopes):
        raise ValueError(f"must be among {', '.join(SCOPES)}, each once")
    return scopes


Email = Annotated[
    Line, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), AfterValidator(str.lower)
]
NewPassword = Annotated[Secret, AfterValidator(_check_new_password)]
GivenPassword = Annotated[Secret, AfterValidator(_check_password)]
OneTimeCode = Annotated[str, Field(min_length=6, max_length=64)]
Token = Annotated[str, Field(max_length=4096)]


class LoginRequest(Payload):
    """`otp` is the six digits of the second factor, or one of its recovery codes."""

    email: Email
    password: GivenPassword
    otp: OneTimeCode | None = None


class RefreshRequest(Payload):
    refresh_token: Token


class LogoutRequest(Payload):
    refresh_token: Token | None = None


class PasswordChange(Payload):
    current_password: GivenPassword
    new_password: NewPassword


class TotpConfirm(Payload):
    otp: OneTimeCode


class TotpDisable(Payload):
    password: GivenPassword


class TokensRead(Answer):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the kind of token, not one
    expires_in: int
    refresh_token: str
    role: Role
    tenantId: str


class MeRead(Answer):
    id: IdText | None
    email: str
    role: Role
    tenantId: str
    read_only: bool
    scopes: list[str] | None
    totp_enabled: bool


class TotpRead(Answer):
    """Shown once, for the authenticator app."""

    secret: str
    otpauth_url: str


class RecoveryCodes(Answer):
    """Shown once; each lets in once."""

    recovery_codes: list[str]


class UserFields(Payload):
    email: Email
    role: Role = Role.TENANT_USER
    read_only: Flag = False
    is_active: Flag = True


class UserCreate(UserFields):
    password: NewPassword


@partial_of(UserCreate)
class UserUpdate(Payload):
    """Fields to change. Every change ends the user's logins."""


class UserRead(Answer):
    id: IdText
    email: str
    role: Role
    read_only: bool
    is_active: bool
    tenantId: str
    totp_enabled: bool
    created_at: UtcInstant
    updated_at: UtcInstant
    last_login_at: UtcInstant | None
    version: int


class ApiKeyCreate(Payload):
    """A key acts for a user, with the user's rights within its scopes; ADMIN may name another user."""

    name: Name
    scopes: Annotated[list[str], Field(min_length=1, max_length=50), AfterValidator(_check_scopes)]
    expires_at: Instant | None = None
    user_id: Reference | None = None


class ApiKeyRead(Answer):
    id: IdText
    name: str
    user_id: IdText
    prefix: str
    scopes: list[str]
    created_at: UtcInstant
    expires_at: UtcInstant | None
    last_used_at: UtcInstant | None


class ApiKeyMade(ApiKeyRead):
    """`key` is shown this once."""

    key: str


class TenantFields(Payload):
    name: Name


class TenantCreate(TenantFields):
    pass


@partial_of(TenantCreate)
class TenantUpdate(Payload):
    """Fields to change."""


class TenantRead(Answer):
    id: str
    name: str
    created_at: UtcInstant | None
    updated_at: UtcInstant | None
    version: int


class AuditEntryRead(Answer):
    id: IdText
    at: UtcInstant
    tenant_id: str
    actor: str
    actor_id: str | None
    action: str
    target: str | None
    status: int
    changed: list[str]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str
    chain: str
    sequence: int
    previous_hash: str
    hash: str


class AuditFault(Answer):
    chain: str
    sequence: int
    message: str


class AuditVerdict(Answer):
    """`ok` says that no entry was changed, removed from the middle, or put in between."""

    ok: bool
    chains: int
    entries: int
    faults: list[AuditFault]


class RotationRead(Answer):
    """How far stored secrets are under the first encryption key."""

    status: Literal["never", "running", "done", "failed"]
    total: int
    done: int
    rotated: int
    unreadable: int
    started_at: UtcInstant | None
    finished_at: UtcInstant | None


def read_user(user: User) -> UserRead:
    """Return a user as it is shown."""
    return UserRead(
        id=str(user.id),
        email=user.email,
        role=user.role,
        read_only=user.read_only,
        is_active=user.is_active,
        tenantId=user.tenant_id,
        totp_enabled=user.totp is not None and user.totp.confirmed,
        created_at=user.created_at,
        updated_at=user.updated_at,
        last_login_at=user.last_login_at,
        version=user.version,
    )


def read_api_key(key: ApiKey) -> ApiKeyRead:
    """Return a key as it is shown: without its secret, which nobody has."""
    return ApiKeyRead(
        id=str(key.id),
        name=key.name,
        user_id=str(key.user_id),
        prefix=key.prefix,
        scopes=list(key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )


def read_tenant(tenant: Tenant) -> TenantRead:
    """Return a tenant as it is shown."""
    return TenantRead(
        id=str(tenant.id),
        name=tenant.name,
        created_at=tenant.created_at,
        updated_at=tenant.updated_at,
        version=tenant.version,
    )


THE_DEFAULT_TENANT = TenantRead(
    id=DEFAULT_TENANT, name=DEFAULT_TENANT, created_at=None, updated_at=None, version=1
)


def read_audit_entry(stored: StoredAuditEntry) -> AuditEntryRead:
    """Return an entry as it is shown."""
    return AuditEntryRead(id=stored.id, **stored.entry.model_dump())
