"""Three walls before a source: each alone, all together, and what docs/security.md says that each of them stops."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.preview import preview_query
from shared.query_gate import QueryRefused
from tests.conftest import server
from tests.factories import connection_settings
from tests.security.gate import refused as families
from tests.security.gate.ground import Ground, Outcome, Walls
from tests.security.gate.legitimate import LITE
from tests.security.gate.refused import PLACES, REFUSED, Refused

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "security.md"
COLUMNS = {
    (Walls.SESSION, "postgresql"): 2,
    (Walls.SESSION, "mariadb"): 3,
    (Walls.SESSION, "mysql"): 4,
    (Walls.SESSION, "sqlite"): 5,
    (Walls.ROLE, "postgresql"): 6,
    (Walls.ROLE, "mariadb"): 7,
    (Walls.ROLE, "mysql"): 8,
}
# With the gate open, this is what the other two walls leave: a user's own sessions, and what dblink does as that user.
LEFT_BY_TWO_WALLS = {families.SESSIONS: {"another session"}, families.ELSEWHERE: {"source"}}

Outcomes = dict[Refused, dict[Walls, Outcome]]


@pytest.fixture
def ground(reader: Database) -> Iterator[Ground]:
    administrator = reader if reader.flavour == LITE else server(reader.flavour).admin(reader.database)
    found = Ground(administrator, reader)
    yield found
    found.close()


def test_each_wall_stops_what_is_said_of_it_and_all_together_everything(ground: Ground) -> None:
    cases = [one for one in REFUSED if one.flavour == ground.flavour and one.family != families.BOUNDS]
    for refused in cases:
        pass_all_walls(ground, refused)
    assert ground.unchanged()
    outcomes = try_out(ground, cases)
    assert len(outcomes) >= 20, "most of these statements must do something where no wall is"
    assert said(ground.flavour) == measured(ground.flavour, outcomes)
    for refused, found in outcomes.items():
        lasting = found[Walls.BOTH].lasting if ground.flavour != LITE else found[Walls.SESSION].lasting
        assert lasting <= LEFT_BY_TWO_WALLS.get(refused.family, set()), refused.text


def pass_all_walls(ground: Ground, refused: Refused) -> None:
    settings = connection_settings(ground.logins[Walls.BOTH])
    with pytest.raises(QueryRefused):
        preview_query(settings, refused.at(PLACES), 10)


def try_out(ground: Ground, cases: list[Refused]) -> Outcomes:
    """What each statement does past fewer walls, for those that do anything where there is none."""
    found: Outcomes = {}
    others = (Walls.SESSION,) if ground.flavour == LITE else (Walls.SESSION, Walls.ROLE, Walls.BOTH)
    for refused in cases:
        free = ground.try_out(refused, Walls.NONE)
        if free.effects:
            found[refused] = {Walls.NONE: free} | {walls: ground.try_out(refused, walls) for walls in others}
    return found


def measured(flavour: Flavour, outcomes: Outcomes) -> dict[tuple[str, Walls], str]:
    """For each family and wall: whether all of its statements, some or none are stopped."""
    stopped: dict[tuple[str, Walls], list[bool]] = defaultdict(list)
    for refused, found in outcomes.items():
        for walls in (Walls.SESSION, Walls.ROLE):
            if walls in found:
                stopped[refused.family, walls].append(not found[walls].effects)
    return {
        place: "all" if all(answers) else "some" if any(answers) else "none"
        for place, answers in stopped.items()
    }


def said(flavour: Flavour) -> dict[tuple[str, Walls], str]:
    """The same from the table in the documentation; a dash stands where nothing of the family does anything."""
    words: dict[tuple[str, Walls], str] = {}
    for line in DOCUMENT.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 9 and re.fullmatch(r"all", cells[1]):
            for (walls, of), column in COLUMNS.items():
                if of == flavour and cells[column] != "–":
                    words[cells[0], walls] = cells[column]
    return words


def test_every_family_is_in_the_table() -> None:
    text = DOCUMENT.read_text("utf-8")
    for family in {refused.family for refused in REFUSED} - {families.BOUNDS}:
        assert f"| {family} | all |" in text
