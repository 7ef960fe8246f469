"""Routes of mappings, column mappings, preview, plan and run."""

from typing import Annotated

from fastapi import Body, Response

from config_api.dependencies import (
    Expected,
    Looking,
    Mappings,
    NamedPage,
    PlainPage,
    Prefix,
    Runs,
    Tenant,
    Waiting,
)
from config_api.fields import parse_path_id
from config_api.mappings.payloads import (
    ColumnMappingRead,
    MappingCreate,
    MappingRead,
    MappingUpdate,
    MappingVersionRead,
    PreviewRequest,
    SpecList,
    SpecSet,
    read_column_mapping,
    read_mapping,
    read_version,
)
from config_api.mappings.service import MappingView
from config_api.paging import set_total
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.runs.payloads import RunRead
from config_api.versions import set_version
from shared.plan import Plan
from shared.preview import Preview

router = DomainRouter(prefix="/mappings", tags=["mappings"])
NOUN = "mapping"
COLUMN_NOUN = "column mapping"


@router.post(
    "/", status_code=201, operation_id="create_mapping", responses=problem_responses(409, 413, 415, 422, 503)
)
async def create_mapping(
    payload: MappingCreate, response: Response, tenant_id: Tenant, mappings: Mappings, prefix: Prefix
) -> MappingRead:
    """Store a mapping; the query passes the gate, but no database is asked."""
    view = await mappings.create(tenant_id, payload)
    response.headers["Location"] = f"{prefix}/mappings/{view.mapping.id}"
    set_version(response, view.mapping.version)
    return _read(view)


@router.get("/", operation_id="list_mappings", responses=problem_responses(422, 503))
async def list_mappings(
    response: Response, tenant_id: Tenant, mappings: Mappings, page: NamedPage
) -> list[MappingRead]:
    """List mappings."""
    views, total = await mappings.list_page(tenant_id, page)
    set_total(response, total)
    return [_read(view) for view in views]


@router.post("/preview", operation_id="preview_mapping", responses=problem_responses(413, 415, 422, 503))
async def preview_mapping(payload: PreviewRequest, tenant_id: Tenant, looking: Looking) -> Preview:
    """Return a query's first rows, and the same rows after mapping when there is a schema."""
    return await looking.preview(tenant_id, payload)


@router.get("/{mapping_id}", operation_id="get_mapping", responses=problem_responses(404, 503))
async def get_mapping(
    mapping_id: str, response: Response, tenant_id: Tenant, mappings: Mappings
) -> MappingRead:
    """Read a mapping."""
    view = await mappings.get(tenant_id, parse_path_id(mapping_id, NOUN))
    set_version(response, view.mapping.version)
    return _read(view)


@router.put(
    "/{mapping_id}",
    operation_id="update_mapping",
    responses=problem_responses(404, 409, 412, 413, 415, 422, 503),
)
async def update_mapping(
    mapping_id: str,
    payload: MappingUpdate,
    response: Response,
    tenant_id: Tenant,
    mappings: Mappings,
    expected: Expected,
) -> MappingRead:
    """Change the fields that are sent."""
    view = await mappings.update(tenant_id, parse_path_id(mapping_id, NOUN), payload, expected)
    set_version(response, view.mapping.version)
    return _read(view)


@router.delete(
    "/{mapping_id}",
    status_code=204,
    operation_id="delete_mapping",
    responses=problem_responses(404, 409, 412, 503),
)
async def delete_mapping(mapping_id: str, tenant_id: Tenant, mappings: Mappings, expected: Expected) -> None:
    """Delete a mapping that no schedule and no unfinished run uses."""
    await mappings.delete(tenant_id, parse_path_id(mapping_id, NOUN), expected)


