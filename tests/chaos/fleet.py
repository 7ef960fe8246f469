"""Executors as real processes, their fault points, and what is done to them."""

import json
import os
import signal
from pathlib import Path

from executor.fault_points import POINTS
from local_servers.installation import Installation, Service
from shared.documents.run import Run
from tests.chaos.waiting import until

LEASE_SECONDS = 3.0


class Fleet:
    """Executors with one worker each. Every fault point pauses, but only the armed one is ever reached.

    A point acts at its first time only, which a file marks: a point whose file exists already is disarmed.
    """

    def __init__(self, installation: Installation, folder: Path, size: int = 2) -> None:
        self._installation = installation
        self._folder = folder
        self._size = size
        self._log_starts: dict[Service, int] = {}
        folder.mkdir(parents=True)
        self.disarm()

    @property
    def services(self) -> tuple[Service, ...]:
        return self._installation.services

    def start(self, **settings: str) -> Service:
        """Start one more executor that knows the fault points."""
        points = ",".join(f"{point}=pause" for point in POINTS)
        return self._installation.start_executor(
            FAULT_POINTS=points, FAULT_POINTS_DIR=str(self._folder), **settings
        )

    def restore(self, size: int | None = None) -> None:
        """Have `size` executors run, as many as at first without it; disarm every point, forget earlier logs."""
        self.disarm()
        wanted = size or self._size
        for service in self.services[wanted:]:
            service.stop()
        for service in self.services[:wanted]:
            if not service.running:
                service.stop()
                service.launch()
        while len(self.services) < wanted:
            self.start()
        self._log_starts = {service: service.log_file.stat().st_size for service in self.services}

    def logs(self, service: Service) -> str:
        """What the executor logged since the last `restore`."""
        with service.log_file.open("rb") as log:
            log.seek(self._log_starts.get(service, 0))
            return log.read().decode(errors="replace")

    # -- points --------------------------------------------------------------------------------

    def disarm(self) -> None:
        for point in POINTS:
            (self._folder / f"{point}.reached").touch()

    def arm(self, point: str) -> None:
        (self._folder / f"{point}.go").unlink(missing_ok=True)
        (self._folder / f"{point}.reached").unlink(missing_ok=True)

    def wait_at(self, point: str) -> None:
        """Return once a worker waits at the point."""
        until((self._folder / f"{point}.reached").exists, f"worker at {point}")

    def release(self, point: str) -> None:
        (self._folder / f"{point}.go").touch()

    # -- who has a run, and what happens to it ---------------------------------------------------

    def holder(self, run: Run) -> Service:
        pid = int((run.executor_id or "").rpartition(":")[2])
        return next(service for service in self.services if service.running and service.pid == pid)

    def is_idle(self, service: Service) -> bool:
        """Whether none of its workers has a run."""
        _, body = service.get("/status")
        return bool(json.loads(body)["running"] == [])

    def kill_worker(self, service: Service) -> None:
        for pid in worker_pids(service):
            os.kill(pid, signal.SIGKILL)

    def kill(self, service: Service) -> None:
        """SIGKILL to the executor alone: the kernel takes its workers with it."""
        pids = worker_pids(service)
        os.kill(service.pid, signal.SIGKILL)
        until(lambda: not any(is_alive(pid) for pid in pids), "end of the killed executor's workers")
        service.kill()

    def freeze(self, service: Service) -> list[int]:
        """SIGSTOP to the executor and its workers; returns their pids."""
        pids = [service.pid, *worker_pids(service)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        return pids

    def terminate(self, service: Service) -> None:
        os.kill(service.pid, signal.SIGTERM)
        until(lambda: "executor_stopping" in self.logs(service), "reaction to SIGTERM")


def thaw(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def worker_pids(service: Service) -> list[int]:
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    return [
        pid
        for pid in map(int, children)
        if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def is_alive(pid: int) -> bool:
    """Whether a process runs, or has a thread yet that keeps its files open; one that waits to be reaped does not."""
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(list((process / "task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or while it was read
        return False
