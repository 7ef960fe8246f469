"""Fault points do nothing unless armed, and act once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from executor.fault_points import POINTS, reach, read_armed

REACH_TWICE = "from executor.fault_points import reach; reach('mid_load'); reach('mid_load'); print('alive')"


def run_armed(armed: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FAULT_POINTS": armed, "FAULT_POINTS_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", REACH_TWICE], env=environment, capture_output=True, text=True, timeout=30
    )


def test_unarmed_points_do_nothing() -> None:
    for point in POINTS:
        reach(point)


@pytest.mark.parametrize("armed", ["nowhere=kill", "mid_load=explode"])
def test_unknown_points_and_actions_are_refused(armed: str) -> None:
    with pytest.raises(ValueError, match="FAULT_POINTS"):
        read_armed({"FAULT_POINTS": armed})


def test_a_point_kills_the_first_process_that_reaches_it(tmp_path: Path) -> None:
    assert run_armed("mid_load=kill", tmp_path).returncode == -signal.SIGKILL
    second = run_armed("mid_load=kill", tmp_path)
    assert (second.returncode, second.stdout) == (0, "alive\n")


def test_a_pause_ends_when_told(tmp_path: Path) -> None:
    (tmp_path / "mid_load.go").touch()
    assert run_armed("mid_load=pause", tmp_path).stdout == "alive\n"
    assert (tmp_path / "mid_load.reached").exists()