@router.post(
    "/{mapping_id}/column-mappings",
    status_code=201,
    operation_id="add_column_mappings",
    responses=problem_responses(404, 409, 412, 413, 415, 422, 503),
)
async def add_column_mappings(
    mapping_id: str,
    payload: Annotated[SpecList, Body()],
    response: Response,
    tenant_id: Tenant,
    mappings: Mappings,
    expected: Expected,
    prefix: Prefix,
) -> list[ColumnMappingRead]:
    """Add one column mapping or several, all or none; answers those that were added."""
    parsed = parse_path_id(mapping_id, NOUN)
    view, added = await mappings.add_column_mappings(tenant_id, parsed, payload, expected)
    response.headers["Location"] = f"{prefix}/mappings/{parsed}/column-mappings"
    set_version(response, view.mapping.version)
    return [read_column_mapping(one) for one in added]


@router.get(
    "/{mapping_id}/column-mappings",
    operation_id="list_column_mappings",
    responses=problem_responses(404, 503),
)
async def list_column_mappings(
    mapping_id: str, response: Response, tenant_id: Tenant, mappings: Mappings
) -> list[ColumnMappingRead]:
    """Read a mapping's whole set of column mappings."""
    view = await mappings.get(tenant_id, parse_path_id(mapping_id, NOUN))
    set_version(response, view.mapping.version)
    set_total(response, len(view.column_mappings))
    return [read_column_mapping(one) for one in view.column_mappings]


@router.put(
    "/{mapping_id}/column-mappings",
    operation_id="replace_column_mappings",
    responses=problem_responses(404, 412, 413, 415, 422, 503),
)
async def replace_column_mappings(
    mapping_id: str,
    payload: Annotated[SpecSet, Body()],
    response: Response,
    tenant_id: Tenant,
    mappings: Mappings,
    expected: Expected,
) -> list[ColumnMappingRead]:
    """Put a new set in place of the whole former one."""
    parsed = parse_path_id(mapping_id, NOUN)
    view = await mappings.replace_column_mappings(tenant_id, parsed, payload, expected)
    set_version(response, view.mapping.version)
    return [read_column_mapping(one) for one in view.column_mappings]


@router.delete(
    "/{mapping_id}/column-mappings/{column_mapping_id}",
    status_code=204,
    operation_id="delete_column_mapping",
    responses=problem_responses(404, 412, 503),
)
async def delete_column_mapping(
    mapping_id: str,
    column_mapping_id: str,
    response: Response,
    tenant_id: Tenant,
    mappings: Mappings,
    expected: Expected,
) -> None:
    """Delete one column mapping."""
    view = await mappings.delete_column_mapping(
        tenant_id,
        parse_path_id(mapping_id, NOUN),
        parse_path_id(column_mapping_id, COLUMN_NOUN),
        expected,
    )
    set_version(response, view.mapping.version)


@router.post("/{mapping_id}/plan", operation_id="plan_mapping", responses=problem_responses(404, 422, 503))
async def plan_mapping(mapping_id: str, tenant_id: Tenant, looking: Looking) -> Plan:
    """Return what a run would do now; nothing is written."""
    return await looking.plan(tenant_id, parse_path_id(mapping_id, NOUN))


@router.post(
    "/{mapping_id}/run",
    status_code=202,
    operation_id="run_mapping",
    responses=problem_responses(404, 409, 422, 503),
)
async def run_mapping(
    mapping_id: str, response: Response, tenant_id: Tenant, runs: Runs, waiting: Waiting, prefix: Prefix
) -> RunRead:
    """Queue a run; an executor takes it."""
    run = await runs.queue_manual(tenant_id, parse_path_id(mapping_id, NOUN))
    response.headers["Location"] = f"{prefix}/runs/{run.id}"
    set_version(response, run.version)
    return await waiting.show_one(run)


@router.get(
    "/{mapping_id}/versions",
    operation_id="list_mapping_versions",
    responses=problem_responses(404, 422, 503),
)
async def list_mapping_versions(
    mapping_id: str, response: Response, tenant_id: Tenant, mappings: Mappings, page: PlainPage
) -> list[MappingVersionRead]:
    """List what runs used or would use, newest first."""
    listing = await mappings.list_versions(tenant_id, parse_path_id(mapping_id, NOUN), page)
    set_total(response, listing.total)
    return [read_version(version) for version in listing.documents]


def _read(view: MappingView) -> MappingRead:
    return read_mapping(view.mapping, view.schema, view.find_problems())
