"""Routes of incremental mappings: moving the cursor, reading a range again."""

from fastapi import Response

from config_api.dependencies import Incremental, Prefix, Tenant, Waiting
from config_api.fields import parse_path_id
from config_api.mappings.incremental_payloads import BackfillRequest, CursorMoveRequest, CursorRead
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.runs.payloads import RunRead

router = DomainRouter(prefix="/mappings", tags=["mappings"])
NOUN = "mapping"


@router.post(
    "/{mapping_id}/cursor",
    operation_id="move_cursor",
    responses=problem_responses(404, 409, 413, 415, 422, 503),
)
async def move_cursor(
    mapping_id: str, payload: CursorMoveRequest, tenant_id: Tenant, incremental: Incremental
) -> CursorRead:
    """Decide where the next window starts; the decision is written into the target's ledger."""
    parsed = parse_path_id(mapping_id, NOUN)
    move = await incremental.move_cursor(tenant_id, parsed, payload)
    return CursorRead(mapping_id=str(parsed), cursor_column=move.cursor_column, watermark=move.watermark)


@router.post(
    "/{mapping_id}/backfill",
    status_code=202,
    operation_id="backfill_mapping",
    responses=problem_responses(404, 413, 415, 422, 503),
)
async def backfill_mapping(
    mapping_id: str,
    payload: BackfillRequest,
    response: Response,
    tenant_id: Tenant,
    incremental: Incremental,
    waiting: Waiting,
    prefix: Prefix,
) -> list[RunRead]:
    """Queue runs that read a range again, one for each chunk."""
    parsed = parse_path_id(mapping_id, NOUN)
    runs = await incremental.backfill(tenant_id, parsed, payload)
    response.headers["Location"] = f"{prefix}/runs/?mapping_id={parsed}&trigger=backfill"
    return await waiting.show(runs)
