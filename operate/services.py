"""What `make up` runs: one entry per service, in the order of starting."""

from dataclasses import dataclass

from shared.settings import Settings

# An address to listen on everywhere is asked on loopback.
_ASKED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, never bound to


@dataclass(frozen=True)
class Service:
    """One program of the project; `module` is started with `python -m`."""

    name: str
    title: str
    module: str
    host: str
    port: int
    port_setting: str

    @property
    def url(self) -> str:
        host = _ASKED_AT.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def list_services(settings: Settings) -> tuple[Service, ...]:
    """Return the services of this installation, in the order of starting."""
    return (
        Service(
            name="config_api",
            title="config API",
            module="config_api",
            host=settings.config_api_host,
            port=settings.config_api_port,
            port_setting="CONFIG_API_PORT",
        ),
        Service(
            name="executor",
            title="executor",
            module="executor",
            host=settings.executor_host,
            port=settings.executor_port,
            port_setting="EXECUTOR_PORT",
        ),
    )
