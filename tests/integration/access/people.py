"""Users with known passwords, and callers that act as them."""

from typing import Any

import httpx2
from fastapi import FastAPI

from config_api.access.payloads import UserCreate
from config_api.dependencies import Services
from shared.documents.base import DEFAULT_TENANT
from shared.documents.tenant import Tenant
from shared.documents.user import Role, User
from shared.secret import Secret
from tests.integration.config_api.documents import PREFIX, Api, Body

JWT_KEY = "a-key-of-the-tests-that-signs-logins"
PASSWORD = "correct horse battery"


class ApiAs(Api):
    """Calls the API with headers that say who asks."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        super().__init__(client)
        self.headers = headers

    async def ask(self, method: str, path: str, **kwargs: Any) -> httpx2.Response:
        headers = self.headers | kwargs.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **kwargs)

    async def get(self, path: str, **kwargs: Any) -> httpx2.Response:
        return await self.ask("GET", PREFIX + path, **kwargs)

    async def post(self, path: str, body: Any = None, **kwargs: Any) -> httpx2.Response:
        return await self.ask("POST", PREFIX + path, json=body, **kwargs)

    async def put(self, path: str, body: Any, **kwargs: Any) -> httpx2.Response:
        return await self.ask("PUT", PREFIX + path, json=body, **kwargs)

    async def delete(self, path: str, **kwargs: Any) -> httpx2.Response:
        return await self.ask("DELETE", PREFIX + path, **kwargs)


class People:
    """Makes users and tenants in the store, and logs them in over HTTP."""

    def __init__(self, app: FastAPI, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.anonymous = ApiAs(client, {})

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def make_tenant(self, name: str) -> str:
        now = self.services.authenticator._clock()
        made = await self.services.stores.tenants.insert(Tenant(name=name, created_at=now, updated_at=now))
        return str(made.id)

    async def make_user(
        self, email: str, role: Role = Role.ADMIN, tenant_id: str = DEFAULT_TENANT, **fields: Any
    ) -> User:
        payload = UserCreate(email=email, password=Secret(PASSWORD), role=role, **fields)
        return await self.services.users.create(tenant_id, payload)

    async def log_in(self, email: str, password: str = PASSWORD, otp: str | None = None) -> httpx2.Response:
        body = {"email": email, "password": password} | ({} if otp is None else {"otp": otp})
        return await self.anonymous.post("/auth/login", body)

    async def act_as(
        self, email: str, role: Role = Role.ADMIN, tenant_id: str = DEFAULT_TENANT, **fields: Any
    ) -> ApiAs:
        """Make a user, log them in, and return a caller that acts as them."""
        await self.make_user(email, role, tenant_id, **fields)
        return self.with_tokens((await self.log_in(email)).json())

    def with_tokens(self, tokens: Body) -> ApiAs:
        return ApiAs(self.client, {"Authorization": f"Bearer {tokens['access_token']}"})
