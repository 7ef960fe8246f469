"""What every request passes: its id and log line, the guard of bodies and of our own mistakes, forms of paths."""

import re
import time
import uuid
from dataclasses import dataclass

import structlog
from opentelemetry.trace import get_current_span
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config_api.body import replay_body
from config_api.errors import INTERNAL_DETAIL
from config_api.metrics import HttpMetrics
from config_api.problems import FieldProblem, problem_response
from config_api.route_table import RouteTable, canonical
from config_api.strict_json import UnusableJson, check_json
from shared.error_reports import report_error

MAX_BODY_BYTES = 1024 * 1024
UNMATCHED = "unmatched"
IS_HEAD = "etl.is_head"
# Where a middleware that answers by itself says what it is, for the log and the metrics.
SERVED_AS = "served_as"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
QUIET = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})

log = structlog.get_logger("config_api.access")


@dataclass
class _Answer:
    status: int = 500
    started: bool = False


class RequestContext:
    """Takes or makes X-Request-ID, honours traceparent, measures, counts and logs one line a request."""

    def __init__(self, app: ASGIApp, *, routes: RouteTable, metrics: HttpMetrics) -> None:
        self._app = app
        self._routes = routes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        answer = _Answer()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.started = message["status"], True
                milliseconds = f"{(time.perf_counter() - started) * 1000:.1f}"
                marks = (
                    (b"x-request-id", request_id.encode()),
                    (b"x-process-time-ms", milliseconds.encode()),
                )
                message = {**message, "headers": [*message.get("headers", ()), *marks]}
            await send(message)

        ids = self._routes.ids_of(scope)
        with structlog.contextvars.bound_contextvars(request_id=request_id, **ids, **_trace(headers)):
            with self._metrics.in_progress.track_inprogress():
                await self._app(scope, receive, send_marked)
            self._record(scope, answer.status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = scope["state"].get(SERVED_AS) or self._template_of(scope)
        self._metrics.record(method, route, status, seconds)
        if (route not in QUIET and SERVED_AS not in scope["state"]) or status >= 400:
            duration_ms = round(seconds * 1000, 1)
            log.info("request", method=method, route=route, status=status, duration_ms=duration_ms)

    def _template_of(self, scope: Scope) -> str:
        found = self._routes.of_scope(scope)
        return found.template if found else UNMATCHED


class ErrorGuard:
    """Answers what nobody expected with a bare 500, and logs it with its stack."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer()

        async def send_noted(message: Message) -> None:
            answer.started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except Exception as error:
            if scope["type"] != "http" or answer.started:
                raise
            log.exception("unhandled_error")
            report_error(error)
            response = problem_response(scope, 500, "internal_error", INTERNAL_DETAIL)
            await response(scope, receive, send)


class BodyGuard:
    """Reads the body within its limit and refuses JSON that nothing behind could hold."""

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        body = await self._read(scope, receive)
        refusal = self._too_large(scope) if body is None else _check(scope, body)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, replay_body(body or b"", receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self._max_bytes:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self, scope: Scope) -> Response:
        detail = f"The body is larger than {self._max_bytes} bytes"
        return problem_response(scope, 413, "body_too_large", detail, headers={"Connection": "close"})


class PathForms:
    """`/x` and `/x/` are one path; HEAD is GET without its body; OPTIONS says what there is."""

    def __init__(self, app: ASGIApp, *, routes: RouteTable) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = self._routes.of_scope(scope)
        path = canonical(scope["path"], route)
        inner = scope if path == scope["path"] else {**scope, "path": path}
        if route is not None and scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={"Allow": _allow(route.methods)})(scope, receive, send)
        elif route is not None and scope["method"] not in _answerable(route.methods):
            detail = f"This path answers {_allow(route.methods)}"
            headers = {"Allow": _allow(route.methods)}
            refusal = problem_response(scope, 405, "method_not_allowed", detail, headers=headers)
            await refusal(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._app({**inner, "method": "GET", IS_HEAD: True}, receive, without_body(send))
        else:
            await self._app(inner, receive, send)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _trace(headers: Headers) -> dict[str, str]:
    ours = get_current_span().get_span_context()
    if ours.is_valid:
        return {"trace_id": f"{ours.trace_id:032x}", "span_id": f"{ours.span_id:016x}"}
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return {"trace_id": found["trace"], "parent_span_id": found["span"]} if found else {}


def _check(scope: Scope, body: bytes) -> Response | None:
    content_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if not body:
        return None
    if content_type != "application/json" and not content_type.endswith("+json"):
        detail = "The body must be JSON, with Content-Type: application/json"
        return problem_response(scope, 415, "unsupported_media_type", detail)
    try:
        check_json(body)
    except UnusableJson as fault:
        problem = FieldProblem(loc=["body", *fault.path], msg=fault.message, type=fault.kind)
        return problem_response(scope, 422, "invalid_request", fault.message, errors=[problem])
    return None


def without_body(send: Send) -> Send:
    async def send_headers(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_headers


def _answerable(methods: frozenset[str]) -> frozenset[str]:
    return methods | {"HEAD"} if "GET" in methods else methods


def _allow(methods: frozenset[str]) -> str:
    return ", ".join(sorted({*_answerable(methods), "OPTIONS"}))
