"""Routes of connections."""

from typing import Annotated

from fastapi import Body, Response

from config_api.connections.payloads import (
    ConnectionCreate,
    ConnectionRead,
    ConnectionTest,
    ConnectionUpdate,
    SavedTest,
    TableColumnRead,
    TableRead,
    TestReportRead,
    TestStepRead,
    read_connection,
)
from config_api.dependencies import Connections, Expected, KeyringOf, NamedPage, Prefix, Tenant
from config_api.fields import parse_path_id
from config_api.paging import set_total
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.versions import set_version
from shared.connection_test import ConnectionTestReport
from shared.dialects.base import TableListing

router = DomainRouter(prefix="/connections", tags=["connections"])
NOUN = "connection"


@router.post(
    "/",
    status_code=201,
    operation_id="create_connection",
    responses=problem_responses(409, 413, 415, 422, 503),
)
async def create_connection(
    payload: ConnectionCreate,
    response: Response,
    tenant_id: Tenant,
    connections: Connections,
    keyring: KeyringOf,
    prefix: Prefix,
) -> ConnectionRead:
    """Store a connection; its secrets are encrypted and never come back."""
    created = await connections.create(tenant_id, payload)
    response.headers["Location"] = f"{prefix}/connections/{created.id}"
    set_version(response, created.version)
    return read_connection(created, keyring)


@router.get("/", operation_id="list_connections", responses=problem_responses(422, 503))
async def list_connections(
    response: Response, tenant_id: Tenant, connections: Connections, keyring: KeyringOf, page: NamedPage
) -> list[ConnectionRead]:
    """List connections."""
    listing = await connections.list_page(tenant_id, page)
    set_total(response, listing.total)
    return [read_connection(connection, keyring) for connection in listing.documents]


@router.post(
    "/sample",
    status_code=201,
    operation_id="create_sample_connection",
    responses={
        200: {"description": "It was there already", "model": ConnectionRead},
        **problem_responses(409, 503),
    },
)
async def create_sample_connection(
    response: Response,
    tenant_id: Tenant,
    connections: Connections,
    keyring: KeyringOf,
    prefix: Prefix,
) -> ConnectionRead:
    """Make a small shop to try things on, and the connection to it: a SQLite file with orders and products."""
    found, is_new = await connections.provide_sample(tenant_id)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"{prefix}/connections/{found.id}"
    set_version(response, found.version)
    return read_connection(found, keyring)


@router.post("/test", operation_id="test_unsaved_connection", responses=problem_responses(413, 415, 422, 503))
async def check_unsaved_connection(
    payload: ConnectionTest, tenant_id: Tenant, connections: Connections
) -> TestReportRead:
    """Test a connection that is not saved, step by step; answers 200 also when it fails."""
    return _read_report(await connections.test_unsaved(tenant_id, payload))


@router.get("/{connection_id}", operation_id="get_connection", responses=problem_responses(404, 503))
async def get_connection(
    connection_id: str, response: Response, tenant_id: Tenant, connections: Connections, keyring: KeyringOf
) -> ConnectionRead:
    """Read a connection."""
    found = await connections.get(tenant_id, parse_path_id(connection_id, NOUN))
    set_version(response, found.version)
    return read_connection(found, keyring)


@router.put(
    "/{connection_id}",
    operation_id="update_connection",
    responses=problem_responses(404, 409, 412, 413, 415, 422, 503),
)
async def update_connection(
    connection_id: str,
    payload: ConnectionUpdate,
    response: Response,
    tenant_id: Tenant,
    connections: Connections,
    keyring: KeyringOf,
    expected: Expected,
) -> ConnectionRead:
    """Change the fields that are sent."""
    changed = await connections.update(tenant_id, parse_path_id(connection_id, NOUN), payload, expected)
    set_version(response, changed.version)
    return read_connection(changed, keyring)


@router.delete(
    "/{connection_id}",
    status_code=204,
    operation_id="delete_connection",
    responses=problem_responses(404, 409, 412, 503),
)
async def delete_connection(
    connection_id: str, tenant_id: Tenant, connections: Connections, expected: Expected
) -> None:
    """Delete a connection that no mapping uses."""
    await connections.delete(tenant_id, parse_path_id(connection_id, NOUN), expected)


@router.post(
    "/{connection_id}/test",
    operation_id="test_connection",
    responses=problem_responses(404, 413, 415, 422, 503),
)
async def check_saved_connection(
    connection_id: str,
    tenant_id: Tenant,
    connections: Connections,
    payload: Annotated[SavedTest | None, Body()] = None,
) -> TestReportRead:
    """Test a saved connection, step by step; answers 200 also when it fails."""
    purpose = (payload or SavedTest()).purpose
    return _read_report(await connections.test_saved(tenant_id, parse_path_id(connection_id, NOUN), purpose))


@router.get(
    "/{connection_id}/tables",
    operation_id="list_tables",
    responses=problem_responses(404, 422, 503),
)
async def list_tables(connection_id: str, tenant_id: Tenant, connections: Connections) -> list[TableRead]:
    """List the tables and views that the connection's user sees, with their columns."""
    tables = await connections.list_tables(tenant_id, parse_path_id(connection_id, NOUN))
    return [_read_table(table) for table in tables]


def _read_report(report: ConnectionTestReport) -> TestReportRead:
    return TestReportRead(
        success=report.success,
        message=report.message,
        server_version=report.server_version,
        latency_ms=report.latency_ms,
        steps=[
            TestStepRead(
                step=step.step,
                ok=step.ok,
                message=step.message,
                hint=step.hint,
                duration_ms=step.duration_ms,
            )
            for step in report.steps
        ],
    )


def _read_table(table: TableListing) -> TableRead:
    return TableRead(
        namespace=table.namespace,
        name=table.name,
        kind=table.kind,
        columns=[
            TableColumnRead(name=name, data_type=data_type, database_type=database_type, nullable=nullable)
            for name, data_type, database_type, nullable in table.columns
        ],
    )
