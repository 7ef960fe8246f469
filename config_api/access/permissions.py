"""The table of route → permission: what is not in it is served to nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Access = Literal["public", "self", "login", "tenant", "admin"]
_OF_RIGHTS = ("/auth/", "/users/", "/api-keys/", "/tenants/")


@dataclass(frozen=True)
class Permission:
    """Who may use a route.

    public: everybody · self: whoever is known · login: whoever logged in, for what is their own ·
    tenant: every role, within its tenant · admin: the role ADMIN.
    `writes` keeps read-only users out; `action` is the word in the audit, None is no entry.
    """

    access: Access
    domain: str = ""
    writes: bool = False
    action: str | None = None

    @property
    def scopes(self) -> frozenset[str]:
        """Return the scopes of which an API key needs one."""
        write = f"{self.domain}:write"
        return frozenset({write}) if self.writes else frozenset({write, f"{self.domain}:read"})


_PUBLIC = Permission("public")


def _read(domain: str, access: Access = "tenant") -> Permission:
    return Permission(access, domain)


def _look(domain: str, action: str) -> Permission:
    return Permission("tenant", domain, action=action)


def _write(domain: str, action: str, access: Access = "tenant") -> Permission:
    return Permission(access, domain, writes=True, action=action)


def _crud(domain: str, noun: str, access: Access = "tenant") -> dict[tuple[str, str], Permission]:
    one = f"/{domain}/{{{noun}_id}}"
    return {
        ("GET", f"/{domain}/"): _read(domain, access),
        ("POST", f"/{domain}/"): _write(domain, f"{noun}.create", access),
        ("GET", one): _read(domain, access),
        ("PUT", one): _write(domain, f"{noun}.update", access),
        ("DELETE", one): _write(domain, f"{noun}.delete", access),
    }


UNVERSIONED: dict[tuple[str, str], Permission] = {
    ("GET", path): _PUBLIC
    for path in (
        *("/", "/health", "/health/live", "/health/ready", "/metrics"),
        *("/docs", "/docs/oauth2-redirect", "/openapi.json"),
    )
}

VERSIONED: dict[tuple[str, str], Permission] = {
    **_crud("connections", "connection"),
    ("POST", "/connections/sample"): _write("connections", "connection.create_sample"),
    ("POST", "/connections/test"): _write("connections", "connection.test"),
    ("POST", "/connections/{connection_id}/test"): _write("connections", "connection.test"),
    ("GET", "/connections/{connection_id}/tables"): _read("connections"),
    **_crud("schemas", "schema"),
    ("POST", "/schemas/infer"): _write("schemas", "schema.infer"),
    **_crud("mappings", "mapping"),
    ("POST", "/mappings/preview"): _write("mappings", "mapping.preview"),
    ("GET", "/mappings/{mapping_id}/column-mappings"): _read("mappings"),
    ("POST", "/mappings/{mapping_id}/column-mappings"): _write("mappings", "mapping.update"),
    ("PUT", "/mappings/{mapping_id}/column-mappings"): _write("mappings", "mapping.update"),
    ("DELETE", "/mappings/{mapping_id}/column-mappings/{column_mapping_id}"): _write(
        "mappings", "mapping.update"
    ),
    ("POST", "/mappings/{mapping_id}/plan"): _look("mappings", "mapping.plan"),
    ("POST", "/mappings/{mapping_id}/run"): _write("runs", "mapping.run"),
    ("POST", "/mappings/{mapping_id}/backfill"): _write("runs", "mapping.backfill"),
    ("POST", "/mappings/{mapping_id}/cursor"): _write("mappings", "mapping.cursor"),
    ("GET", "/mappings/{mapping_id}/versions"): _read("mappings"),
    **_crud("schedules", "schedule"),
    ("POST", "/schedules/preview"): _read("schedules"),
    ("GET", "/runs/"): _read("runs"),
    ("GET", "/runs/{run_id}"): _read("runs"),
    ("GET", "/runs/{run_id}/logs"): _read("runs"),
    ("GET", "/runs/{run_id}/notices"): _read("runs"),
    ("GET", "/runs/{run_id}/rejected-rows"): _read("runs"),
    ("POST", "/runs/{run_id}/cancel"): _write("runs", "run.cancel"),
    ("POST", "/runs/{run_id}/retry"): _write("runs", "run.retry"),
    ("POST", "/runs/{run_id}/rejected-rows/replay"): _write("runs", "run.replay"),
    ("GET", "/pause"): _read("pause"),
    ("PUT", "/pause"): _write("pause", "pause.update", "admin"),
    ("GET", "/pause/installation"): _read("pause"),
    ("PUT", "/pause/installation"): _write("pause", "pause.update_installation", "admin"),
    ("GET", "/events/stream"): _read("runs"),
    ("POST", "/auth/login"): Permission("public", action="auth.login"),
    ("POST", "/auth/refresh"): _PUBLIC,
    ("POST", "/auth/logout"): Permission("public", action="auth.logout"),
    ("GET", "/auth/me"): Permission("self"),
    ("POST", "/auth/password"): Permission("login", action="auth.password"),
    ("POST", "/auth/totp"): Permission("login", action="auth.totp_begin"),
    ("POST", "/auth/totp/confirm"): Permission("login", action="auth.totp_confirm"),
    ("POST", "/auth/totp/disable"): Permission("login", action="auth.totp_disable"),
    **_crud("users", "user", "admin"),
    ("GET", "/api-keys/"): Permission("login"),
    ("POST", "/api-keys/"): Permission("login", action="api_key.create"),
    ("DELETE", "/api-keys/{api_key_id}"): Permission("login", action="api_key.delete"),
    **_crud("tenants", "tenant", "admin"),
    ("GET", "/audit/"): _read("audit", "admin"),
    ("GET", "/audit/export"): _read("audit", "admin"),
    ("GET", "/audit/verify"): _read("audit", "admin"),
    ("GET", "/secrets/rotation"): _read("secrets", "admin"),
    ("POST", "/secrets/rotation"): _write("secrets", "secrets.rotate", "admin"),
}

_SCOPED = sorted({one.domain for one in VERSIONED.values() if one.access in ("tenant", "admin")})
SCOPES = tuple(f"{domain}:{right}" for domain in _SCOPED for right in ("read", "write"))


class Permissions:
    """The table with the prefix of this installation."""

    def __init__(self, prefix: str) -> None:
        self._table = UNVERSIONED | {
            (method, f"{prefix}{path}"): permission for (method, path), permission in VERSIONED.items()
        }
        self._of_rights = tuple(f"{prefix}{place}" for place in _OF_RIGHTS)

    def find(self, method: str, template: str) -> Permission | None:
        """Return the permission of a route; HEAD is as GET."""
        return self._table.get(("GET" if method == "HEAD" else method, template))

    def moves_rights(self, method: str, path: str) -> bool:
        """Say whether a request may give rights to somebody or take them."""
        return method not in ("GET", "HEAD") and path.startswith(self._of_rights)

    def missing(self, routes: Iterable[tuple[str, str]]) -> list[str]:
        """Return the routes that the table forgot."""
        return [f"{method} {template}" for method, template in routes if self.find(method, template) is None]
