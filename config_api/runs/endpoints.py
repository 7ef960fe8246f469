"""Routes of runs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from fastapi.responses import StreamingResponse

from config_api.dependencies import PlainPage, Prefix, Replays, RunPage, Runs, Tenant, Waiting
from config_api.fields import parse_path_id
from config_api.paging import set_total
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.runs.payloads import (
    LogLineRead,
    NoticeRead,
    RejectedRowRead,
    RunQuery,
    RunRead,
    read_log_line,
    read_notice,
    read_rejected_row,
    read_run_query,
)
from config_api.runs.rejected_csv import RejectedCsv, accepts_csv
from config_api.versions import set_version
from shared.rejected_rows import RejectedRow

router = DomainRouter(prefix="/runs", tags=["runs"])
NOUN = "run"


@router.get("/", operation_id="list_runs", responses=problem_responses(422, 503))
async def list_runs(
    response: Response,
    tenant_id: Tenant,
    runs: Runs,
    waiting: Waiting,
    query: Annotated[RunQuery, Depends(read_run_query)],
    page: RunPage,
) -> list[RunRead]:
    """List runs, newest first."""
    found, total = await runs.list_page(tenant_id, query, page)
    set_total(response, total)
    return await waiting.show(found)


@router.get("/{run_id}", operation_id="get_run", responses=problem_responses(404, 503))
async def get_run(
    run_id: str, response: Response, tenant_id: Tenant, runs: Runs, waiting: Waiting
) -> RunRead:
    """Read a run."""
    run = await runs.get(tenant_id, parse_path_id(run_id, NOUN))
    set_version(response, run.version)
    return await waiting.show_one(run)


@router.post(
    "/{run_id}/cancel",
    status_code=202,
    operation_id="cancel_run",
    responses=problem_responses(404, 409, 503),
)
async def cancel_run(
    run_id: str, response: Response, tenant_id: Tenant, runs: Runs, waiting: Waiting
) -> RunRead:
    """Ask for a run to be cancelled: one that waits ends at once, a running one within seconds."""
    run = await runs.cancel(tenant_id, parse_path_id(run_id, NOUN))
    set_version(response, run.version)
    return await waiting.show_one(run)


@router.post(
    "/{run_id}/retry",
    status_code=202,
    operation_id="retry_run",
    responses=problem_responses(404, 409, 422, 503),
)
async def retry_run(
    run_id: str, response: Response, tenant_id: Tenant, runs: Runs, waiting: Waiting, prefix: Prefix
) -> RunRead:
    """Queue a new run of an ended run's mapping, as the mapping is now."""
    run = await runs.retry(tenant_id, parse_path_id(run_id, NOUN))
    response.headers["Location"] = f"{prefix}/runs/{run.id}"
    set_version(response, run.version)
    return await waiting.show_one(run)


@router.get("/{run_id}/logs", operation_id="list_run_logs", responses=problem_responses(404, 422, 503))
async def list_run_logs(
    run_id: str, response: Response, tenant_id: Tenant, runs: Runs, page: PlainPage
) -> list[LogLineRead]:
    """List what a run wrote for people, oldest first."""
    lines, total = await runs.list_log(tenant_id, parse_path_id(run_id, NOUN), page)
    set_total(response, total)
    return [read_log_line(line) for line in lines]


@router.get("/{run_id}/notices", operation_id="list_run_notices", responses=problem_responses(404, 503))
async def list_run_notices(
    run_id: str, response: Response, tenant_id: Tenant, runs: Runs
) -> list[NoticeRead]:
    """List whom a run's end was told, and with what success, oldest first."""
    notices = await runs.list_notices(tenant_id, parse_path_id(run_id, NOUN))
    set_total(response, len(notices))
    return [read_notice(notice) for notice in notices]


@router.get(
    "/{run_id}/rejected-rows",
    operation_id="list_rejected_rows",
    response_model=list[RejectedRowRead],
    responses={
        **problem_responses(404, 422, 503),
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
    },
)
async def list_rejected_rows(
    run_id: str,
    request: Request,
    response: Response,
    tenant_id: Tenant,
    runs: Runs,
    page: PlainPage,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response | list[RejectedRowRead]:
    """List the rows that a run rejected, with the reasons; as CSV (text/csv) all of them, unless a limit is sent."""
    document_id = parse_path_id(run_id, NOUN)
    rows, total = await runs.list_rejected(tenant_id, document_id, page)
    set_total(response, total)
    response.headers["Vary"] = "Accept"
    if not accepts_csv(accept):
        return [read_rejected_row(row) for row in rows]
    headers = {
        "X-Total-Count": str(total),
        "Vary": "Accept",
        "Content-Disposition": f'attachment; filename="rejected-rows-{run_id}.csv"',
    }
    table, media_type = RejectedCsv.of(rows), "text/csv; charset=utf-8"
    if len(rows) == total or {"limit", "offset"} & set(request.query_params):
        return Response(table.head() + table.lines(rows), media_type=media_type, headers=headers)
    blocks = await runs.all_rejected(tenant_id, document_id)
    return StreamingResponse(_written(table, blocks), media_type=media_type, headers=headers)


async def _written(
    table: RejectedCsv, blocks: AsyncGenerator[list[RejectedRow], None]
) -> AsyncGenerator[str, None]:
    yield table.head()
    async with aclosing(blocks):
        async for rows in blocks:
            yield table.lines(rows)


@router.post(
    "/{run_id}/rejected-rows/replay",
    status_code=202,
    operation_id="replay_rejected_rows",
    responses=problem_responses(404, 409, 422, 503),
)
async def replay_rejected_rows(
    run_id: str, response: Response, tenant_id: Tenant, replays: Replays, waiting: Waiting, prefix: Prefix
) -> RunRead:
    """Queue a run that takes the rejected rows through the mapping as it is now."""
    run = await replays.replay(tenant_id, parse_path_id(run_id, NOUN))
    response.headers["Location"] = f"{prefix}/runs/{run.id}"
    set_version(response, run.version)
    return await waiting.show_one(run)
