"""All stores over one client."""

from dataclasses import dataclass

from shared.store.client import StoreClient
from shared.store.column_mappings import ColumnMappingStore
from shared.store.connections import ConnectionStore
from shared.store.mapping_versions import MappingVersionStore
from shared.store.mappings import MappingStore
from shared.store.run_logs import RunLogStore
from shared.store.runs import RunStore
from shared.store.schedules import ScheduleStore
from shared.store.schemas import SchemaStore


@dataclass(frozen=True)
class Stores:
    client: StoreClient
    connections: ConnectionStore
    schemas: SchemaStore
    mappings: MappingStore
    column_mappings: ColumnMappingStore
    mapping_versions: MappingVersionStore
    schedules: ScheduleStore
    runs: RunStore
    run_logs: RunLogStore


def open_stores(client: StoreClient) -> Stores:
    """Return the stores; nothing is sent yet."""
    return Stores(
        client=client,
        connections=ConnectionStore(client),
        schemas=SchemaStore(client),
        mappings=MappingStore(client),
        column_mappings=ColumnMappingStore(client),
        mapping_versions=MappingVersionStore(client),
        schedules=ScheduleStore(client),
        runs=RunStore(client),
        run_logs=RunLogStore(client),
    )
