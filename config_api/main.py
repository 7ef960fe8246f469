"""The app: its routes, its start and its end."""

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from opentelemetry.trace import TracerProvider
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

from config_api import health
from config_api.access import audit_endpoints, rotation_endpoints
from config_api.access import endpoints as access
from config_api.access.audit_recorder import AuditRecorder
from config_api.access.guard import AccessGuard
from config_api.access.permissions import Permissions
from config_api.blocking import MAX_QUERIES, MAX_TESTS, BlockingWork
from config_api.connections import endpoints as connections
from config_api.dependencies import build_services
from config_api.errors import add_error_handlers
from config_api.events import endpoints as events
from config_api.events.service import MAX_STREAMS, EventService
from config_api.idempotency import Idempotency
from config_api.mappings import endpoints as mappings
from config_api.mappings import incremental_endpoints as incremental
from config_api.metrics import HttpMetrics
from config_api.middleware import QUIET, BodyGuard, ErrorGuard, PathForms, RequestContext
from config_api.openapi import describe_access
from config_api.pause import endpoints as pause
from config_api.preparation import Preparation, prepare_store
from config_api.rate_limits import RateLimits
from config_api.route_table import RouteTable
from config_api.runs import endpoints as runs
from config_api.schedules import endpoints as schedules
from config_api.schemas import endpoints as schemas
from config_api.web_ui import WebFiles, WebUi
from shared.clock import Clock, utc_now
from shared.embedded_mongodb import mongodb_url
from shared.settings import Settings
from shared.store.client import StoreClient
from shared.store.stores import open_stores
from shared.version import VERSION

STORE_SECONDS = 5.0
EXPOSED_HEADERS = ("ETag", "Location", "X-Total-Count", "X-Request-ID", "Retry-After")
ALLOWED_HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "traceparent"),
    *("X-API-Key", "X-Request-ID", "X-Tenant-ID"),
)
_ACCESS = (access.auth, access.users, access.api_keys, access.tenants)
_ROUTERS: tuple[APIRouter, ...] = (
    *(
        domain.router
        for domain in (connections, schemas, mappings, incremental, schedules, runs, pause, events)
    ),
    *(*_ACCESS, audit_endpoints.router, rotation_endpoints.router),
)
GZIP_BYTES = 1000
DOCS_FILES = "/docs-files"
_DOCUMENTATION = ("/docs", "/docs/oauth2-redirect", "/openapi.json")

log = structlog.get_logger(__name__)


def create_app(
    settings: Settings, clock: Clock = utc_now, tracer_provider: TracerProvider | None = None
) -> FastAPI:
    """Return the app; MongoDB is reached when it starts. Requests become spans of `tracer_provider`."""
    app = FastAPIOffline(
        redoc_url=None,
        static_url=DOCS_FILES,
        title="ETL engine: config API",
        version=VERSION,
        summary="Connections, schemas, mappings and schedules; preview, plan and runs",
        lifespan=_lifespan(settings, clock),
        redirect_slashes=False,
        telemetry={
            "tracing": tracer_provider is not None,
            "tracer_provider": tracer_provider,
            "operation_spans": False,
            "exclude": _is_untraced,
            # Metrics are ours, and its logs would quote what was sent.
            "metrics": False,
            "logs": False,
            "auto_configure": False,
        },
    )
    app.state.metrics = HttpMetrics()
    app.state.limits = RateLimits(settings)
    app.state.draining = asyncio.Event()
    for router in _ROUTERS:
        app.include_router(router, prefix=settings.api_v1_prefix)
    app.include_router(health.router)
    app.include_router(events.web_socket)
    # Routes are looked at in their order: those of the documentation are seldom asked for.
    app.router.routes.sort(key=lambda route: isinstance(route, Route | Mount))
    add_error_handlers(app)
    _add_middleware(app, settings, _route_table(settings), clock)
    return app


def _is_untraced(scope: MutableMapping[str, Any]) -> bool:
    return scope["type"] != "http" or scope["path"] in QUIET


