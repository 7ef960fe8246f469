"""The gears of a run, each to be asked for: all are held to the same values.

A gear that a plan does not offer is not made up: the run then takes what there is, and `taken` shows it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from executor import pipeline
from shared import gears as shared_gears
from shared.dialects.binary_copy import speaks_binary
from shared.source_plan import SourcePlan

# pass_through_text: blocks of COPY text untouched; pass_through: in binary too, between servers that speak it.
GEARS = ("pass_through", "pass_through_text", "line_mapper")
MAPPING_GEARS = ("line_mapper",)  # those that do every mapping


@dataclass
class Gears:
    """Asks the runs of a test for a gear and notes what they took."""

    monkeypatch: pytest.MonkeyPatch
    taken: list[SourcePlan] = field(default_factory=list)

    def ask_for(self, gear: str) -> None:
        assert gear in GEARS
        self.taken.clear()
        text_only = gear == "pass_through_text"
        self.monkeypatch.setattr(shared_gears, "speaks_binary", _no if text_only else speaks_binary)

        def choose(reading: SourcePlan, *more: Any, **options: Any) -> SourcePlan:
            if gear == "line_mapper":
                chosen = replace(reading, gear_reason="asked for by a test")
            else:
                chosen = _choose_gear(reading, *more, **options)
            self.taken.append(chosen)
            return chosen

        self.monkeypatch.setattr(pipeline, "choose_gear", choose)


_choose_gear = shared_gears.choose_gear


def _no(*_: object) -> bool:
    return False
