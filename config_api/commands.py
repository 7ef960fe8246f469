"""What `python -m config_api` does besides serving: the first administrator, keys, the OpenAPI document."""

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable

from pydantic import TypeAdapter, ValidationError
from pymongo.errors import PyMongoError

from config_api.access.payloads import MIN_PASSWORD, Email, NewPassword
from config_api.dependencies import Services, build_services
from config_api.main import create_app
from shared.documents.base import DEFAULT_TENANT
from shared.documents.user import Role
from shared.embedded_mongodb import EmbeddedMongodbError, mongodb_url
from shared.errors import EngineError
from shared.logging import configure_logging
from shared.notice_signing import webhook_secrets
from shared.secret import Secret
from shared.settings import Settings, SettingsError
from shared.store.client import StoreClient
from shared.store.indexes import make_indexes
from shared.store.stores import open_stores

STORE_SECONDS = 30.0
USAGE = f"""python -m config_api                       serve
python -m config_api create-admin EMAIL     make an administrator; the password is asked for, or read from
                                            standard input: at least {MIN_PASSWORD} characters
python -m config_api rotate-keys            put every stored secret under the first ENCRYPTION_KEY
python -m config_api webhook-secret [ID]    print the secrets that sign the webhooks of a tenant (the default one),
                                            one a line, the first for new receivers
python -m config_api openapi                print the OpenAPI document
"""


def run_command(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    match arguments:
        case ["openapi"]:
            sys.stdout.write(openapi_text())
            return 0
        case ["webhook-secret"]:
            return _print_secrets(DEFAULT_TENANT)
        case ["webhook-secret", tenant_id]:
            return _print_secrets(tenant_id)
        case ["create-admin", email]:
            return _with_services(lambda services: _create_admin(services, email))
        case ["rotate-keys"]:
            return _with_services(_rotate_keys)
        case _:
            sys.stderr.write(USAGE)
            return 2


def openapi_text() -> str:
    """Return the OpenAPI document under the default settings, in one fixed form."""
    return json.dumps(create_app(Settings()).openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _print_secrets(tenant_id: str) -> int:
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for secret in webhook_secrets(settings.encryption_key, tenant_id):
        sys.stdout.write(f"{secret.reveal()}\n")
    return 0


async def _create_admin(services: Services, email: str) -> str:
    address = TypeAdapter(Email).validate_python(email)
    password: Secret = TypeAdapter(NewPassword).validate_python(await asyncio.to_thread(_ask_password))
    user = await services.users.create_admin(address, password)
    assert user.role is Role.ADMIN  # noqa: S101 - what this is for
    return f"{user.email} is an administrator now.\n"


async def _rotate_keys(services: Services) -> str:
    state = await services.rotation.run()
    return f"{state.total} secrets: {state.rotated} rotated, {state.unreadable} that no key opens.\n"


def _ask_password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _with_services(work: Callable[[Services], Awaitable[str]]) -> int:
    try:
        settings = Settings.from_environment()
        configure_logging("warning", settings.log_format)
        sys.stdout.write(asyncio.run(_run(settings, work)))
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        sys.stderr.write(f"{fault['msg']}\n")
    except PyMongoError as error:
        sys.stderr.write(f"MongoDB does not answer ({type(error).__name__})\n")
    except (SettingsError, EmbeddedMongodbError, EngineError) as error:
        sys.stderr.write(f"{error}\n")
    else:
        return 0
    return 1


async def _run(settings: Settings, work: Callable[[Services], Awaitable[str]]) -> str:
    async with mongodb_url(settings) as url:
        client = StoreClient(url.reveal(), settings.mongodb_db_name, operation_seconds=STORE_SECONDS)
        try:
            await make_indexes(client)
            return await work(build_services(settings, open_stores(client)))
        finally:
            await client.close()
