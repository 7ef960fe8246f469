"""Rules of users, API keys and tenants."""

from typing import Any

from bson import ObjectId

from config_api.access.authenticator import make_key
from config_api.access.caller import Caller
from config_api.access.passwords import Passwords
from config_api.access.payloads import (
    ApiKeyCreate,
    TenantCreate,
    TenantUpdate,
    UserCreate,
    UserFields,
    UserUpdate,
)
from config_api.changes import apply_changes
from config_api.versions import ExpectedVersion
from shared.clock import Clock
from shared.documents.api_key import ApiKey
from shared.documents.base import DEFAULT_TENANT
from shared.documents.tenant import Tenant
from shared.documents.user import Role, User
from shared.errors import ConfigError, Conflict, NotFound
from shared.secret import Secret
from shared.store.client import Session
from shared.store.documents import Listing, Page
from shared.store.stores import Stores

_USER_FIELDS = ("email", "role", "read_only", "is_active", "password_hash")


class UserService:
    def __init__(self, stores: Stores, passwords: Passwords, clock: Clock) -> None:
        self._stores = stores
        self._passwords = passwords
        self._clock = clock

    async def create(self, tenant_id: str, payload: UserCreate) -> User:
        """Store a user of a tenant. Raises Conflict `email_taken`."""
        now = self._clock()
        user = User(
            tenant_id=tenant_id,
            email=payload.email,
            role=payload.role,
            read_only=payload.read_only,
            is_active=payload.is_active,
            password_hash=await self._passwords.hash(payload.password),
            created_at=now,
            updated_at=now,
        )
        return await self._stores.users.insert(user)

    async def create_admin(self, email: str, password: Secret) -> User:
        """Store an administrator of the default tenant."""
        payload = UserCreate(email=email, password=password, role=Role.ADMIN)
        return await self.create(DEFAULT_TENANT, payload)

    async def get(self, tenant_id: str, user_id: ObjectId) -> User:
        return await self._stores.users.get(tenant_id, user_id)

    async def list_page(self, tenant_id: str, page: Page) -> Listing[User]:
        return await self._stores.users.list_page(tenant_id, page)

    async def update(
        self, tenant_id: str, user_id: ObjectId, changes: UserUpdate, expected: ExpectedVersion
    ) -> User:
        """Change a user and end their logins, which carry the former rights. Raises Conflict `last_admin`."""
        current = await self.get(tenant_id, user_id)
        expected.check(current.version)
        changed = current.model_copy(
            update={**await self._changed_fields(current, changes), "updated_at": self._clock()}
        )
        await self._keep_an_admin(current, changed)
        stored = await self._stores.users.update(changed, _USER_FIELDS, expected_version=current.version)
        await self._stores.logins.revoke_all(user_id, self._clock())
        return stored

    async def delete(self, tenant_id: str, user_id: ObjectId, expected: ExpectedVersion) -> None:
        """Delete a user with their logins and API keys. Raises Conflict `last_admin`."""
        current = await self.get(tenant_id, user_id)
        expected.check(current.version)
        await self._keep_an_admin(current, None)
        await self._stores.users.delete(tenant_id, user_id)
        await self._stores.logins.revoke_all(user_id, self._clock())
        await self._stores.api_keys.delete_of_user(user_id)

    async def _changed_fields(self, current: User, changes: UserUpdate) -> dict[str, Any]:
        payload = apply_changes(UserFields, current, changes)
        fields: dict[str, Any] = {name: getattr(payload, name) for name in UserFields.model_fields}
        if "password" in changes.model_fields_set:
            password: Secret | None = getattr(changes, "password", None)
            if password is None:
                raise ConfigError("A password has no default", code="missing", loc=("password",))
            fields["password_hash"] = await self._passwords.hash(password)
        return fields

    async def _keep_an_admin(self, current: User, changed: User | None) -> None:
        stays = changed is not None and _is_active_admin(changed)
        if not _is_active_admin(current) or stays:
            return
        if await self._stores.users.count_active_admins() <= 1:
            raise Conflict("This is the last administrator", code="last_admin")


