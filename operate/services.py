"""What `make up` runs: one entry per program, in the order of starting."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from operate.web_ui import prepare_web_ui, web_ui_command
from shared.settings import Settings

# An address to listen on everywhere is asked on loopback.
_ASKED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, never bound to
_LOOPBACK = "127.0.0.1"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Service:
    """One program of the project and where it answers."""

    name: str
    title: str
    command: tuple[str, ...]
    host: str
    port: int
    port_setting: str
    health_path: str = "/health"
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    # For what may be missing on this machine: gets it ready, or returns why it cannot be started.
    prepare: Callable[[Say], str | None] | None = None

    @property
    def url(self) -> str:
        host = _ASKED_AT.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def mark(self) -> str:
        """The part of its command line that no other program has."""
        return " ".join(self.command[1:])


def list_services(settings: Settings) -> tuple[Service, ...]:
    """Return the programs of this installation, in the order of starting."""
    api = Service(
        name="config_api",
        title="config API",
        command=(sys.executable, "-m", "config_api"),
        host=settings.config_api_host,
        port=settings.config_api_port,
        port_setting="CONFIG_API_PORT",
    )
    executor = Service(
        name="executor",
        title="executor",
        command=(sys.executable, "-m", "executor"),
        host=settings.executor_host,
        port=settings.executor_port,
        port_setting="EXECUTOR_PORT",
    )
    return api, executor, _web_ui(settings, api.url)


def _web_ui(settings: Settings, api_url: str) -> Service:
    folder, command = web_ui_command()
    environment = {
        "UI_API_URL": api_url,
        "UI_PORT": str(settings.ui_port),
        "UI_CACHE_DIR": str(settings.data_dir / "web_ui_cache"),
        "API_V1_PREFIX": settings.api_v1_prefix,
    }
    return Service(
        name="web_ui",
        title="web UI",
        command=command,
        host=_LOOPBACK,
        port=settings.ui_port,
        port_setting="UI_PORT",
        health_path="/",
        folder=folder,
        environment=environment,
        prepare=prepare_web_ui,
    )
