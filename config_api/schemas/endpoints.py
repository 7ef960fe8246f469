"""Routes of schemas."""

from fastapi import Response

from config_api.dependencies import Expected, NamedPage, Prefix, Schemas, Tenant
from config_api.fields import parse_path_id
from config_api.paging import set_total
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.schemas.payloads import (
    InferredSchema,
    SchemaCreate,
    SchemaInfer,
    SchemaRead,
    SchemaUpdate,
    read_schema,
)
from config_api.versions import set_version

router = DomainRouter(prefix="/schemas", tags=["schemas"])
NOUN = "schema"


@router.post(
    "/", status_code=201, operation_id="create_schema", responses=problem_responses(409, 413, 415, 422, 503)
)
async def create_schema(
    payload: SchemaCreate, response: Response, tenant_id: Tenant, schemas: Schemas, prefix: Prefix
) -> SchemaRead:
    """Store the declared columns of a target table."""
    created = await schemas.create(tenant_id, payload)
    response.headers["Location"] = f"{prefix}/schemas/{created.id}"
    set_version(response, created.version)
    return read_schema(created)


@router.get("/", operation_id="list_schemas", responses=problem_responses(422, 503))
async def list_schemas(
    response: Response, tenant_id: Tenant, schemas: Schemas, page: NamedPage
) -> list[SchemaRead]:
    """List schemas."""
    listing = await schemas.list_page(tenant_id, page)
    set_total(response, listing.total)
    return [read_schema(schema) for schema in listing.documents]


@router.post("/infer", operation_id="infer_schema", responses=problem_responses(413, 415, 422, 503))
async def infer_schema(payload: SchemaInfer, tenant_id: Tenant, schemas: Schemas) -> InferredSchema:
    """Propose columns for a query or a table; nothing is stored."""
    return InferredSchema(columns=list(await schemas.infer(tenant_id, payload)))


@router.get("/{schema_id}", operation_id="get_schema", responses=problem_responses(404, 503))
async def get_schema(schema_id: str, response: Response, tenant_id: Tenant, schemas: Schemas) -> SchemaRead:
    """Read a schema."""
    found = await schemas.get(tenant_id, parse_path_id(schema_id, NOUN))
    set_version(response, found.version)
    return read_schema(found)


@router.put(
    "/{schema_id}",
    operation_id="update_schema",
    responses=problem_responses(404, 409, 412, 413, 415, 422, 503),
)
async def update_schema(
    schema_id: str,
    payload: SchemaUpdate,
    response: Response,
    tenant_id: Tenant,
    schemas: Schemas,
    expected: Expected,
) -> SchemaRead:
    """Change the fields that are sent; columns may only become wider."""
    changed = await schemas.update(tenant_id, parse_path_id(schema_id, NOUN), payload, expected)
    set_version(response, changed.version)
    return read_schema(changed)


@router.delete(
    "/{schema_id}",
    status_code=204,
    operation_id="delete_schema",
    responses=problem_responses(404, 409, 412, 503),
)
async def delete_schema(schema_id: str, tenant_id: Tenant, schemas: Schemas, expected: Expected) -> None:
    """Delete a schema that no mapping uses."""
    await schemas.delete(tenant_id, parse_path_id(schema_id, NOUN), expected)
