"""users and logins: who may come in, and what a login may do until it ends."""

from datetime import datetime
from enum import StrEnum

from shared.documents.base import Id, StoredDocument, Value


class Role(StrEnum):
    ADMIN = "ADMIN"
    TENANT_USER = "TENANT_USER"


class Totp(Value):
    """The second factor. `last_step` is the newest time step that was used: none is taken twice."""

    secret_encrypted: str
    confirmed: bool = False
    last_step: int = 0
    recovery_hashes: tuple[str, ...] = ()


class User(StoredDocument):
    """`email` is unique in the whole installation, in lower case."""

    email: str
    password_hash: str
    role: Role
    read_only: bool = False
    is_active: bool = True
    totp: Totp | None = None
    last_login_at: datetime | None = None


class Login(StoredDocument):
    """One login and its refresh tokens: only the token of the present `generation` is good."""

    user_id: Id
    generation: int = 1
    expires_at: datetime
    revoked_at: datetime | None = None
