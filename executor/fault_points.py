"""Named places in a run where tests break things; without their environment variables nothing happens.

FAULT_POINTS       what to do where, e.g. "mid_load=kill,before_commit=pause"
FAULT_POINTS_DIR   a folder: `<name>.reached` is made at a point's first time, and only that time acts

kill ends this process by SIGKILL, stop halts it by SIGSTOP until somebody continues it, pause waits for the
file `<name>.go`.
"""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

POINTS = (
    "after_claim",
    "mid_extract",
    "mid_load",
    "before_commit",
    "committing",
    "ledger_closed",
    "after_commit_before_report",
    "mysql_before_rename",
    "mysql_after_rename",
    "notices_written",
    "notice_taken",
)
ACTIONS = ("kill", "stop", "pause")

_PAUSE_POLL_SECONDS = 0.02


def read_armed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the action of each armed point. Raises ValueError for a point or action that does not exist."""
    armed = dict(part.split("=", 1) for part in environment.get("FAULT_POINTS", "").split(",") if part)
    for point, action in armed.items():
        if point not in POINTS or action not in ACTIONS:
            raise ValueError(f"FAULT_POINTS: {point}={action} is not one of {POINTS} with one of {ACTIONS}")
    return armed


_ARMED = read_armed(os.environ)
_FOLDER = Path(os.environ.get("FAULT_POINTS_DIR", "."))


def reach(point: str) -> None:
    """Do what a test armed for this point, the first time it is reached by any process."""
    if _ARMED and point in _ARMED and _is_first(point):
        _act(_ARMED[point], _FOLDER / f"{point}.go")


def _is_first(point: str) -> bool:
    try:
        (_FOLDER / f"{point}.reached").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _act(action: str, go: Path) -> None:
    if action == "pause":
        while not go.exists():
            time.sleep(_PAUSE_POLL_SECONDS)
    else:
        os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)