class ApiKeyService:
    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    async def create(self, caller: Caller, payload: ApiKeyCreate) -> tuple[ApiKey, str]:
        """Make a key and return it with its text, which is not kept. Raises ConfigError, Conflict."""
        owner = await self._owner(caller, payload.user_id)
        now = self._clock()
        if payload.expires_at is not None and payload.expires_at <= now:
            raise ConfigError("must be in the future", code="in_the_past", loc=("expires_at",))
        text, prefix, secret_hash = make_key()
        key = ApiKey(
            tenant_id=caller.tenant_id,
            name=payload.name,
            user_id=owner.id,
            prefix=prefix,
            secret_hash=secret_hash,
            scopes=tuple(payload.scopes),
            expires_at=payload.expires_at,
            created_at=now,
            updated_at=now,
        )
        return await self._stores.api_keys.insert(key), text

    async def list_own(self, caller: Caller, page: Page) -> Listing[ApiKey]:
        """Return the caller's keys; an administrator's tenant's."""
        found = await self._stores.api_keys.find_where(caller.tenant_id, _own(caller))
        shown = found[page.offset : page.offset + page.limit]
        return Listing(tuple(shown), len(found))

    async def delete(self, caller: Caller, key_id: ObjectId) -> None:
        """Delete a key of the caller's, or an administrator's tenant's. Raises NotFound."""
        key = await self._stores.api_keys.get(caller.tenant_id, key_id)
        if caller.role is not Role.ADMIN and key.user_id != caller.user_id:
            raise NotFound("There is no such API key")
        await self._stores.api_keys.delete(caller.tenant_id, key_id)

    async def _owner(self, caller: Caller, user_id: str | None) -> User:
        if user_id is None and caller.user_id is None:
            raise ConfigError("Without a login, name the user", code="missing", loc=("user_id",))
        wanted = caller.user_id if user_id is None else ObjectId(user_id)
        if wanted != caller.user_id and caller.role is not Role.ADMIN:
            raise _unknown_user()
        found = None if wanted is None else await self._stores.users.find_anywhere(wanted)
        if found is None or (found.role is not Role.ADMIN and found.tenant_id != caller.tenant_id):
            raise _unknown_user()
        return found


class TenantService:
    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    async def create(self, payload: TenantCreate) -> Tenant:
        """Store a tenant. Raises Conflict `name_taken`."""
        now = self._clock()
        return await self._stores.tenants.insert(Tenant(name=payload.name, created_at=now, updated_at=now))

    async def get(self, tenant_id: ObjectId) -> Tenant:
        return await self._stores.tenants.get(DEFAULT_TENANT, tenant_id)

    async def list_page(self, page: Page) -> Listing[Tenant]:
        return await self._stores.tenants.list_page(DEFAULT_TENANT, page)

    async def update(self, tenant_id: ObjectId, changes: TenantUpdate, expected: ExpectedVersion) -> Tenant:
        """Rename a tenant. Raises Conflict `name_taken`."""
        current = await self.get(tenant_id)
        expected.check(current.version)
        payload = apply_changes(TenantCreate, current, changes)
        changed = current.model_copy(update={"name": payload.name, "updated_at": self._clock()})
        return await self._stores.tenants.update(changed, ("name",), expected_version=current.version)

    async def delete(self, tenant_id: ObjectId, expected: ExpectedVersion) -> None:
        """Delete a tenant that has nothing. Raises Conflict `referenced`."""

        async def body(session: Session) -> None:
            current = await self._stores.tenants.get(DEFAULT_TENANT, tenant_id, session)
            expected.check(current.version)
            kinds = await self._stores.tenants.owned_kinds(str(tenant_id), session)
            if kinds:
                raise Conflict(f"The tenant still has {', '.join(kinds)}", code="referenced")
            await self._stores.tenants.delete(DEFAULT_TENANT, tenant_id, session)

        await self._stores.client.transaction(body)


def _is_active_admin(user: User) -> bool:
    return user.role is Role.ADMIN and user.is_active


def _own(caller: Caller) -> dict[str, Any]:
    return {} if caller.role is Role.ADMIN else {"user_id": caller.user_id}


def _unknown_user() -> ConfigError:
    return ConfigError("There is no such user", code="unknown_reference", loc=("user_id",))
