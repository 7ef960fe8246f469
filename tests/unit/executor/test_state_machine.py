"""The drawing and the code say the same."""

import re
from pathlib import Path

from shared.documents.run import FINAL_STATUSES, TRANSITIONS, UNFINISHED_STATUSES, RunStatus

DRAWING = Path(__file__).parents[3] / "docs" / "state_machine.md"


def drawn() -> set[tuple[str, str]]:
    diagram = DRAWING.read_text("utf-8").split("```mermaid")[1].split("```")[0]
    return set(re.findall(r"^\s*(\S+) --> (\S+)$", diagram, re.MULTILINE))


def test_the_diagram_shows_the_transitions() -> None:
    coded = {(str(old), str(new)) for old, after in TRANSITIONS.items() for new in after}
    assert {pair for pair in drawn() if "[*]" not in pair} == coded


def test_the_diagram_shows_where_runs_begin_and_end() -> None:
    assert {new for old, new in drawn() if old == "[*]"} == {"queued", "skipped"}
    assert {old for old, new in drawn() if new == "[*]"} == set(FINAL_STATUSES)


def test_final_states_are_final() -> None:
    assert set(TRANSITIONS) == set(RunStatus)
    assert {status for status, after in TRANSITIONS.items() if not after} == FINAL_STATUSES
    assert set(RunStatus) == UNFINISHED_STATUSES | FINAL_STATUSES
