"""Routes of the audit."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from config_api.access.payloads import AuditEntryRead, AuditFault, AuditVerdict, read_audit_entry
from config_api.dependencies import Audit, PlainPage, Tenant
from config_api.fields import Instant
from config_api.paging import check_text, set_total
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from shared.documents.audit import FIRST_HASH, AuditEntry
from shared.store.audit import AuditFilter, AuditStore

router = DomainRouter(prefix="/audit", tags=["access"])
MAX_FAULTS = 100
Word = Annotated[str | None, Query(max_length=300)]


@router.get("/", operation_id="list_audit", responses=problem_responses(422, 503))
async def list_audit(
    response: Response,
    tenant_id: Tenant,
    audit: Audit,
    page: PlainPage,
    action: Word = None,
    actor: Word = None,
    target: Word = None,
    since: Annotated[Instant | None, Query()] = None,
    until: Annotated[Instant | None, Query()] = None,
) -> list[AuditEntryRead]:
    """List what was done, newest first."""
    wanted = AuditFilter(
        action=check_text(action, "action"),
        actor=check_text(actor, "actor"),
        target=check_text(target, "target"),
        since=since,
        until=until,
    )
    found, total = await audit.list_page(tenant_id, wanted, limit=page.limit, offset=page.offset)
    set_total(response, total)
    return [read_audit_entry(stored) for stored in found]


@router.get(
    "/export",
    operation_id="export_audit",
    response_class=StreamingResponse,
    responses={
        **problem_responses(503),
        200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}},
    },
)
async def export_audit(tenant_id: Tenant, audit: Audit) -> StreamingResponse:
    """Return every entry, chain by chain, one JSON object a line: what verifying needs, elsewhere too."""
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamingResponse(_lines(audit, tenant_id), media_type="application/x-ndjson", headers=headers)


@router.get("/verify", operation_id="verify_audit", responses=problem_responses(503))
async def verify_audit(tenant_id: Tenant, audit: Audit) -> AuditVerdict:
    """Compute every hash of every chain again."""
    return await verify_chains(audit, tenant_id)


async def verify_chains(audit: AuditStore, tenant_id: str) -> AuditVerdict:
    """Return whether the chains of a tenant hold, and where not."""
    chains = entries = 0
    faults: list[AuditFault] = []
    last: AuditEntry | None = None
    async for stored in audit.read_chains(tenant_id):
        entry = stored.entry
        if last is not None and last.chain != entry.chain:
            last = None
        chains += last is None
        entries += 1
        message = _find_fault(entry, last)
        if message is not None and len(faults) < MAX_FAULTS:
            faults.append(AuditFault(chain=entry.chain, sequence=entry.sequence, message=message))
        last = entry
    return AuditVerdict(ok=not faults, chains=chains, entries=entries, faults=faults)


def _find_fault(entry: AuditEntry, last: AuditEntry | None) -> str | None:
    if entry.sequence != (1 if last is None else last.sequence + 1):
        return "Entries before this one are missing"
    if entry.previous_hash != (FIRST_HASH if last is None else last.hash):
        return "The entry does not follow the one before"
    return None if entry.hash == entry.compute_hash() else "The entry was changed"


async def _lines(audit: AuditStore, tenant_id: str) -> AsyncIterator[str]:
    async for stored in audit.read_chains(tenant_id):
        yield read_audit_entry(stored).model_dump_json() + "\n"
