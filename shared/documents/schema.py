"""schemas: the declared columns of a target table."""

from shared.documents.base import StoredDocument
from shared.types import TargetField


class Schema(StoredDocument):
    name: str
    description: str | None = None
    columns: tuple[TargetField, ...]
