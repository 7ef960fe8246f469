"""All stores over one client."""

from dataclasses import dataclass

from shared.store.api_keys import ApiKeyStore
from shared.store.audit import AuditStore
from shared.store.client import StoreClient
from shared.store.column_mappings import ColumnMappingStore
from shared.store.connections import ConnectionStore
from shared.store.idempotency_keys import IdempotencyStore
from shared.store.logins import LoginStore
from shared.store.mapping_versions import MappingVersionStore
from shared.store.mappings import MappingStore
from shared.store.notices import NoticeStore
from shared.store.pauses import PauseStore
from shared.store.run_logs import RunLogStore
from shared.store.runs import RunStore
from shared.store.schedules import ScheduleStore
from shared.store.schemas import SchemaStore
from shared.store.stored_secrets import StoredSecretStore
from shared.store.tenants import TenantStore
from shared.store.ticks import TickStore
from shared.store.users import UserStore


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
    pauses: PauseStore
    ticks: TickStore
    run_logs: RunLogStore
    notices: NoticeStore
    users: UserStore
    logins: LoginStore
    api_keys: ApiKeyStore
    tenants: TenantStore
    audit: AuditStore
    idempotency_keys: IdempotencyStore
    secrets: StoredSecretStore


def open_stores(client: StoreClient) -> Stores:
    """Return the stores; nothing is sent yet."""
    runs = RunStore(client)
    return Stores(
        client=client,
        connections=ConnectionStore(client),
        schemas=SchemaStore(client),
        mappings=MappingStore(client),
        column_mappings=ColumnMappingStore(client),
        mapping_versions=MappingVersionStore(client),
        schedules=ScheduleStore(client),
        runs=runs,
        pauses=PauseStore(client),
        ticks=TickStore(client, runs),
        run_logs=RunLogStore(client),
        notices=NoticeStore(client),
        users=UserStore(client),
        logins=LoginStore(client),
        api_keys=ApiKeyStore(client),
        tenants=TenantStore(client),
        audit=AuditStore(client),
        idempotency_keys=IdempotencyStore(client),
        secrets=StoredSecretStore(client),
    )