def _add_middleware(app: FastAPI, settings: Settings, routes: RouteTable, clock: Clock) -> None:
    permissions = Permissions(settings.api_v1_prefix)
    if forgotten := permissions.missing(routes.operations()):
        raise RuntimeError(f"access/permissions.py lacks {', '.join(forgotten)}")
    describe_access(app, permissions, settings.api_v1_prefix)
    # The last one added sees a request first.
    app.add_middleware(PathForms, routes=routes)
    app.add_middleware(AuditRecorder, prefix=settings.api_v1_prefix)
    app.add_middleware(Idempotency, settings=settings, clock=clock)
    app.add_middleware(BodyGuard)
    app.add_middleware(
        AccessGuard,
        routes=routes,
        permissions=permissions,
        limits=app.state.limits,
        settings=settings,
    )
    app.add_middleware(ErrorGuard)
    if settings.ui_dir is not None:
        places = (settings.api_v1_prefix, DOCS_FILES)
        files = WebFiles(settings.ui_dir, settings.api_v1_prefix)
        app.add_middleware(WebUi, files=files, routes=routes, api_places=places)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_BYTES, compresslevel=4)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=list(ALLOWED_HEADERS),
        expose_headers=list(EXPOSED_HEADERS),
    )
    app.add_middleware(RequestContext, routes=routes, metrics=app.state.metrics)


def _route_table(settings: Settings) -> RouteTable:
    # Read off the routers: making the OpenAPI document for it would take a second of every start.
    paths: dict[str, set[str]] = {path: {"GET"} for path in _DOCUMENTATION}
    for prefix, router in (("", health.router), *((settings.api_v1_prefix, one) for one in _ROUTERS)):
        for path, route in _routes_of(router, prefix):
            paths.setdefault(path, set()).update(route.methods or ())
    return RouteTable({path: frozenset(methods) for path, methods in paths.items()})


def _routes_of(router: APIRouter, prefix: str) -> Iterator[tuple[str, APIRoute]]:
    """Yield a router's routes and those of the routers in it, with their whole paths."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield prefix + route.path, route
        elif isinstance(inner := getattr(route, "original_router", None), APIRouter):
            context: Any = getattr(route, "include_context", None)
            yield from _routes_of(inner, prefix + context.prefix)


def _watch_pools(app: FastAPI) -> None:
    metrics: HttpMetrics = app.state.metrics
    blocking: BlockingWork = app.state.services.blocking
    events: EventService = app.state.events
    metrics.watch_pool(
        "connection_tests", MAX_TESTS, lambda: blocking.tests_running, lambda: blocking.tests_waiting
    )
    metrics.watch_pool(
        "queries", MAX_QUERIES, lambda: blocking.queries_running, lambda: blocking.queries_waiting
    )
    metrics.watch_pool("event_streams", MAX_STREAMS, lambda: events.open_streams)


def _lifespan(settings: Settings, clock: Clock) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        settings.sqlite_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with mongodb_url(settings) as url:
            client = StoreClient(url.reveal(), settings.mongodb_db_name, operation_seconds=STORE_SECONDS)
            # Streams wait for seconds on end, so their operations have no bound.
            streams = StoreClient(url.reveal(), settings.mongodb_db_name)
            try:
                app.state.events = EventService(streams, app.state.draining, clock)
                app.state.preparation = Preparation()
                app.state.services = build_services(settings, open_stores(client), clock, app.state.limits)
                _watch_pools(app)
                preparing = asyncio.create_task(prepare_store(client, app.state.preparation))
                log.info(
                    "config_api_started", environment=settings.app_env, login_required=settings.login_required
                )
                if not settings.login_required:
                    log.warning(
                        "no_login", meaning="every request is the administrator of the default tenant"
                    )
                yield
                await app.state.services.rotation.close()
                preparing.cancel()
                await asyncio.wait([preparing])
            finally:
                await streams.close()
                await client.close()
                log.info("config_api_stopped")

    return lifespan
