"""What endpoints ask for; the only place with Depends factories.

All are coroutines, though they wait for nothing: FastAPI sends plain functions to a thread, and back.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from config_api.access.audit_trail import AuditTrail
from config_api.access.authenticator import Authenticator
from config_api.access.caller import Caller
from config_api.access.login import LoginService
from config_api.access.passwords import Passwords
from config_api.access.rotation import KeyRotation
from config_api.access.second_factor import SecondFactor
from config_api.access.service import ApiKeyService, TenantService, UserService
from config_api.access.tokens import Tokens
from config_api.blocking import BlockingWork
from config_api.connections.service import ConnectionOpener, ConnectionService
from config_api.events.service import EventService
from config_api.mappings.incremental import IncrementalService
from config_api.mappings.looking import LookingService, TargetFinder
from config_api.mappings.service import MappingService
from config_api.metrics import HttpMetrics
from config_api.paging import Limit, Offset, page_of_names, parse_sort, plain_page
from config_api.pause.service import PauseService
from config_api.preparation import Preparation
from config_api.rate_limits import RateLimits
from config_api.runs.replay import ReplayService
from config_api.runs.service import RunService
from config_api.runs.waiting import WaitingRoom
from config_api.schedules.service import ScheduleService
from config_api.schemas.service import SchemaService
from config_api.versions import ExpectedVersion, expected_version
from shared.clock import Clock, utc_now, whole_milliseconds
from shared.encryption import Keyring
from shared.settings import Settings
from shared.store.audit import AuditStore
from shared.store.documents import Page
from shared.store.occupancy import OccupancyReader
from shared.store.stores import Stores

RUN_SORT_FIELDS = ("queued_at", "started_at", "finished_at", "scheduled_for", "created_at")


@dataclass(frozen=True)
class Services:
    """What one app is made of, from its start to its end."""

    settings: Settings
    stores: Stores
    keyring: Keyring
    blocking: BlockingWork
    connections: ConnectionService
    schemas: SchemaService
    mappings: MappingService
    looking: LookingService
    schedules: ScheduleService
    runs: RunService
    waiting: WaitingRoom
    replays: ReplayService
    pausing: PauseService
    incremental: IncrementalService
    authenticator: Authenticator
    audit: AuditTrail
    logins: LoginService
    second_factor: SecondFactor
    users: UserService
    api_keys: ApiKeyService
    tenants: TenantService
    rotation: KeyRotation


def build_services(
    settings: Settings, stores: Stores, clock: Clock = utc_now, limits: RateLimits | None = None
) -> Services:
    """Put the services together."""
    clock = whole_milliseconds(clock)
    keyring = Keyring(settings.encryption_key)
    blocking = BlockingWork()
    opener = ConnectionOpener(keyring, settings.sqlite_root, settings.allowed_private_networks)
    targets = TargetFinder(stores, opener, settings)
    mappings = MappingService(stores, blocking, clock)
    runs = RunService(stores, mappings, targets, blocking, clock)
    tokens = Tokens(settings)
    passwords = Passwords()
    second_factor = SecondFactor(stores.users, keyring, clock)
    return Services(
        settings=settings,
        stores=stores,
        keyring=keyring,
        blocking=blocking,
        connections=ConnectionService(stores, opener, blocking, clock),
        schemas=SchemaService(stores, opener, blocking, clock),
        mappings=mappings,
        looking=LookingService(stores, mappings, opener, targets, blocking, clock),
        schedules=ScheduleService(stores, mappings, clock),
        runs=runs,
        waiting=WaitingRoom(OccupancyReader(stores.client, settings.target_max_parallel), clock),
        replays=ReplayService(stores, mappings, runs),
        pausing=PauseService(stores, clock),
        incremental=IncrementalService(stores, mappings, runs, opener, targets, blocking, clock),
        authenticator=Authenticator(settings, stores, tokens, clock),
        audit=AuditTrail(stores.audit, clock),
        logins=LoginService(
            settings, stores, tokens, passwords, second_factor, limits or RateLimits(settings), clock
        ),
        second_factor=second_factor,
        users=UserService(stores, passwords, clock),
        api_keys=ApiKeyService(stores, clock),
        tenants=TenantService(stores, clock),
        rotation=KeyRotation(stores.secrets, keyring, clock),
    )


async def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def get_preparation(request: Request) -> Preparation:
    preparation: Preparation = request.app.state.preparation
    return preparation


PreparationOf = Annotated[Preparation, Depends(get_preparation)]


def prepared(request: Request) -> Services:
    """Return the services once the store is ready, in one step: each step of FastAPI's costs a request its time."""
    state = request.app.state
    state.preparation.check()
    services: Services = state.services
    return services


