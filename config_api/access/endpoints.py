"""Routes of logins, users, API keys and tenants."""

from typing import Annotated

from fastapi import Body, Request, Response

from config_api.access.login import LoggedIn, caller_of
from config_api.access.payloads import (
    THE_DEFAULT_TENANT,
    ApiKeyCreate,
    ApiKeyMade,
    ApiKeyRead,
    LoginRequest,
    LogoutRequest,
    MeRead,
    PasswordChange,
    RecoveryCodes,
    RefreshRequest,
    TenantCreate,
    TenantRead,
    TenantUpdate,
    TokensRead,
    TotpConfirm,
    TotpDisable,
    TotpRead,
    UserCreate,
    UserRead,
    UserUpdate,
    read_api_key,
    read_tenant,
    read_user,
)
from config_api.dependencies import (
    ApiKeys,
    CallerOf,
    Expected,
    Logins,
    NamedPage,
    PlainPage,
    Prefix,
    SecondFactorOf,
    Tenant,
    Tenants,
    Users,
)
from config_api.fields import parse_path_id
from config_api.paging import set_total
from config_api.problems import problem_responses
from config_api.routers import DomainRouter
from config_api.versions import set_version
from shared.documents.base import DEFAULT_TENANT
from shared.errors import NotFound

auth = DomainRouter(prefix="/auth", tags=["access"])
users = DomainRouter(prefix="/users", tags=["access"])
api_keys = DomainRouter(prefix="/api-keys", tags=["access"])
tenants = DomainRouter(prefix="/tenants", tags=["access"])
_BODY = (413, 415, 422, 503)


@auth.post("/login", operation_id="log_in", responses=problem_responses(401, 429, *_BODY))
async def log_in(payload: LoginRequest, request: Request, response: Response, logins: Logins) -> TokensRead:
    """Log in with e-mail, password and, where it is on, the second factor."""
    user = await logins.find_user(payload.email)
    if user is not None:
        request.state.acting = caller_of(user)
    return _read_tokens(await logins.log_in(payload, user, request.state.address), response)


@auth.post("/refresh", operation_id="refresh_login", responses=problem_responses(401, *_BODY))
async def refresh_login(payload: RefreshRequest, response: Response, logins: Logins) -> TokensRead:
    """Trade a refresh token for new tokens; sending one twice ends the login."""
    return _read_tokens(await logins.refresh(payload.refresh_token), response)


@auth.post("/logout", status_code=204, operation_id="log_out", responses=problem_responses(*_BODY))
async def log_out(
    request: Request, logins: Logins, payload: Annotated[LogoutRequest | None, Body()] = None
) -> None:
    """End the login of the refresh token, or of the access token in the header."""
    _, _, access_token = request.headers.get("authorization", "").partition(" ")
    refresh_token = None if payload is None else payload.refresh_token
    user = await logins.log_out(refresh_token, access_token.strip() or None)
    if user is not None:
        request.state.acting = caller_of(user)


@auth.get("/me", operation_id="get_me", responses=problem_responses(404, 503))
async def get_me(caller: CallerOf, logins: Logins) -> MeRead:
    """Say who asks; 404 `no_login` where there is no login."""
    if caller.kind == "development":
        raise NotFound("There is no login here: everybody is the administrator", code="no_login")
    user = await logins.own_user(caller)
    return MeRead(
        id=str(user.id),
        email=user.email,
        role=caller.role,
        tenantId=caller.tenant_id,
        read_only=caller.read_only,
        scopes=None if caller.scopes is None else sorted(caller.scopes),
        totp_enabled=user.totp is not None and user.totp.confirmed,
    )


@auth.post(
    "/password", status_code=204, operation_id="change_password", responses=problem_responses(429, *_BODY)
)
async def change_password(payload: PasswordChange, caller: CallerOf, logins: Logins) -> None:
    """Change the own password; every other login of the user ends."""
    await logins.change_password(caller, payload)


@auth.post("/totp", operation_id="begin_totp", responses=problem_responses(409, 422, 503))
async def begin_totp(
    caller: CallerOf, logins: Logins, second_factor: SecondFactorOf, response: Response
) -> TotpRead:
    """Make the secret of a second factor; it is on once its first code is confirmed."""
    _never_keep(response)
    secret, url = await second_factor.begin(await logins.own_user(caller))
    return TotpRead(secret=secret, otpauth_url=url)


@auth.post("/totp/confirm", operation_id="confirm_totp", responses=problem_responses(409, *_BODY))
async def confirm_totp(
    payload: TotpConfirm, caller: CallerOf, logins: Logins, second_factor: SecondFactorOf, response: Response
) -> RecoveryCodes:
    """Turn the second factor on; the recovery codes are shown this once."""
    _never_keep(response)
    codes = await second_factor.confirm(await logins.own_user(caller), payload.otp)
    return RecoveryCodes(recovery_codes=codes)


@auth.post(
    "/totp/disable", status_code=204, operation_id="disable_totp", responses=problem_responses(429, *_BODY)
)
async def disable_totp(
    payload: TotpDisable, caller: CallerOf, logins: Logins, second_factor: SecondFactorOf
) -> None:
    """Turn the second factor off, with the password."""
    user = await logins.own_user(caller)
    await logins.check_password(user, payload.password, "password")
    await second_factor.disable(user)


@users.post("/", status_code=201, operation_id="create_user", responses=problem_responses(409, *_BODY))
async def create_user(
    payload: UserCreate, response: Response, tenant_id: Tenant, users: Users, prefix: Prefix
) -> UserRead:
    """Store a user of the tenant that is acted in."""
    created = await users.create(tenant_id, payload)
    response.headers["Location"] = f"{prefix}/users/{created.id}"
    set_version(response, created.version)
    return read_user(created)


