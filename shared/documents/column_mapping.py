"""column_mappings: how target fields are filled from source columns (DESIGN.md §8 is in docs/column_mappings.md)."""

from shared.column_mappings import ColumnMappingSpec
from shared.documents.base import Id, StoredDocument


class ColumnMapping(StoredDocument):
    """One column mapping of a mapping; `position` keeps the user's order."""

    mapping_id: Id
    position: int
    spec: ColumnMappingSpec
