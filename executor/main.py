"""Starts and stops one executor: settings, MongoDB, HTTP, loops, signals. No logic of runs."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator

import structlog
import uvicorn
from pymongo.errors import PyMongoError

from executor.health import HealthChecks, create_app
from executor.supervisor import Supervisor
from shared.embedded_mongodb import EmbeddedMongodbError, mongodb_url
from shared.error_reports import close_error_reports, configure_error_reports
from shared.logging import configure_logging
from shared.settings import Settings, SettingsError
from shared.store.client import StoreClient
from shared.store.indexes import make_indexes
from shared.store.migrations import migrate
from shared.version import VERSION

SERVICE = "etl-executor"
STORE_RETRY_SECONDS = 1.0
HTTP_STOP_SECONDS = 3
BACKLOG = 128

log = structlog.get_logger(__name__)


class StartError(Exception):
    """Why this executor cannot start."""


class HttpServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the executor's signals stop its runs first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main() -> int:
    """Run one executor in the foreground until SIGTERM or SIGINT; return its exit code."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logging(settings.log_level, settings.log_format)
    configure_error_reports(settings, SERVICE)
    try:
        asyncio.run(serve(settings))
    except (StartError, EmbeddedMongodbError) as error:
        log.error("executor_not_started", reason=str(error))  # noqa: TRY400 - a reason for people, no stack
        return 1
    finally:
        close_error_reports()
    return 0


async def serve(settings: Settings) -> None:
    """Serve until a signal; raises StartError, EmbeddedMongodbError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _listen(settings) as listener:
        async with mongodb_url(settings) as url:
            client = StoreClient(url.reveal(), settings.mongodb_db_name)
            try:
                await _serve(settings, client, url.reveal(), listener, stop)
            finally:
                await client.close()


async def _serve(
    settings: Settings, client: StoreClient, url: str, listener: socket.socket, stop: asyncio.Event
) -> None:
    checks = HealthChecks(client, settings, VERSION)
    http = HttpServer(
        uvicorn.Config(
            create_app(checks), log_config=None, lifespan="off", timeout_graceful_shutdown=HTTP_STOP_SECONDS
        )
    )
    serving = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        if await _prepare_store(client, stop):
            executor_id = f"{socket.gethostname()}:{settings.executor_port}:{os.getpid()}"
            supervisor = Supervisor(client, settings, url, executor_id, VERSION)
            checks.supervisor = supervisor
            await _supervise(supervisor, stop)
    finally:
        http.should_exit = True
        await serving


async def _supervise(supervisor: Supervisor, stop: asyncio.Event) -> None:
    running = asyncio.create_task(supervisor.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    supervisor.request_stop()
    await running


async def _prepare_store(client: StoreClient, stop: asyncio.Event) -> bool:
    """Wait for MongoDB, make the indexes and migrate; False when asked to stop meanwhile. Raises StartError."""
    while not stop.is_set():
        try:
            await _check_store(client)
            await make_indexes(client)
            await migrate(client)
        except PyMongoError as error:
            log.warning("waiting_for_mongodb", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STORE_RETRY_SECONDS):
                    await stop.wait()
        else:
            return True
    return False


async def _check_store(client: StoreClient) -> None:
    hello = await client.database.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StartError("MONGODB_URL names a MongoDB without replication; transactions need a replica set")
    if client.database.write_concern.document.get("w") != "majority":
        raise StartError("writes to MongoDB are not acknowledged by a majority")


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.executor_host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.executor_host, settings.executor_port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(
            f"EXECUTOR_HOST {settings.executor_host}, EXECUTOR_PORT {settings.executor_port}"
            f" cannot be listened on: {error.strerror}"
        ) from error
    return listener
