"""Notes every change, run, preview and login in the audit, before its answer is sent."""

import re
from collections.abc import Callable
from typing import Any

from bson import ObjectId
from starlette.types import ASGIApp, Receive, Scope, Send

from config_api.access.audit_trail import AuditDraft, AuditTrail
from config_api.access.permissions import Permission
from config_api.captured import capture
from shared.documents.pause import INSTALLATION
from shared.store.witness import witnessed

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
Look = Callable[[str, ObjectId], dict[str, Any] | None]


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
        before = await self._read(trail, scope, path)
        with witnessed() as witness:
            answer = await capture(self._app, scope, receive)
        if answer.status < 400 or answer.status in _REFUSALS:
            made = (answer.header("location") or "").removeprefix(self._prefix) or path
            target = _DOCUMENT.match(made)
            draft = AuditDraft.of_scope(
                scope,
                permission.action,
                status=answer.status,
                target=None if target is None else f"{target['kind']}/{target['id']}",
                before=before or _seen(witness.before, made),
                after=await self._read(trail, scope, made) or _seen(witness.after, made),
            )
            await trail.record(draft)
        await answer.send(send)

    async def _read(self, trail: AuditTrail, scope: Scope, path: str) -> dict[str, Any] | None:
        """Return a document that is more than what its own collection keeps, or kept in another way."""
        tenant_id = scope["state"]["caller"].tenant_id
        if path.rstrip("/") in _PAUSES:
            return await trail.snapshot("pauses", _PAUSES[path.rstrip("/")] or tenant_id)
        found = _changed_document(path)
        if found is None or found["kind"] != "mappings":
            return None
        return await trail.snapshot("mappings", tenant_id, ObjectId(found["id"]))


def _changed_document(path: str) -> re.Match[str] | None:
    """Find the document that a path is about; runs and tests change none."""
    found = _DOCUMENT.match(path)
    if found is None or found["kind"] not in _COLLECTIONS:
        return None
    rest = found["rest"] or "/"
    return found if rest == "/" or rest.startswith("/column-mappings") else None


def _seen(look: Look, path: str) -> dict[str, Any] | None:
    found = _changed_document(path)
    if found is None or found["kind"] == "mappings":
        return None
    return look(_COLLECTIONS[found["kind"]], ObjectId(found["id"]))
