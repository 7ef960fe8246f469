"""Idempotency-Key: a POST that is sent again gets its first answer again, and nothing happens twice."""

import hashlib
import hmac
import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from config_api.access.caller import Caller
from config_api.body import replay_body
from config_api.captured import CapturedAnswer, capture
from config_api.problems import FieldProblem, problem_response
from shared.clock import Clock, whole_milliseconds
from shared.documents.idempotency import IdempotentRequest, KeptAnswer
from shared.settings import Settings
from shared.store.idempotency_keys import IdempotencyStore

HEADER = "idempotency-key"
_SOUND = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = frozenset({"content-type", "location", "etag", "x-total-count"})
_EXCLUDED = ("/auth/", "/api-keys")


class Idempotency:
    """Keeps first answers for a day, by caller, tenant and path; a failure of ours is not kept."""

    def __init__(self, app: ASGIApp, *, settings: Settings, clock: Clock) -> None:
        self._app = app
        self._excluded = tuple(f"{settings.api_v1_prefix}{path}" for path in _EXCLUDED)
        self._prefix = f"{settings.api_v1_prefix}/"
        self._clock = whole_milliseconds(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._applies(scope):
            await self._app(scope, receive, send)
            return
        key = Headers(scope=scope)[HEADER]
        if not _SOUND.fullmatch(key):
            await _refuse_key(scope)(scope, receive, send)
            return
        body = (await receive()).get("body", b"")
        request = self._request(scope, key, body)
        store: IdempotencyStore = scope["app"].state.services.stores.idempotency_keys
        former = await store.begin(request)
        if former is None:
            answer = await self._do_once(scope, replay_body(body, receive), store, request)
            await answer.send(send)
        else:
            await _answer_again(scope, request, former)(scope, receive, send)

    def _applies(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "POST" or "caller" not in scope.get("state", {}):
            return False
        path: str = scope["path"]
        ours = path.startswith(self._prefix) and not path.startswith(self._excluded)
        return ours and HEADER in Headers(scope=scope)

    def _request(self, scope: Scope, key: str, body: bytes) -> IdempotentRequest:
        caller: Caller = scope["state"]["caller"]
        parts = (caller.principal, caller.tenant_id, scope["path"].rstrip("/"), key)
        secret = scope["app"].state.services.settings.encryption_key[0].reveal().encode()
        return IdempotentRequest(
            id=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
            fingerprint=hmac.new(secret, scope["query_string"] + b"\n" + body, hashlib.sha256).hexdigest(),
            started_at=self._clock(),
        )

    async def _do_once(
        self, scope: Scope, receive: Receive, store: IdempotencyStore, request: IdempotentRequest
    ) -> CapturedAnswer:
        try:
            answer = await capture(self._app, scope, receive)
        except BaseException:
            await store.release(request)
            raise
        if answer.status >= 500:
            await store.release(request)
        else:
            await store.keep(request, _kept(answer))
        return answer


def _kept(answer: CapturedAnswer) -> KeptAnswer:
    headers = tuple(
        (name.decode(), value.decode("latin-1"))
        for name, value in answer.headers
        if name.decode() in _KEPT_HEADERS
    )
    return KeptAnswer(status=answer.status, headers=headers, body=answer.body)


def _refuse_key(scope: Scope) -> Response:
    message = "must be 1 to 255 visible ASCII characters"
    problem = FieldProblem(loc=["header", "Idempotency-Key"], msg=message, type="invalid_key")
    return problem_response(scope, 422, "invalid_request", f"Idempotency-Key: {message}", errors=[problem])


def _answer_again(scope: Scope, request: IdempotentRequest, former: IdempotentRequest) -> Response:
    if former.fingerprint != request.fingerprint:
        message = "was used with another request"
        problem = FieldProblem(loc=["header", "Idempotency-Key"], msg=message, type="idempotency_key_reused")
        return problem_response(
            scope, 422, "idempotency_key_reused", f"Idempotency-Key: {message}", errors=[problem]
        )
    if former.answer is None:
        detail = "The first request with this Idempotency-Key is still in progress"
        headers = {"Retry-After": "1"}
        return problem_response(scope, 409, "idempotency_in_progress", detail, headers=headers)
    headers = {**dict(former.answer.headers), "Idempotency-Replayed": "true"}
    return Response(former.answer.body, status_code=former.answer.status, headers=headers)