@users.get("/", operation_id="list_users", responses=problem_responses(422, 503))
async def list_users(response: Response, tenant_id: Tenant, users: Users, page: PlainPage) -> list[UserRead]:
    """List the users of the tenant that is acted in."""
    listing = await users.list_page(tenant_id, page)
    set_total(response, listing.total)
    return [read_user(user) for user in listing.documents]


@users.get("/{user_id}", operation_id="get_user", responses=problem_responses(404, 503))
async def get_user(user_id: str, response: Response, tenant_id: Tenant, users: Users) -> UserRead:
    """Read a user."""
    found = await users.get(tenant_id, parse_path_id(user_id, "user"))
    set_version(response, found.version)
    return read_user(found)


@users.put("/{user_id}", operation_id="update_user", responses=problem_responses(404, 409, 412, *_BODY))
async def update_user(
    user_id: str,
    payload: UserUpdate,
    response: Response,
    tenant_id: Tenant,
    users: Users,
    expected: Expected,
) -> UserRead:
    """Change the fields that are sent; the user's logins end."""
    changed = await users.update(tenant_id, parse_path_id(user_id, "user"), payload, expected)
    set_version(response, changed.version)
    return read_user(changed)


@users.delete(
    "/{user_id}",
    status_code=204,
    operation_id="delete_user",
    responses=problem_responses(404, 409, 412, 503),
)
async def delete_user(user_id: str, tenant_id: Tenant, users: Users, expected: Expected) -> None:
    """Delete a user with their logins and API keys."""
    await users.delete(tenant_id, parse_path_id(user_id, "user"), expected)


@api_keys.post("/", status_code=201, operation_id="create_api_key", responses=problem_responses(409, *_BODY))
async def create_api_key(
    payload: ApiKeyCreate, response: Response, caller: CallerOf, api_keys: ApiKeys, prefix: Prefix
) -> ApiKeyMade:
    """Make an API key; it is shown this once."""
    _never_keep(response)
    made, text = await api_keys.create(caller, payload)
    response.headers["Location"] = f"{prefix}/api-keys/{made.id}"
    return ApiKeyMade(**read_api_key(made).model_dump(), key=text)


@api_keys.get("/", operation_id="list_api_keys", responses=problem_responses(422, 503))
async def list_api_keys(
    response: Response, caller: CallerOf, api_keys: ApiKeys, page: PlainPage
) -> list[ApiKeyRead]:
    """List the caller's API keys, an administrator's tenant's."""
    listing = await api_keys.list_own(caller, page)
    set_total(response, listing.total)
    return [read_api_key(key) for key in listing.documents]


@api_keys.delete(
    "/{api_key_id}", status_code=204, operation_id="delete_api_key", responses=problem_responses(404, 503)
)
async def delete_api_key(api_key_id: str, caller: CallerOf, api_keys: ApiKeys) -> None:
    """Delete an API key; it ends at once."""
    await api_keys.delete(caller, parse_path_id(api_key_id, "API key"))


@tenants.post("/", status_code=201, operation_id="create_tenant", responses=problem_responses(409, *_BODY))
async def create_tenant(
    payload: TenantCreate, response: Response, tenants: Tenants, prefix: Prefix
) -> TenantRead:
    """Store a tenant; its id goes into X-Tenant-ID."""
    created = await tenants.create(payload)
    response.headers["Location"] = f"{prefix}/tenants/{created.id}"
    set_version(response, created.version)
    return read_tenant(created)


@tenants.get("/", operation_id="list_tenants", responses=problem_responses(422, 503))
async def list_tenants(response: Response, tenants: Tenants, page: NamedPage) -> list[TenantRead]:
    """List the tenants but the default one, which is always there."""
    listing = await tenants.list_page(page)
    set_total(response, listing.total)
    return [read_tenant(tenant) for tenant in listing.documents]


@tenants.get("/{tenant_id}", operation_id="get_tenant", responses=problem_responses(404, 503))
async def get_tenant(tenant_id: str, response: Response, tenants: Tenants) -> TenantRead:
    """Read a tenant."""
    if tenant_id == DEFAULT_TENANT:
        return THE_DEFAULT_TENANT
    found = await tenants.get(parse_path_id(tenant_id, "tenant"))
    set_version(response, found.version)
    return read_tenant(found)


@tenants.put("/{tenant_id}", operation_id="update_tenant", responses=problem_responses(404, 409, 412, *_BODY))
async def update_tenant(
    tenant_id: str, payload: TenantUpdate, response: Response, tenants: Tenants, expected: Expected
) -> TenantRead:
    """Rename a tenant."""
    changed = await tenants.update(parse_path_id(tenant_id, "tenant"), payload, expected)
    set_version(response, changed.version)
    return read_tenant(changed)


@tenants.delete(
    "/{tenant_id}",
    status_code=204,
    operation_id="delete_tenant",
    responses=problem_responses(404, 409, 412, 503),
)
async def delete_tenant(tenant_id: str, tenants: Tenants, expected: Expected) -> None:
    """Delete a tenant that has nothing any more."""
    await tenants.delete(parse_path_id(tenant_id, "tenant"), expected)


def _read_tokens(found: LoggedIn, response: Response) -> TokensRead:
    _never_keep(response)
    return TokensRead(
        access_token=found.access_token,
        expires_in=found.expires_in,
        refresh_token=found.refresh_token,
        role=found.user.role,
        tenantId=found.user.tenant_id,
    )


def _never_keep(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
