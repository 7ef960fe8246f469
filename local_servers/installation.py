"""An installation of this project on free ports with its own data folder, its services as real processes."""

import contextlib
import http
import http.client
import os
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from local_servers.api_client import ApiClient
from local_servers.errors import ServerFailed
from local_servers.machine import LOOPBACK, free_port
from local_servers.process import GuardedProcess, Program

PROJECT_ROOT = Path(__file__).resolve().parent.parent
HEALTH_SECONDS = 2.0

Module = Literal["config_api", "executor"]


class Service(GuardedProcess):
    """A config API or an executor, healthy once started."""

    def __init__(self, module: Module, folder: Path, environment: Mapping[str, str], port: int) -> None:
        command = [sys.executable, "-m", module]
        super().__init__(Program(module, command, dict(environment), folder, signal.SIGTERM, None))
        self.url = f"http://{LOOPBACK}:{port}"
        self._port = port

    def launch(self) -> None:
        """Start it, also again after it has ended, and return once GET /health says so."""
        self.start(self._failure)

    def logs(self) -> str:
        return self.log_file.read_text(errors="replace")

    def _failure(self) -> Exception | None:
        try:
            status, body = self.get("/health")
        except (OSError, http.client.HTTPException) as error:
            return error
        if status != http.HTTPStatus.OK:
            return ServerFailed(f"{self.program.name} is not healthy: {body}")
        return None

    def get(self, path: str) -> tuple[int, str]:
        """Ask it for a path; return status and body. Raises OSError and HTTPException when it does not answer.

        Without a client of the larger kind: this is asked many times while it starts.
        """
        with contextlib.closing(
            http.client.HTTPConnection(LOOPBACK, self._port, timeout=HEALTH_SECONDS)
        ) as line:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read().decode()


ServiceFactory = Callable[[Module, Path, Mapping[str, str], int], Service]


class Installation:
    """One config API and any number of executors over one MongoDB and one data folder.

    `settings` are environment variables as in `.env.example`; without MONGODB_URL the services share the
    embedded MongoDB in the data folder. Use as a context manager: everything has ended after it.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        make_service: ServiceFactory = Service,
        *,
        api_port: int | None = None,
    ) -> None:
        self._make_service = make_service
        self.folder = folder
        self.data_dir = folder / "data"
        self.sqlite_root = Path(settings.get("SQLITE_ROOT", self.data_dir / "sqlite"))
        self._settings = dict(settings)
        self._services: list[Service] = []
        self._api_port = api_port or free_port()
        self.api = ApiClient(f"http://{LOOPBACK}:{self._api_port}")

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(self._services)

    def start_api(self, **settings: str) -> Service:
        return self._start("config_api", "config_api", self._api_port, settings)

    def start_executor(self, **settings: str) -> Service:
        """One more executor; `settings` are its own, such as LEASE_SECONDS."""
        name = f"executor{len(self._services)}"
        return self._start("executor", name, free_port(), settings)

    def environment(self) -> dict[str, str]:
        """What the config API and its commands are started with."""
        return self._environment(self._api_port, {})

    def start(self) -> None:
        """The API and one executor, at the same time."""
        with ThreadPoolExecutor(2) as starting:
            for started in (starting.submit(self.start_api), starting.submit(self.start_executor)):
                started.result()

    def stop(self) -> None:
        """End the services, executors before the API that they don't need and MongoDB that they do."""
        for service in reversed(self._services):
            service.stop()
        self._services.clear()

    def __enter__(self) -> "Installation":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.api.close()

    def _start(self, module: Module, name: str, port: int, settings: Mapping[str, str]) -> Service:
        folder = self.folder / name
        folder.mkdir(parents=True)
        service = self._make_service(module, folder, self._environment(port, settings), port)
        self._services.append(service)
        service.launch()
        return service

    def _environment(self, port: int, settings: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", "/"),
            "LC_ALL": "C.UTF-8",
            # The services are started in folders of their own, where no .env of this clone is read.
            "PYTHONPATH": str(PROJECT_ROOT),
            "APP_ENV": "development",
            "DATA_DIR": str(self.data_dir),
            "CONFIG_API_PORT": str(self._api_port),
            "EXECUTOR_PORT": str(port if port != self._api_port else free_port()),
            **self._settings,
            **settings,
        }
