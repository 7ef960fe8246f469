"""A worker or an executor is killed, frozen or asked to stop at every named point of a run."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import pytest

from local_servers.access import Flavour
from local_servers.installation import Service
from shared.documents.mapping import WriteMode
from shared.documents.run import Run, RunStatus
from tests.chaos.conftest import SceneFactory
from tests.chaos.fleet import Fleet, thaw
from tests.chaos.scene import TABLE, Scene
from tests.chaos.waiting import until
from tests.chaos.watcher import Watcher

BEFORE = ("after_claim", "mid_extract", "mid_load", "before_commit", "committing")
IN_TRANSACTION = (*BEFORE, "ledger_closed", "after_commit_before_report")
BY_RENAME = (*BEFORE, "mysql_before_rename", "mysql_after_rename", "after_commit_before_report")
COMMITTED = ("mysql_after_rename", "after_commit_before_report")


class Fault(StrEnum):
    KILL_WORKER = "kill_worker"
    KILL = "kill"
    FREEZE = "freeze"
    TERMINATE = "terminate"


@dataclass(frozen=True)
class Case:
    target: Flavour
    mode: WriteMode
    point: str
    fault: Fault

    @property
    def name(self) -> str:
        return f"{self.target}-{self.mode}-{self.point}-{self.fault}"


# What runs with the ordinary tests: the sharpest points of each mode.
SHORT = {
    "postgresql-append-mid_extract-kill",
    "postgresql-replace-before_commit-freeze",
    "postgresql-upsert-after_commit_before_report-kill_worker",
    "mariadb-replace-mysql_before_rename-freeze",
    "mariadb-replace-mysql_after_rename-kill",
}


def points(target: Flavour, mode: WriteMode) -> tuple[str, ...]:
    return BY_RENAME if mode is WriteMode.REPLACE and target != "postgresql" else IN_TRANSACTION


def cases() -> Iterator[object]:
    targets: tuple[Flavour, ...] = ("postgresql", "mariadb", "mysql")
    for target in targets:
        for mode in WriteMode:
            for point in points(target, mode):
                for fault in Fault:
                    case = Case(target, mode, point, fault)
                    marks = [pytest.mark.mysql] if target == "mysql" else []
                    marks += [] if case.name in SHORT else [pytest.mark.chaos]
                    yield pytest.param(case, marks=marks, id=case.name)


@pytest.mark.parametrize("case", list(cases()))
def test_a_run_survives(fleet: Fleet, make_scene: SceneFactory, case: Case, repetition: int) -> None:
    # Two executors and three by turns: half of the cases begin with either.
    fleet.restore(2 + (zlib.crc32(case.name.encode()) + repetition) % 2)
    scene = make_scene(case.target, case.mode)
    scene.settle_first_generation()
    scene.change_source()
    fleet.arm(case.point)
    with Watcher(scene.target, TABLE) as watcher:
        run = scene.queue()
        fleet.wait_at(case.point)
        holder = fleet.holder(scene.store.reread(run))
        done = INJECT[case.fault](fleet, scene, run, holder, case.point)
    scene.expect_one_more()
    assert (done.status, done.error) == (RunStatus.SUCCEEDED, None)
    scene.check_exact()
    watcher.check(*scene.states)
    assert done.attempt == (1 if case.fault is Fault.TERMINATE else 2), scene.store.lines(done)
    scene.check_nothing_left()
    assert len(scene.store.runs_of(scene.version)) == 2
    scene.check_replay(done)
    scene.check_exact()


def kill_worker(fleet: Fleet, scene: Scene, run: Run, holder: Service, point: str) -> Run:
    fleet.kill_worker(holder)
    return scene.store.wait_for_end(run)


def kill(fleet: Fleet, scene: Scene, run: Run, holder: Service, point: str) -> Run:
    fleet.kill(holder)
    done = scene.store.wait_for_end(run)
    until(lambda: str(run.id) in other_logs(fleet, holder), "trace of the run at another executor")
    return done


def freeze(fleet: Fleet, scene: Scene, run: Run, holder: Service, point: str) -> Run:
    """Frozen beyond its lease, then awake again: it finds its lease lost and changes nothing."""
    pids = fleet.freeze(holder)
    try:
        done = scene.store.wait_for_end(run)
        fleet.release(point)
    finally:
        thaw(pids)
    until(lambda: "lost lease" in fleet.logs(holder), "zombie that noticed its lost lease")
    until(lambda: fleet.is_idle(holder), "end of the zombie's work")
    assert scene.store.reread(run) == done
    return done


def terminate(fleet: Fleet, scene: Scene, run: Run, holder: Service, point: str) -> Run:
    fleet.terminate(holder)
    fleet.release(point)
    done = scene.store.wait_for_end(run)
    assert holder.wait(30) == 0
    return done


def other_logs(fleet: Fleet, holder: Service) -> str:
    return "".join(fleet.logs(service) for service in fleet.services if service is not holder)


INJECT = {
    Fault.KILL_WORKER: kill_worker,
    Fault.KILL: kill,
    Fault.FREEZE: freeze,
    Fault.TERMINATE: terminate,
}
