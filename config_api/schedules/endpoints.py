"""Routes of schedules."""

from fastapi import Response

from config_api.dependencies import Expected, NamedPage, Prefix, Schedules, Tenant
from config_api.fields import parse_path_id
from config_api.paging import set_total
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.schedules.payloads import (
    ScheduleCreate,
    SchedulePreview,
    SchedulePreviewRead,
    ScheduleRead,
    ScheduleUpdate,
)
from config_api.versions import set_version

router = DomainRouter(prefix="/schedules", tags=["schedules"])
NOUN = "schedule"


@router.post(
    "/", status_code=201, operation_id="create_schedule", responses=problem_responses(409, 413, 415, 422, 503)
)
async def create_schedule(
    payload: ScheduleCreate, response: Response, tenant_id: Tenant, schedules: Schedules, prefix: Prefix
) -> ScheduleRead:
    """Store a schedule; enabled, its mapping must be complete."""
    created = await schedules.create(tenant_id, payload)
    response.headers["Location"] = f"{prefix}/schedules/{created.id}"
    set_version(response, created.version)
    [shown] = await schedules.show([created])
    return shown


@router.get("/", operation_id="list_schedules", responses=problem_responses(422, 503))
async def list_schedules(
    response: Response, tenant_id: Tenant, schedules: Schedules, page: NamedPage
) -> list[ScheduleRead]:
    """List schedules."""
    listing = await schedules.list_page(tenant_id, page)
    set_total(response, listing.total)
    return await schedules.show(listing.documents)


@router.post("/preview", operation_id="preview_schedule", responses=problem_responses(413, 415, 422))
async def preview_schedule(payload: SchedulePreview, schedules: Schedules) -> SchedulePreviewRead:
    """Return a cron expression in English and its next instants, strictly after `after`."""
    description, instants = schedules.preview(payload)
    return SchedulePreviewRead(description=description, next_runs=instants)


@router.get("/{schedule_id}", operation_id="get_schedule", responses=problem_responses(404, 503))
async def get_schedule(
    schedule_id: str, response: Response, tenant_id: Tenant, schedules: Schedules
) -> ScheduleRead:
    """Read a schedule."""
    found = await schedules.get(tenant_id, parse_path_id(schedule_id, NOUN))
    set_version(response, found.version)
    [shown] = await schedules.show([found])
    return shown


@router.put(
    "/{schedule_id}",
    operation_id="update_schedule",
    responses=problem_responses(404, 409, 412, 413, 415, 422, 503),
)
async def update_schedule(
    schedule_id: str,
    payload: ScheduleUpdate,
    response: Response,
    tenant_id: Tenant,
    schedules: Schedules,
    expected: Expected,
) -> ScheduleRead:
    """Change the fields that are sent; the schedule goes on from its next tick."""
    changed = await schedules.update(tenant_id, parse_path_id(schedule_id, NOUN), payload, expected)
    set_version(response, changed.version)
    [shown] = await schedules.show([changed])
    return shown


@router.delete(
    "/{schedule_id}",
    status_code=204,
    operation_id="delete_schedule",
    responses=problem_responses(404, 412, 503),
)
async def delete_schedule(
    schedule_id: str, tenant_id: Tenant, schedules: Schedules, expected: Expected
) -> None:
    """Delete a schedule; its runs stay."""
    await schedules.delete(tenant_id, parse_path_id(schedule_id, NOUN), expected)
