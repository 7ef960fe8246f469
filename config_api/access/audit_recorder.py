"""Notes every change, run, preview and login in the audit, before its answer is sent."""

import re
from typing import Any

from bson import ObjectId
from starlette.types import ASGIApp, Receive, Scope, Send

from config_api.access.audit_trail import AuditDraft, AuditTrail
from config_api.access.permissions import Permission
from config_api.captured import CapturedAnswer, capture
from shared.documents.base import DEFAULT_TENANT
from shared.documents.pause import INSTALLATION

_COLLECTIONS = {
    "connections": "connections",
    "schemas": "schemas",
    "mappings": "mappings",
    "schedules": "schedules",
    "users": "users",
    "api-keys": "api_keys",
    "tenants": "tenants",
}
_DOCUMENT = re.compile(r"/(?P<kind>[a-z-]+)/(?P<id>[0-9a-fA-F]{24})(?P<rest>/.*)?")
_PAUSES = {"/pause": None, "/pause/installation": INSTALLATION}  # one document for each tenant
_REFUSALS = (401, 403)


class AuditRecorder:
    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        permission: Permission | None = scope.get("state", {}).get("permission")
        if scope["type"] != "http" or permission is None or permission.action is None:
            await self._app(scope, receive, send)
            return
        trail: AuditTrail = scope["app"].state.services.audit
        path = scope["path"].removeprefix(self._prefix)
        before = await self._snapshot(trail, scope, path)
        answer = await capture(self._app, scope, receive)
        if answer.status < 400 or answer.status in _REFUSALS:
            await self._record(trail, scope, permission.action, path, before, answer)
        await answer.send(send)

    async def _record(
        self,
        trail: AuditTrail,
        scope: Scope,
        action: str,
        path: str,
        before: dict[str, Any] | None,
        answer: CapturedAnswer,
    ) -> None:
        made = (answer.header("location") or "").removeprefix(self._prefix) or path
        after = await self._snapshot(trail, scope, made) if scope["method"] != "DELETE" or before else None
        found = _DOCUMENT.match(made)
        draft = AuditDraft.of_scope(
            scope,
            action,
            status=answer.status,
            target=None if found is None else f"{found['kind']}/{found['id']}",
            before=before,
            after=after,
        )
        await trail.record(draft)

    async def _snapshot(self, trail: AuditTrail, scope: Scope, path: str) -> dict[str, Any] | None:
        """Return the document that a path is about; runs and tests change none."""
        tenant_id = scope["state"]["caller"].tenant_id
        if path.rstrip("/") in _PAUSES:
            return await trail.snapshot("pauses", _PAUSES[path.rstrip("/")] or tenant_id)
        found = _DOCUMENT.match(path)
        if found is None or found["kind"] not in _COLLECTIONS:
            return None
        if (found["rest"] or "/") != "/" and not (found["rest"] or "").startswith("/column-mappings"):
            return None
        owner = DEFAULT_TENANT if found["kind"] == "tenants" else tenant_id
        return await trail.snapshot(_COLLECTIONS[found["kind"]], owner, ObjectId(found["id"]))
