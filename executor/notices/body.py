"""What a notice says: the run as the API shows it, and the names of its mapping and schedule."""

import json
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pydantic import BaseModel

from shared.documents.run import NoticeKind, Run

# Everything that the API shows of a run but why it waits; a test compares this with the API's answer.
SHOWN = (
    *(
        "id",
        "mapping_id",
        "mapping_version",
        "schedule_id",
        "trigger",
        "retry_of",
        "scheduled_for",
        "status",
        "reason",
    ),
    *(
        "until",
        "count",
        "attempt",
        "cancel_requested",
        "queued_at",
        "started_at",
        "finished_at",
        "executor_id",
        "gear",
    ),
    *("progress", "window", "error", "version"),
)


def notice_body(run: Run, kind: NoticeKind, mapping_name: str, schedule_name: str | None) -> str:
    """Return the JSON of a notice. No secrets and no row values: a run holds none of them."""
    said = {
        "type": f"run.{kind}",
        "tenant_id": run.tenant_id,
        "mapping": {"id": str(run.mapping_id), "name": mapping_name},
        "schedule": None if run.schedule_id is None else {"id": str(run.schedule_id), "name": schedule_name},
        "run": shown_run(run),
    }
    return json.dumps(said, ensure_ascii=False)


def shown_run(run: Run) -> dict[str, Any]:
    """Return a run as the API shows it."""
    return {name: _shown(getattr(run, name)) for name in SHOWN}


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value) if isinstance(value, ObjectId) else value
