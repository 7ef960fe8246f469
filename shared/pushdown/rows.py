"""Blocks of a pushed-down SELECT: which rows are in doubt, and what their source rows are."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.pushdown.speech import MARK, Cell
from shared.wire import join_line, unescape_text

_PLACES_OF_MARKS = b"\n" + MARK


@dataclass(frozen=True)
class SureAndDoubted:
    """A block's lines in their order; `doubted` are places of lines that hold a source row behind their MARK."""

    lines: list[bytes]
    doubted: list[int]


def find_doubted(block: bytes) -> SureAndDoubted | None:
    """Take a block of whole lines apart; None where no row is in doubt."""
    if MARK not in block or not (block.startswith(MARK) or _PLACES_OF_MARKS in block):
        return None
    lines = block.split(b"\n")
    lines.pop()
    return SureAndDoubted(lines, [place for place, line in enumerate(lines) if line.startswith(MARK)])


def source_line(line: bytes, source_cells: Callable[[bytes], tuple[Cell, ...]]) -> bytes:
    """Return the source row of a doubted line as a line with its newline."""
    packed = line[len(MARK) :].partition(b"\t")[0]
    return join_line(source_cells(unescape_text(packed)))
