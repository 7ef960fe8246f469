"""Which regular expressions may cut a cell: those whose worst case stays small.

Python's matcher backtracks and cannot be interrupted, so a pattern that could run for minutes on one
cell is refused when the mapping is saved. What is left is bounded by `RegexDelimiter.max_characters`.
"""

import re
import re._constants as ops  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_WAYS = 64  # ways through optional items and alternatives
# Longest cell by the number of repetitions that something follows: the worst case grows with its power.
_MAX_CHARACTERS = {0: 1_000_000, 1: 10_000, 2: 500}
_SINGLE = {ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY}
_REPEATS = {ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT}


@dataclass(frozen=True)
class RegexDelimiter:
    """A compiled delimiter, and the longest cell that it may cut."""

    pattern: re.Pattern[str]
    max_characters: int


@dataclass(frozen=True)
class _Cost:
    ways: int = 1
    repeats: int = 0

    def times(self, other: "_Cost") -> "_Cost":
        return _Cost(self.ways * other.ways, self.repeats + other.repeats)


def check_regex(text: str) -> RegexDelimiter:
    """Compile a delimiter. Raises ValueError, saying what is refused, for one that may not be used."""
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"delimiter is not a regular expression: {error}") from None
    tree = parser.parse(text)
    cost = _cost_of_sequence(tree, is_last=True)
    if cost.ways > MAX_WAYS:
        raise ValueError(f"delimiter has over {MAX_WAYS} ways through its optional and alternative parts")
    if cost.repeats not in _MAX_CHARACTERS:
        raise ValueError("delimiter may have at most two repetitions that something follows")
    if tree.getwidth()[0] == 0:
        raise ValueError("delimiter must not match the empty text")
    return RegexDelimiter(pattern, _MAX_CHARACTERS[cost.repeats])


def _cost_of_sequence(items: Iterable[Any], *, is_last: bool) -> _Cost:
    """Multiply the costs of items in a row; only the very last one of the pattern has nothing after it."""
    sequence = list(items)
    cost = _Cost()
    for position, (op, argument) in enumerate(sequence):
        cost = cost.times(_cost_of_item(op, argument, is_last=is_last and position == len(sequence) - 1))
    return cost


def _cost_of_item(op: Any, argument: Any, *, is_last: bool) -> _Cost:
    if op in _SINGLE or op is ops.AT:
        return _Cost()
    if op is ops.SUBPATTERN:
        return _cost_of_sequence(argument[-1], is_last=is_last)
    if op is ops.BRANCH:
        arms = [_cost_of_sequence(arm, is_last=is_last) for arm in argument[1]]
        return _Cost(sum(arm.ways for arm in arms), max(arm.repeats for arm in arms))
    if op in _REPEATS:
        return _cost_of_repeat(argument, is_last=is_last)
    raise ValueError("delimiter may not look around, refer back to a group or use atomic groups")


def _cost_of_repeat(argument: Any, *, is_last: bool) -> _Cost:
    _, highest, items = argument
    if highest == 1:
        return _Cost(ways=2).times(_cost_of_sequence(items, is_last=is_last))
    if len(items) != 1 or items[0][0] not in _SINGLE:
        raise ValueError("delimiter may repeat a single character or class only, not a group")
    return _Cost(repeats=0 if is_last else 1)
