"""What the demo prints: aligned lines, plain unless a person's terminal reads them."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

LABEL_WIDTH = 12
CELL_WIDTH = 24


class Terminal:
    """Lines of `label  text  seconds`; progress is drawn over itself on a terminal and left out elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._bold = self._live and not os.environ.get("NO_COLOR")
        self._drawn = 0
        self._since = time.monotonic()

    def heading(self, text: str) -> None:
        self._clear()
        print(f"\n\x1b[1m{text}\x1b[0m" if self._bold else f"\n{text}", flush=True)
        self._since = time.monotonic()

    def step(self, label: str, text: str) -> None:
        """One thing that is done, with the time since the last one."""
        self._clear()
        now = time.monotonic()
        print(f"  {label:<{LABEL_WIDTH}}{text:<72}{now - self._since:6.1f} s", flush=True)
        self._since = now

    def line(self, text: str = "") -> None:
        self._clear()
        print(f"  {text}".rstrip(), flush=True)

    def progress(self, label: str, text: str) -> None:
        if self._live:
            self._clear()
            shown = f"  {label:<{LABEL_WIDTH}}{text}"
            print(shown, end="", flush=True)
            self._drawn = len(shown)

    def table(self, rows: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
        cells = [list(names), *([show(row[name]) for name in names] for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
        for row in cells:
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))

    def _clear(self) -> None:
        if self._drawn:
            print("\r" + " " * self._drawn + "\r", end="")
            self._drawn = 0


def show(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= CELL_WIDTH else text[: CELL_WIDTH - 1] + "…"
