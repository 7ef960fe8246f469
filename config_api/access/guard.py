"""Lets a request through to its route, or answers why not: every route passes here."""

from typing import Protocol

import structlog
from pymongo.errors import PyMongoError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config_api.access.audit_trail import AuditDraft, AuditTrail
from config_api.access.authenticator import Authenticator
from config_api.access.browsers import BrowserRules
from config_api.access.caller import NOBODY, Caller
from config_api.access.errors import Forbidden, Unauthenticated
from config_api.access.permissions import Permission, Permissions
from config_api.errors import engine_problem, store_problem
from config_api.preparation import Preparation
from config_api.rate_limits import RateLimits
from config_api.route_table import RouteTable
from shared.errors import EngineError
from shared.settings import Settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class GuardServices(Protocol):
    """What the guard needs of the running app."""

    @property
    def authenticator(self) -> Authenticator: ...
    @property
    def audit(self) -> AuditTrail: ...


class AccessGuard:
    """Resolves the caller, holds the table of permissions against it, and counts requests."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: RouteTable,
        permissions: Permissions,
        limits: RateLimits,
        settings: Settings,
    ) -> None:
        self._app = app
        self._routes = routes
        self._permissions = permissions
        self._limits = limits
        self._login_required = settings.login_required
        self._browsers = BrowserRules(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        permission = self._find(scope)
        if permission is None:
            # Not ours to answer: the router says 404 or 405, or opens a web socket, which checks for itself.
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state.update(caller=NOBODY, permission=permission, address=address_of(scope))
        try:
            state["caller"] = await self._admit(scope, permission)
        except EngineError as error:
            await self._note_refusal(scope, permission, error)
            await engine_problem(scope, error)(scope, receive, send)
            return
        except PyMongoError as error:
            await store_problem(scope, error)(scope, receive, send)
            return
        structlog.contextvars.bind_contextvars(tenant_id=state["caller"].tenant_id)
        if self._permissions.moves_rights(scope["method"], f"{scope['path'].rstrip('/')}/"):
            send = self._forgetting(scope, send)
        await self._app(scope, receive, send)

    def _forgetting(self, scope: Scope, send: Send) -> Send:
        """Before the answer goes out, nobody is known any more."""
        services: GuardServices = scope["app"].state.services

        async def send_after(message: Message) -> None:
            services.authenticator.forget_known()
            await send(message)

        return send_after

    def _find(self, scope: Scope) -> Permission | None:
        if scope["type"] != "http" or scope["method"] == "OPTIONS":
            return None
        route = self._routes.of_scope(scope)
        return None if route is None else self._permissions.find(scope["method"], route.template)

    async def _admit(self, scope: Scope, permission: Permission) -> Caller:
        headers = Headers(scope=scope)
        if not self._login_required:
            self._browsers.check_host(headers)
            if scope["method"] not in _SAFE:
                self._browsers.check_origin(headers)
        if permission.access == "public":
            return NOBODY
        preparation: Preparation = scope["app"].state.preparation
        caller = await self._identify(scope, headers, preparation)
        scope["state"]["caller"] = caller
        if self._login_required:
            self._limits.count_request(caller.principal)
        caller.check(permission)
        return caller

    async def _identify(self, scope: Scope, headers: Headers, preparation: Preparation) -> Caller:
        services: GuardServices = scope["app"].state.services
        if "authorization" not in headers and "x-api-key" not in headers:
            return await services.authenticator.authenticate(headers)
        preparation.check()
        address = address_of(scope)
        self._limits.check_failures(address)
        try:
            return await services.authenticator.authenticate(headers)
        except Unauthenticated:
            self._limits.count_failure(address)
            raise

    async def _note_refusal(self, scope: Scope, permission: Permission, error: EngineError) -> None:
        if isinstance(error, Forbidden) and permission.action and scope["state"]["caller"] is not NOBODY:
            trail: AuditTrail = scope["app"].state.services.audit
            await trail.record(AuditDraft.of_scope(scope, permission.action, status=403))


def address_of(scope: Scope) -> str:
    """Return the address that the request came from."""
    client = scope.get("client")
    return client[0] if client else "unknown"