async def get_draining(request: Request) -> asyncio.Event:
    draining: asyncio.Event = request.app.state.draining
    return draining


async def get_events(request: Request) -> EventService:
    request.app.state.preparation.check()
    events: EventService = request.app.state.events
    return events


async def get_metrics(request: Request) -> HttpMetrics:
    metrics: HttpMetrics = request.app.state.metrics
    return metrics


AnyServices = Annotated[Services, Depends(get_services)]


async def get_caller(request: Request) -> Caller:
    """Return who asks: the guard has let them through to this route."""
    caller: Caller = request.state.caller
    return caller


async def get_tenant(request: Request) -> str:
    """Return the tenant that the caller acts in."""
    caller: Caller = request.state.caller
    return caller.tenant_id


async def get_audit(request: Request) -> AuditStore:
    return prepared(request).stores.audit


async def get_logins(request: Request) -> LoginService:
    return prepared(request).logins


async def get_second_factor(request: Request) -> SecondFactor:
    return prepared(request).second_factor


async def get_users(request: Request) -> UserService:
    return prepared(request).users


async def get_api_keys(request: Request) -> ApiKeyService:
    return prepared(request).api_keys


async def get_tenants(request: Request) -> TenantService:
    return prepared(request).tenants


async def get_rotation(request: Request) -> KeyRotation:
    return prepared(request).rotation


async def get_prefix(request: Request) -> str:
    return prepared(request).settings.api_v1_prefix


async def get_keyring(request: Request) -> Keyring:
    return prepared(request).keyring


async def get_connections(request: Request) -> ConnectionService:
    return prepared(request).connections


async def get_schemas(request: Request) -> SchemaService:
    return prepared(request).schemas


async def get_mappings(request: Request) -> MappingService:
    return prepared(request).mappings


async def get_looking(request: Request) -> LookingService:
    return prepared(request).looking


async def get_schedules(request: Request) -> ScheduleService:
    return prepared(request).schedules


async def get_runs(request: Request) -> RunService:
    return prepared(request).runs


async def get_waiting(request: Request) -> WaitingRoom:
    return prepared(request).waiting


async def get_pausing(request: Request) -> PauseService:
    return prepared(request).pausing


async def get_replays(request: Request) -> ReplayService:
    return prepared(request).replays


async def get_incremental(request: Request) -> IncrementalService:
    return prepared(request).incremental


async def page_of_runs(
    limit: Limit = 100,
    offset: Offset = 0,
    sort: Annotated[str, Query(max_length=50, description="queued_at, -finished_at, …")] = "-queued_at",
) -> Page:
    """Read the page that a list of runs is asked for."""
    return Page(limit=limit, offset=offset, sort=parse_sort(sort, RUN_SORT_FIELDS))


Tenant = Annotated[str, Depends(get_tenant)]
Draining = Annotated[asyncio.Event, Depends(get_draining)]
Events = Annotated[EventService, Depends(get_events)]
CallerOf = Annotated[Caller, Depends(get_caller)]
Audit = Annotated[AuditStore, Depends(get_audit)]
Logins = Annotated[LoginService, Depends(get_logins)]
SecondFactorOf = Annotated[SecondFactor, Depends(get_second_factor)]
Users = Annotated[UserService, Depends(get_users)]
ApiKeys = Annotated[ApiKeyService, Depends(get_api_keys)]
Tenants = Annotated[TenantService, Depends(get_tenants)]
Rotation = Annotated[KeyRotation, Depends(get_rotation)]
Prefix = Annotated[str, Depends(get_prefix)]
KeyringOf = Annotated[Keyring, Depends(get_keyring)]
Metrics = Annotated[HttpMetrics, Depends(get_metrics)]
Connections = Annotated[ConnectionService, Depends(get_connections)]
Schemas = Annotated[SchemaService, Depends(get_schemas)]
Mappings = Annotated[MappingService, Depends(get_mappings)]
Looking = Annotated[LookingService, Depends(get_looking)]
Schedules = Annotated[ScheduleService, Depends(get_schedules)]
Runs = Annotated[RunService, Depends(get_runs)]
Waiting = Annotated[WaitingRoom, Depends(get_waiting)]
Pausing = Annotated[PauseService, Depends(get_pausing)]
Replays = Annotated[ReplayService, Depends(get_replays)]
Incremental = Annotated[IncrementalService, Depends(get_incremental)]
NamedPage = Annotated[Page, Depends(page_of_names)]
PlainPage = Annotated[Page, Depends(plain_page)]
RunPage = Annotated[Page, Depends(page_of_runs)]
Expected = Annotated[ExpectedVersion, Depends(expected_version)]
