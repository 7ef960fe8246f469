"""The gears of a run, each to be asked for: all are held to the same values.

A gear that a plan does not offer is not made up: the run then takes what there is, and `taken` shows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from _pytest.mark.structures import ParameterSet

from executor import pipeline
from local_servers.access import Flavour
from shared import gears as shared_gears
from shared.dialects.base import Dialect
from shared.dialects.binary_copy import speaks_binary
from shared.source_plan import SourcePlan
from shared.target_plan import TargetPlan
from tests.conftest import ALL_FLAVOURS, ALL_PAIRS

# pass_through_text: blocks of COPY text untouched; pass_through: in binary too, between servers that speak it.
# pushed_down: also where rows could pass through, and where what SQL cannot say puts all rows in doubt.
GEARS = ("pass_through", "pass_through_text", "pushed_down", "line_mapper")
PUSHED_SOURCES = frozenset(("postgresql", "mariadb", "mysql"))
PUSHED_FLAVOURS = [one for one in ALL_FLAVOURS if one.values[0] in PUSHED_SOURCES]


def mapping_runs() -> Iterator[ParameterSet]:
    """Yield each pair with each gear that does mappings of every type between the two."""
    for parameter in ALL_PAIRS:
        source, target = cast(tuple[Flavour, Flavour], parameter.values[0])
        marks, name = parameter.marks, f"{source}-{target}"
        yield pytest.param((source, target), "line_mapper", marks=marks, id=f"line_mapper-{name}")
        # SQLite keeps the texts that it is given, which only the line mapper writes in one form.
        if source in PUSHED_SOURCES and target != "sqlite":
            yield pytest.param((source, target), "pushed_down", marks=marks, id=f"pushed_down-{name}")


MAPPING_RUNS = list(mapping_runs())


@dataclass
class Gears:
    """Asks the runs of a test for a gear and notes what they took."""

    monkeypatch: pytest.MonkeyPatch
    taken: list[SourcePlan] = field(default_factory=list)
    asked_for: str = ""

    def ask_for(self, gear: str) -> None:
        assert gear in GEARS
        self.asked_for = gear
        self.taken.clear()
        text_only = gear == "pass_through_text"
        self.monkeypatch.setattr(shared_gears, "speaks_binary", _no if text_only else speaks_binary)

        def choose(reading: SourcePlan, *more: Any, **options: Any) -> SourcePlan:
            if gear == "line_mapper":
                chosen = replace(reading, gear_reason="asked for by a test")
            elif gear == "pushed_down":
                chosen = push_down(reading, *more)
            else:
                chosen = _choose_gear(reading, *more, **options)
            self.taken.append(chosen)
            return chosen

        self.monkeypatch.setattr(pipeline, "choose_gear", choose)


def push_down(reading: SourcePlan, writing: TargetPlan, _: Dialect, target: Dialect) -> SourcePlan:
    reading = replace(reading, row_mapper=reading.row_mapper.into(writing.fields))
    pushed = shared_gears.push_down_to(reading, target)
    return shared_gears.as_pushed_down(reading, pushed, "asked for by a test")


_choose_gear = shared_gears.choose_gear


def _no(*_: object) -> bool:
    return False
