"""Whether the service lives, is ready, and what it counts."""

import time
from typing import Literal

import structlog
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field
from pymongo import timeout
from pymongo.errors import PyMongoError

from config_api.dependencies import AnyServices, Draining, Metrics, PreparationOf
from config_api.fields import Answer
from config_api.preparation import Preparation
from config_api.problems import problem_responses
from shared.store.client import StoreClient
from shared.store.stores import Stores
from shared.version import VERSION

SERVICE = "config-api"
PING_SECONDS = 2.0

router = APIRouter(tags=["health"])
log = structlog.get_logger(__name__)


class Check(Answer):
    status: Literal["ok", "failed"]
    latency_ms: float
    message: str | None = None


class Health(Answer):
    status: Literal["healthy", "unhealthy"]
    version: str
    environment: str
    checks: dict[str, Check]
    paused: bool | None = Field(
        description="Whether the whole installation is paused; null when MongoDB is silent"
    )


class Liveness(Answer):
    status: Literal["alive"] = "alive"


class Readiness(Answer):
    status: Literal["ready", "not_ready"]


class ServiceInfo(Answer):
    service: str
    version: str
    links: dict[str, str]


@router.get("/", operation_id="get_service")
async def get_service(services: AnyServices) -> ServiceInfo:
    """Say what this is and where the rest is."""
    prefix = services.settings.api_v1_prefix
    links = {
        name: f"{prefix}/{name}/" for name in ("connections", "schemas", "mappings", "schedules", "runs")
    }
    links |= {"docs": "/docs", "openapi": "/openapi.json", "health": "/health", "metrics": "/metrics"}
    return ServiceInfo(service=SERVICE, version=VERSION, links=links)


@router.get("/health", operation_id="get_health", responses={503: {"model": Health}})
async def get_health(response: Response, services: AnyServices, preparation: PreparationOf) -> Health:
    """Say whether everything the service needs answers; 503 when not."""
    check = await _check_mongodb(services.stores.client, preparation)
    healthy = check.status == "ok"
    response.status_code = 200 if healthy else 503
    return Health(
        status="healthy" if healthy else "unhealthy",
        version=VERSION,
        environment=services.settings.app_env,
        checks={"mongodb": check},
        paused=await _is_paused(services.stores) if healthy else None,
    )


@router.get("/health/live", operation_id="get_liveness")
async def get_liveness() -> Liveness:
    """Say that the process answers."""
    return Liveness()


@router.get("/health/ready", operation_id="get_readiness", responses={503: {"model": Readiness}})
async def get_readiness(
    response: Response, services: AnyServices, preparation: PreparationOf, draining: Draining
) -> Readiness:
    """Say whether requests can be served; 503 when not, and while stopping."""
    check = await _check_mongodb(services.stores.client, preparation)
    is_ready = check.status == "ok" and not draining.is_set()
    response.status_code = 200 if is_ready else 503
    return Readiness(status="ready" if is_ready else "not_ready")


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problem_responses(500)},
)
async def get_metrics(metrics: Metrics) -> Response:
    """Return the counters in Prometheus' text form."""
    return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)


async def _is_paused(stores: Stores) -> bool | None:
    try:
        with timeout(PING_SECONDS):
            return (await stores.pauses.read_all()).installation
    except PyMongoError:
        return None


async def _check_mongodb(client: StoreClient, preparation: Preparation) -> Check:
    started = time.perf_counter()
    message = preparation.problem
    try:
        with timeout(PING_SECONDS):
            await client.ping()
    except PyMongoError as error:
        log.warning("mongodb_check_failed", error=type(error).__name__)
        message = "MongoDB does not answer"
    latency_ms = round((time.perf_counter() - started) * 1000, 1)
    return Check(status="failed" if message else "ok", latency_ms=latency_ms, message=message)
