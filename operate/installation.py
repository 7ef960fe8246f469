"""One installation: its services up, down, or looked at."""

import time
from dataclasses import dataclass
from pathlib import Path

from operate.health import is_healthy, is_port_taken
from operate.process import ProcessMark, find_process, start_detached, stop_process, write_mark
from operate.services import Say, Service, list_services
from shared.embedded_mongodb import stop_unused_mongodb
from shared.file_lock import exclusive_lock
from shared.settings import Settings

_POLL_SECONDS = 0.1
_LOG_LINES = 20
# What a service may need beyond its grace for its last words, before it is killed.
_STOP_MARGIN_SECONDS = 10


class StartError(Exception):
    """A service did not become healthy; what was started with it has been stopped again."""


@dataclass(frozen=True)
class Installation:
    """The services of one data folder and set of ports."""

    settings: Settings
    say: Say

    def start(self, *, within_seconds: float = 60) -> None:
        """Start what is not running and return once every service is healthy.

        What this machine cannot run, and the rest does not need, is left out in one line.
        Raises: StartError with the end of the log; services that ran before are left running.
        """
        self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive_lock(self.settings.data_dir / "operate.lock"):
            wanted = [service for service in self._services if self._is_ready(service)]
            missing = [service for service in wanted if self._find(service) is None]
            try:
                self._check_ports(missing)
                for service in missing:
                    self._start_one(service)
                self._wait_until_healthy(wanted, time.monotonic() + within_seconds)
            except BaseException:
                self._stop(missing)
                raise
        self._say_where(wanted, new={service.name for service in missing})

    def stop(self) -> None:
        """Stop the services of this installation, and its MongoDB when nobody uses it any more."""
        if not self.settings.data_dir.exists():
            self.say("Nothing is running.")
            return
        with exclusive_lock(self.settings.data_dir / "operate.lock"):
            self._stop(list(self._services))

    def describe(self) -> bool:
        """Say how each service is; return whether all that must run are healthy."""
        are_well = True
        for service in self._services:
            state = self._describe_one(service)
            self.say(f"  {service.title:<11} {state}")
            is_spared = service.prepare is not None and self._find(service) is None
            are_well = are_well and (is_spared or state.startswith("healthy"))
        return are_well

    @property
    def _services(self) -> tuple[Service, ...]:
        return list_services(self.settings)

    def _pid_file(self, service: Service) -> Path:
        return self.settings.data_dir / f"{service.name}.pid"

    def _log_file(self, service: Service) -> Path:
        return self.settings.data_dir / "logs" / f"{service.name}.log"

    def _find(self, service: Service) -> ProcessMark | None:
        return find_process(self._pid_file(service), service.mark)

    def _is_ready(self, service: Service) -> bool:
        if service.prepare is None or self._find(service) is not None:
            return True
        obstacle = service.prepare(self.say)
        if obstacle is not None:
            self.say(f"  {service.title:<11} not started: {obstacle}")
        return obstacle is None

    def _check_ports(self, services: list[Service]) -> None:
        taken = [service for service in services if is_port_taken(service)]
        if taken:
            raise StartError(
                "\n".join(
                    f"Port {service.port} on {service.host} is taken: end what listens there, or set "
                    f"{service.port_setting} to another port"
                    for service in taken
                )
            )

    def _start_one(self, service: Service) -> None:
        log = self._log_file(service)
        pid = start_detached(service.command, log, service.folder, service.environment)
        write_mark(self._pid_file(service), pid)

    def _wait_until_healthy(self, services: list[Service], deadline: float) -> None:
        waiting = list(services)
        while waiting:
            service = waiting[0]
            if self._find(service) is None:
                raise StartError(f"The {service.title} ended while starting.\n{self._read_log_end(service)}")
            if is_healthy(service):
                waiting.pop(0)
            elif time.monotonic() > deadline:
                raise StartError(f"The {service.title} is not healthy.\n{self._read_log_end(service)}")
            else:
                time.sleep(_POLL_SECONDS)

    def _read_log_end(self, service: Service) -> str:
        path = self._log_file(service)
        lines = path.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:] if path.exists() else []
        return "\n".join([f"The end of {path}:", *(f"  {line}" for line in lines)])

    def _stop(self, services: list[Service]) -> None:
        grace_seconds = self.settings.shutdown_grace_seconds + _STOP_MARGIN_SECONDS
        for service in reversed(services):
            mark = self._find(service)
            if mark is not None:
                by_itself = stop_process(mark, grace_seconds)
                self.say(
                    f"  {service.title:<11} {'stopped' if by_itself else 'killed: it did not stop in time'}"
                )
            self._pid_file(service).unlink(missing_ok=True)
        stop_unused_mongodb(self.settings.data_dir)

    def _describe_one(self, service: Service) -> str:
        mark = self._find(service)
        if mark is None:
            return "not running"
        state = "healthy" if is_healthy(service) else "running, not healthy"
        return f"{state}, {service.url} (process {mark.pid}, log {self._log_file(service)})"

    def _say_where(self, services: list[Service], new: set[str]) -> None:
        for service in services:
            self.say(
                f"  {service.title:<11} {service.url}  {'started' if service.name in new else 'already up'}"
            )
        api = services[0]
        self.say(f"  {'API docs':<11} {api.url}/docs")
        self.say(f"  {'logs':<11} {self.settings.data_dir / 'logs'}")
        self.say(f"  {'stop':<11} make down")
