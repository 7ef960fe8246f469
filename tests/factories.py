"""Valid documents for tests: a test spells out only the fields it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from local_servers import Database
from shared.column_mappings import ColumnMappingSpec
from shared.dialects.base import ConnectionSettings
from shared.documents.mapping import Mapping, MappingVersion
from shared.documents.run import Run, RunStatus
from shared.documents.schema import Schema
from shared.secret import Secret
from shared.types import DataType, TargetField

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def field(name: str, data_type: str = "string", **more: Any) -> TargetField:
    return TargetField(name=name, data_type=DataType(data_type), **more)


def schema(columns: Sequence[TargetField], **more: Any) -> Schema:
    values: dict[str, Any] = {"name": "facts", "created_at": NOW, "updated_at": NOW, **more}
    return Schema(columns=tuple(columns), **values)


def mapping(**more: Any) -> Mapping:
    values: dict[str, Any] = {
        "name": "a mapping",
        "source_connection_id": ObjectId(),
        "source_query": "SELECT 1 AS a",
        "target_schema_id": ObjectId(),
        "target_connection_id": ObjectId(),
        "created_at": NOW,
        "updated_at": NOW,
        **more,
    }
    return Mapping(**values)


def mapping_version(
    query: str,
    columns: Sequence[TargetField],
    specs: Sequence[ColumnMappingSpec] = (),
    *,
    table: str = "facts",
    **more: Any,
) -> MappingVersion:
    """What a run of a mapping with this query, schema and column mappings would use."""
    of = mapping(source_query=query, target_table=table, **more)
    return MappingVersion(
        mapping_id=of.id,
        mapping_version=1,
        mapping=of,
        column_mappings=tuple(specs),
        target_schema=schema(columns),
        created_at=NOW,
        updated_at=NOW,
    )


def run(version: MappingVersion, *, fence: int = 1, **more: Any) -> Run:
    """A claimed run of a mapping version."""
    values: dict[str, Any] = {
        "mapping_id": version.mapping_id,
        "mapping_version": version.mapping_version,
        "trigger": "manual",
        "status": RunStatus.RUNNING,
        "attempt": 1,
        "queued_at": NOW,
        "started_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        **more,
    }
    return Run(fence=fence, **values)


def connection_settings(database: Database, **more: Any) -> ConnectionSettings:
    """The decrypted settings of a test database."""
    if database.path is not None:
        return ConnectionSettings(str(ObjectId()), "sqlite", str(database.path), **more)
    return ConnectionSettings(
        connection_id=str(ObjectId()),
        db_type=database.db_type,
        database=database.database,
        host=database.host,
        port=database.port,
        username=database.username,
        password=Secret(database.password),
        **more,
    )
