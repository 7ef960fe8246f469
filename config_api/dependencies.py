"""What endpoints ask for; the only place with Depends factories."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from config_api.blocking import BlockingWork
from config_api.connections.service import ConnectionOpener, ConnectionService
from config_api.mappings.looking import LookingService, TargetFinder
from config_api.mappings.service import MappingService
from config_api.metrics import HttpMetrics
from config_api.paging import Limit, Offset, page_of_names, parse_sort, plain_page
from config_api.preparation import Preparation
from config_api.runs.service import RunService
from config_api.schedules.service import ScheduleService
from config_api.schemas.service import SchemaService
from config_api.versions import ExpectedVersion, expected_version
from shared.clock import Clock, utc_now, whole_milliseconds
from shared.documents.base import DEFAULT_TENANT
from shared.encryption import Keyring
from shared.settings import Settings
from shared.store.documents import Page
from shared.store.stores import Stores

RUN_SORT_FIELDS = ("queued_at", "started_at", "finished_at", "scheduled_for", "created_at")


@dataclass(frozen=True)
class Services:
    """What one app is made of, from its start to its end."""

    settings: Settings
    stores: Stores
    keyring: Keyring
    connections: ConnectionService
    schemas: SchemaService
    mappings: MappingService
    looking: LookingService
    schedules: ScheduleService
    runs: RunService


def build_services(settings: Settings, stores: Stores, clock: Clock = utc_now) -> Services:
    """Put the services together."""
    clock = whole_milliseconds(clock)
    keyring = Keyring(settings.encryption_key)
    blocking = BlockingWork()
    opener = ConnectionOpener(keyring, settings.sqlite_root, settings.allowed_private_networks)
    targets = TargetFinder(stores, opener, settings)
    mappings = MappingService(stores, blocking, clock)
    return Services(
        settings=settings,
        stores=stores,
        keyring=keyring,
        connections=ConnectionService(stores, opener, blocking, clock),
        schemas=SchemaService(stores, opener, blocking, clock),
        mappings=mappings,
        looking=LookingService(stores, mappings, opener, targets, blocking, clock),
        schedules=ScheduleService(stores, mappings, clock),
        runs=RunService(stores, mappings, targets, blocking, clock),
    )


def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def get_preparation(request: Request) -> Preparation:
    preparation: Preparation = request.app.state.preparation
    return preparation


PreparationOf = Annotated[Preparation, Depends(get_preparation)]


def get_prepared_services(request: Request, preparation: PreparationOf) -> Services:
    preparation.check()
    return get_services(request)


def get_metrics(request: Request) -> HttpMetrics:
    metrics: HttpMetrics = request.app.state.metrics
    return metrics


AnyServices = Annotated[Services, Depends(get_services)]
ServicesOf = Annotated[Services, Depends(get_prepared_services)]


def get_tenant() -> str:
    """Return the caller's tenant: the default one as long as there is no login."""
    return DEFAULT_TENANT


def get_prefix(services: ServicesOf) -> str:
    return services.settings.api_v1_prefix


def get_keyring(services: ServicesOf) -> Keyring:
    return services.keyring


def get_connections(services: ServicesOf) -> ConnectionService:
    return services.connections


def get_schemas(services: ServicesOf) -> SchemaService:
    return services.schemas


def get_mappings(services: ServicesOf) -> MappingService:
    return services.mappings


def get_looking(services: ServicesOf) -> LookingService:
    return services.looking


def get_schedules(services: ServicesOf) -> ScheduleService:
    return services.schedules


def get_runs(services: ServicesOf) -> RunService:
    return services.runs


def page_of_runs(
    limit: Limit = 100,
    offset: Offset = 0,
    sort: Annotated[str, Query(max_length=50, description="queued_at, -finished_at, …")] = "-queued_at",
) -> Page:
    """Read the page that a list of runs is asked for."""
    return Page(limit=limit, offset=offset, sort=parse_sort(sort, RUN_SORT_FIELDS))


Tenant = Annotated[str, Depends(get_tenant)]
Prefix = Annotated[str, Depends(get_prefix)]
KeyringOf = Annotated[Keyring, Depends(get_keyring)]
Metrics = Annotated[HttpMetrics, Depends(get_metrics)]
Connections = Annotated[ConnectionService, Depends(get_connections)]
Schemas = Annotated[SchemaService, Depends(get_schemas)]
Mappings = Annotated[MappingService, Depends(get_mappings)]
Looking = Annotated[LookingService, Depends(get_looking)]
Schedules = Annotated[ScheduleService, Depends(get_schedules)]
Runs = Annotated[RunService, Depends(get_runs)]
NamedPage = Annotated[Page, Depends(page_of_names)]
PlainPage = Annotated[Page, Depends(plain_page)]
RunPage = Annotated[Page, Depends(page_of_runs)]
Expected = Annotated[ExpectedVersion, Depends(expected_version)]
