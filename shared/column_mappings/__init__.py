"""Column mappings: how target fields are filled from source columns. No I/O, no database, no document."""

from typing import Annotated

from pydantic import Field

from shared.column_mappings.direct import Direct, DirectConfig
from shared.column_mappings.join import Join, JoinConfig
from shared.column_mappings.spec import SpecModel
from shared.column_mappings.split import Split, SplitConfig

ColumnMappingSpec = Annotated[Direct | Split | Join, Field(discriminator="type")]

COLUMN_MAPPING_TYPES: dict[str, type[SpecModel]] = {"direct": Direct, "split": Split, "join": Join}

__all__ = [
    "COLUMN_MAPPING_TYPES",
    "ColumnMappingSpec",
    "Direct",
    "DirectConfig",
    "Join",
    "JoinConfig",
    "Split",
    "SplitConfig",
]
