"""notices: what people are told of a run, one document for each kind and target, kept until its retention ends."""

from datetime import datetime
from typing import Literal

from shared.documents.base import Id, StoredDocument
from shared.documents.run import NoticeKind

NoticeStatus = Literal["waiting", "sent", "given_up"]


class Notice(StoredDocument):
    """`target` is a URL of the mapping's `notify`; `body` the JSON that every attempt sends unchanged.

    `attempts` counts the deliveries that were begun, and is what a sender names when it tells how one ended.
    `due_at`: the next attempt, or the end of the lease of the present one. `error` is a code, never an answer's text.
    """

    run_id: Id
    kind: NoticeKind
    target: str
    body: str
    status: NoticeStatus = "waiting"
    attempts: int = 0
    due_at: datetime
    error: str | None = None
    sent_at: datetime | None = None
