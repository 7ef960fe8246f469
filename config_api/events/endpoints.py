"""Live events over server-sent events and over a web socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.datastructures import Headers

from config_api.access.authenticator import Authenticator
from config_api.access.browsers import BrowserRules
from config_api.access.caller import Caller
from config_api.access.errors import Forbidden, TooManyRequests, Unauthenticated
from config_api.access.guard import address_of
from config_api.access.permissions import VERSIONED
from config_api.dependencies import AnyServices, Events, Tenant
from config_api.events.payloads import EventRead, Opening
from config_api.events.service import EventService, Recheck
from config_api.middleware import IS_HEAD
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from shared.errors import EngineError
from shared.settings import Settings

router = DomainRouter(prefix="/events", tags=["events"])
web_socket = APIRouter()

OPENING_SECONDS = 10.0
EVENT_STREAM = "text/event-stream"
_PERMISSION = VERSIONED["GET", "/events/stream"]
_CLOSE_BAD_MESSAGE, _CLOSE_UNAUTHENTICATED, _CLOSE_FORBIDDEN = 4400, 4401, 4403
_CLOSE_GOING_AWAY, _CLOSE_TRY_LATER = 1001, 1013


@router.get(
    "/stream",
    operation_id="stream_events",
    response_class=StreamingResponse,
    responses={
        **problem_responses(429, 503),
        200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
    },
)
async def stream_events(
    request: Request,
    tenant_id: Tenant,
    services: AnyServices,
    events: Events,
    last_event_id: Annotated[str | None, Header(max_length=4096)] = None,
) -> Response:
    """Stream what happens to runs and schedules; goes on after Last-Event-ID, otherwise from now on."""
    events.check_room()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.scope.get(IS_HEAD):
        return Response(media_type=EVENT_STREAM, headers=headers)

    async def recheck() -> None:
        (await services.authenticator.authenticate(request.headers)).check(_PERMISSION)

    stream = _lines(events, tenant_id, last_event_id, recheck)
    return StreamingResponse(stream, media_type=EVENT_STREAM, headers=headers)


async def _lines(
    events: EventService, tenant_id: str, after: str | None, recheck: Recheck
) -> AsyncIterator[str]:
    yield "retry: 3000\n: open\n\n"
    async with aclosing(events.follow(tenant_id, after, recheck)) as followed:
        async for event in followed:
            yield ": heartbeat\n\n" if event is None else _block(event)


def _block(event: EventRead) -> str:
    return f"id: {event.id}\nevent: message\ndata: {event.as_text()}\n\n"


@web_socket.websocket("/ws")
async def follow_events(websocket: WebSocket) -> None:
    """Send events as they happen, to whoever says who they are in the first message."""
    state = websocket.app.state
    try:
        _check_page(websocket, state.services.settings)
        await websocket.accept()
        opening = await _read_opening(websocket)
        headers = _headers_of(opening)
        caller = await _admit(websocket, headers)
        state.preparation.check()
        state.events.check_room()
    except EngineError as error:
        await _close(websocket, _close_code(error), error.code)
        return
    except (ValidationError, TimeoutError):
        await _close(websocket, _CLOSE_BAD_MESSAGE, "invalid_opening")
        return
    except WebSocketDisconnect:
        return
    await _send_events(websocket, state.events, caller, headers, opening.last_event_id)


async def _admit(websocket: WebSocket, headers: Headers) -> Caller:
    state = websocket.app.state
    authenticator: Authenticator = state.services.authenticator
    address = address_of(websocket.scope)
    state.limits.check_failures(address)
    try:
        caller = await authenticator.authenticate(headers)
    except Unauthenticated:
        state.limits.count_failure(address)
        raise
    caller.check(_PERMISSION)
    return caller


async def _send_events(
    websocket: WebSocket, events: EventService, caller: Caller, headers: Headers, after: str | None
) -> None:
    async def recheck() -> None:
        authenticator: Authenticator = websocket.app.state.services.authenticator
        (await authenticator.authenticate(headers)).check(_PERMISSION)

    sending = asyncio.create_task(_send_all(websocket, events, caller.tenant_id, after, recheck))
    reading = asyncio.create_task(_read_until_gone(websocket))
    try:
        await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, reading):
            task.cancel()
        await asyncio.wait({sending, reading})
    if not reading.done() or reading.cancelled():
        failed = not sending.cancelled() and sending.exception() is not None
        await _close(websocket, _CLOSE_TRY_LATER if failed else _CLOSE_GOING_AWAY, "ended")


async def _send_all(
    websocket: WebSocket, events: EventService, tenant_id: str, after: str | None, recheck: Recheck
) -> None:
    await websocket.send_text('{"type": "open"}')
    async with aclosing(events.follow(tenant_id, after, recheck)) as followed:
        async for event in followed:
            text = '{"type": "heartbeat"}' if event is None else event.as_text()
            await websocket.send_text(text)


async def _read_until_gone(websocket: WebSocket) -> None:
    try:
        while True:
            await websocket.receive_text()
    except (WebSocketDisconnect, KeyError, RuntimeError):
        return


async def _read_opening(websocket: WebSocket) -> Opening:
    async with asyncio.timeout(OPENING_SECONDS):
        try:
            text = await websocket.receive_text()
        except KeyError:  # a message of bytes
            text = ""
        return Opening.model_validate_json(text)


def _headers_of(opening: Opening) -> Headers:
    headers = {}
    if opening.token is not None:
        headers["authorization"] = f"Bearer {opening.token}"
    if opening.tenant_id is not None:
        headers["x-tenant-id"] = opening.tenant_id
    # As bytes, whatever characters they hold: a header of Latin-1 could not.
    raw = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]
    return Headers(raw=raw)


def _check_page(websocket: WebSocket, settings: Settings) -> None:
    if not settings.login_required:
        rules = BrowserRules(settings)
        rules.check_host(websocket.headers)
        rules.check_origin(websocket.headers)


def _close_code(error: EngineError) -> int:
    if isinstance(error, Unauthenticated):
        return _CLOSE_UNAUTHENTICATED
    if isinstance(error, Forbidden):
        return _CLOSE_FORBIDDEN
    return _CLOSE_TRY_LATER if isinstance(error, TooManyRequests) else _CLOSE_BAD_MESSAGE


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    await websocket.close(code, reason)
