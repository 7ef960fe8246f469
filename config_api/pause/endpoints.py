"""Routes of the pause switches."""

from fastapi import Response

from config_api.dependencies import Expected, Pausing, Tenant
from config_api.pause.payloads import (
    InstallationPauseRead,
    PauseRead,
    PauseUpdate,
    read_installation,
    read_pause,
)
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.versions import set_version

router = DomainRouter(prefix="/pause", tags=["pause"])


@router.get("", operation_id="get_pause", responses=problem_responses(503))
async def get_pause(response: Response, tenant_id: Tenant, pausing: Pausing) -> PauseRead:
    """Say whether runs of this tenant are kept from starting, and since when."""
    pause = await pausing.get(tenant_id)
    set_version(response, pause.version)
    return read_pause(pause, await pausing.get_installation())


@router.put("", operation_id="update_pause", responses=problem_responses(412, 413, 415, 422, 503))
async def update_pause(
    payload: PauseUpdate, response: Response, tenant_id: Tenant, pausing: Pausing, expected: Expected
) -> PauseRead:
    """Pause this tenant, or let it go on: ticks are recorded as skipped meanwhile, queued runs wait."""
    pause = await pausing.update(tenant_id, payload, expected)
    set_version(response, pause.version)
    return read_pause(pause, await pausing.get_installation())


@router.get("/installation", operation_id="get_installation_pause", responses=problem_responses(503))
async def get_installation_pause(response: Response, pausing: Pausing) -> InstallationPauseRead:
    """Say whether every run of this installation is kept from starting, and since when."""
    pause = await pausing.get_installation()
    set_version(response, pause.version)
    return read_installation(pause)


@router.put(
    "/installation",
    operation_id="update_installation_pause",
    responses=problem_responses(412, 413, 415, 422, 503),
)
async def update_installation_pause(
    payload: PauseUpdate, response: Response, pausing: Pausing, expected: Expected
) -> InstallationPauseRead:
    """Pause every tenant, or let them go on."""
    pause = await pausing.update_installation(payload, expected)
    set_version(response, pause.version)
    return read_installation(pause)
