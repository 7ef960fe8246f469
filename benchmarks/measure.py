"""Measured values of several rounds, their medians and ratios."""

import dataclasses
import statistics
from collections.abc import Sequence


@dataclasses.dataclass
class Line:
    """One line of a table: a tool that did a job, once per round.

    `cpu_seconds` are those of the tool and of the databases together: the work done, even where other work
    on the machine makes it take longer. `limit` is the case and the tool of the same pair whose median is
    this line's 1.00.
    """

    pair: str
    case: str
    tool: str
    limit: tuple[str, str] | None = None
    seconds: list[float] = dataclasses.field(default_factory=list)
    cpu_seconds: list[float] = dataclasses.field(default_factory=list)
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """How far apart the rounds were, as a part of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median


def ratio_to(line: Line, lines: Sequence[Line]) -> float | None:
    """The line's median time through that of its limit."""
    return ratio_between(line, find_line(lines, line.pair, line.limit))


def cpu_ratio_to(line: Line, lines: Sequence[Line]) -> float | None:
    """The line's median CPU time through that of its limit."""
    other = find_line(lines, line.pair, line.limit)
    if other is None or not line.cpu_seconds or not other.cpu_seconds:
        return None
    return statistics.median(line.cpu_seconds) / statistics.median(other.cpu_seconds)


def ratio_between(line: Line | None, other: Line | None) -> float | None:
    if line is None or other is None or not line.seconds or not other.seconds:
        return None
    return line.median / other.median


def find_line(lines: Sequence[Line], pair: str, named: tuple[str, str] | None) -> Line | None:
    for line in lines:
        if line.pair == pair and (line.case, line.tool) == named:
            return line
    return None


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    place = max(0, -(-len(ordered) * percent // 100) - 1)
    return ordered[int(place)]
