"""`python -m config_api`: the config API in the foreground, its settings from the environment."""

import asyncio
import gc
import signal
import socket
import sys
import time

import uvicorn
from opentelemetry.trace import TracerProvider

from config_api.commands import run_command
from config_api.main import create_app
from shared.embedded_mongodb import EmbeddedMongodbError, mongodb_url
from shared.error_reports import close_error_reports, configure_error_reports
from shared.logging import configure_logging
from shared.settings import Settings, SettingsError
from shared.tracing import close_tracing, configure_tracing

SERVICE = "etl-config-api"
LOOK_SECONDS = 0.1
MAX_MESSAGE_BYTES = 64 * 1024
# Requests leave few cycles behind: with Python's own 700 objects, looking for them takes 6 % of the time.
GC_THRESHOLDS = (20_000, 20, 50)


def main() -> int:
    """Serve until a signal ends it, or run the command that is named; return the exit code."""
    if len(sys.argv) > 1:
        return run_command(sys.argv[1:])
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logging(settings.log_level, settings.log_format)
    configure_error_reports(settings, SERVICE)
    tracer_provider = configure_tracing(settings, SERVICE)
    config = uvicorn.Config(
        "",
        host=settings.config_api_host,
        port=settings.config_api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        timeout_graceful_shutdown=round(settings.shutdown_grace_seconds),
    )
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            return runner.run(_serve(settings, config, tracer_provider))
    except EmbeddedMongodbError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except asyncio.CancelledError:
        return 0
    finally:
        close_tracing()
        close_error_reports()


class _Server(uvicorn.Server):
    """Says that it stops before it waits for its requests: open streams would have it wait for ever."""

    def __init__(self, config: uvicorn.Config, draining: asyncio.Event) -> None:
        super().__init__(config)
        self._draining = draining

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
        await self._let_requests_end()
        await super().shutdown(sockets)

    async def _let_requests_end(self) -> None:
        """Wait for the requests that are being answered, and answer new ones: /health/ready says what happens."""
        grace_seconds = self.config.timeout_graceful_shutdown or 0
        began, present = time.monotonic(), set(self.server_state.tasks)
        while present and not self.force_exit and time.monotonic() - began < grace_seconds:
            _, present = await asyncio.wait(present, timeout=LOOK_SECONDS)
        # What the whole stop may take stays what it was.
        self.config.timeout_graceful_shutdown = max(1, round(grace_seconds - (time.monotonic() - began)))


async def _serve(settings: Settings, config: uvicorn.Config, tracer_provider: TracerProvider | None) -> int:
    """Hold MongoDB for as long as the API is served; return the exit code."""
    serving = asyncio.current_task()
    assert serving is not None  # noqa: S101 - this is a coroutine
    loop = asyncio.get_running_loop()
    stops = (signal.SIGTERM, signal.SIGINT)
    for stop in stops:
        loop.add_signal_handler(stop, serving.cancel)
    async with mongodb_url(settings) as url:
        for stop in stops:
            loop.remove_signal_handler(stop)
            # uvicorn stops gracefully and then raises the signal again: that is the normal end here.
            signal.signal(stop, _already_stopped)
        config.app = app = create_app(
            settings.model_copy(update={"mongodb_url": url}), tracer_provider=tracer_provider
        )
        server = _Server(config, app.state.draining)
        # What is here stays: left among the rest, every full collection would walk through all of it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        await server.serve()
        return 0 if server.started else 1


def _already_stopped(_number: int, _frame: object) -> None:
    """Let the process end with its own exit code."""


if __name__ == "__main__":
    sys.exit(main())
