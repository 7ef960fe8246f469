"""Who asks, and what they may."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bson import ObjectId

from config_api.access.errors import Forbidden
from config_api.access.permissions import Permission
from shared.documents.base import DEFAULT_TENANT
from shared.documents.user import Role

TENANT_REFUSED = "This caller may not act in another tenant"


@dataclass(frozen=True)
class Caller:
    """`tenant_id` is the tenant that is acted in; `scopes` None is no limit below the role's."""

    kind: Literal["nobody", "development", "login", "api_key"]
    name: str
    role: Role
    tenant_id: str
    read_only: bool = False
    user_id: ObjectId | None = None
    login_id: ObjectId | None = None
    key_id: ObjectId | None = None
    scopes: frozenset[str] | None = None
    expires_at: datetime | None = None

    @property
    def principal(self) -> str:
        """Return what limits and kept answers are counted by."""
        return f"{self.kind}:{self.key_id or self.user_id or ''}"

    @property
    def may_choose_tenant(self) -> bool:
        return self.role is Role.ADMIN and self.kind in ("development", "login")

    def in_tenant(self, tenant_id: str) -> "Caller":
        """Return the caller acting in a tenant. Raises Forbidden."""
        if tenant_id == self.tenant_id:
            return self
        if not self.may_choose_tenant:
            raise Forbidden(TENANT_REFUSED, code="tenant_refused")
        return replace(self, tenant_id=tenant_id)

    def check(self, permission: Permission) -> None:
        """Raise Forbidden unless the caller may do this."""
        if permission.access == "login" and self.kind not in ("development", "login"):
            raise Forbidden("This needs a login, not an API key", code="login_needed")
        if permission.access == "admin" and self.role is not Role.ADMIN:
            raise Forbidden("This needs the role ADMIN", code="admin_needed")
        if permission.access == "login" or permission.access == "self":
            return
        if permission.writes and self.read_only:
            raise Forbidden("This user may only read", code="read_only")
        if self.scopes is not None and not permission.scopes & self.scopes:
            needed = " or ".join(sorted(permission.scopes))
            raise Forbidden(f"The API key lacks the scope {needed}", code="scope_missing")


DEVELOPMENT = Caller(kind="development", name="development", role=Role.ADMIN, tenant_id=DEFAULT_TENANT)
NOBODY = Caller(kind="nobody", name="nobody", role=Role.TENANT_USER, tenant_id=DEFAULT_TENANT, read_only=True)
