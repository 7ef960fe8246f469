"""The executor's HTTP side: health, metrics and what it is doing."""

import asyncio
import shutil
import tempfile
from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from pymongo.errors import PyMongoError

from executor.supervisor import Supervisor
from shared.settings import Settings
from shared.store.client import StoreClient

ANSWER_SECONDS = 2.0
NEEDED_DISK_BYTES = 64 * 1024 * 1024


class Health(BaseModel):
    status: str
    version: str
    environment: str
    checks: dict[str, str]


class Status(BaseModel):
    executor_id: str
    version: str
    workers: int
    running: list[str]
    oldest_due_seconds: float | None
    paused: bool
    paused_tenants: list[str]


class HealthChecks:
    """What the endpoints ask. `supervisor` is None until MongoDB was reached at start."""

    def __init__(self, client: StoreClient, settings: Settings, version: str) -> None:
        self._client = client
        self._settings = settings
        self._version = version
        self.supervisor: Supervisor | None = None

    async def health(self) -> Health:
        checks = {"mongodb": await self._mongodb(), "disk": _disk(), "workers": self._workers()}
        healthy = all(answer == "ok" for answer in checks.values())
        return Health(
            status="healthy" if healthy else "unhealthy",
            version=self._version,
            environment=self._settings.app_env,
            checks=checks,
        )

    async def status(self) -> Status | None:
        """Return what the executor does, None while it starts or MongoDB does not answer."""
        supervisor = self.supervisor
        if supervisor is None:
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                oldest_due = await supervisor.oldest_due_seconds()
                pauses = await supervisor.read_pauses()
        except (PyMongoError, TimeoutError):
            return None
        return Status(
            executor_id=supervisor.executor_id,
            version=supervisor.version,
            workers=supervisor.pool.size,
            running=[str(run_id) for run_id in supervisor.pool.running],
            oldest_due_seconds=oldest_due,
            paused=pauses.installation,
            paused_tenants=pauses.tenants,
        )

    async def _mongodb(self) -> str:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._client.ping()
        except (PyMongoError, TimeoutError):
            return "not reachable"
        return "ok"

    def _workers(self) -> str:
        if self.supervisor is None:
            return "not started"
        return "ok" if self.supervisor.pool.ready_count else "none is ready"


def create_app(checks: HealthChecks) -> FastAPI:
    """Build the application of API.md, Executor."""
    app = FastAPI(title="ETL engine: executor", docs_url=None, redoc_url=None, openapi_url=None)

    async def health() -> Response:
        answer = await checks.health()
        code = HTTPStatus.OK if answer.status == "healthy" else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(answer.model_dump(), code)

    async def live() -> Response:
        return JSONResponse({"status": "alive"})

    async def metrics() -> Response:
        supervisor = checks.supervisor
        content = b"" if supervisor is None else generate_latest(await supervisor.read_metrics())
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    async def status() -> Response:
        answer = await checks.status()
        if answer is None:
            return JSONResponse({"status": "not ready"}, HTTPStatus.SERVICE_UNAVAILABLE)
        return JSONResponse(answer.model_dump())

    routes = {
        "/health": health,
        "/health/ready": health,
        "/health/live": live,
        "/metrics": metrics,
        "/status": status,
    }
    for path, endpoint in routes.items():
        app.add_api_route(path, endpoint)
        app.add_api_route(f"{path}/", endpoint)
    return app


def _disk() -> str:
    """Rejected rows and sorts spill into the temporary folder."""
    try:
        free = shutil.disk_usage(tempfile.gettempdir()).free
    except OSError:
        return "no usable temporary folder"
    return "ok" if free >= NEEDED_DISK_BYTES else "almost full"
