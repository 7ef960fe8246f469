"""Rejected rows as CSV: one line a row, its source columns in their order, its errors in one cell."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from shared.rejected_rows import RejectedRow

_FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^$|^\s|\s$')
_OWN_COLUMNS = ("row_number", "mapping_version", "errors")


class RejectedCsv:
    """Writes blocks of the rejected rows of one run; the first has the head line (RFC 4180).

    NULL is an empty cell, the empty text a quoted one. Texts that a spreadsheet would run get a quote in front.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    @classmethod
    def of(cls, rows: Sequence[RejectedRow]) -> "RejectedCsv":
        """Return the writer for the columns of a run: all its rejected rows have the same."""
        return cls(list(dict.fromkeys(name for row in rows for name in row.source_row)))

    def head(self) -> str:
        return _line([*_OWN_COLUMNS, *(_harmless(name) for name in self._names)])

    def lines(self, rows: Iterable[RejectedRow]) -> str:
        return "".join([self._row(row) for row in rows])

    def _row(self, row: RejectedRow) -> str:
        errors = "; ".join(f"{error.get('target_field')}: {error['message']}" for error in row.errors)
        cells = [_text(row.source_row.get(name)) for name in self._names]
        return _line([str(row.row_number), str(row.mapping_version), _harmless(errors), *cells])


def accepts_csv(accept: str) -> bool:
    """Whether a client prefers CSV: it names text/csv, and not JSON before it."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if "text/csv" not in wanted:
        return False
    return "application/json" not in wanted[: wanted.index("text/csv")]


def _line(cells: Sequence[str | None]) -> str:
    return ",".join(["" if cell is None else _quoted(cell) for cell in cells]) + "\r\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return _harmless(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _harmless(text: str) -> str:
    """Spreadsheets run a cell that begins like a formula; a quote in front keeps it text. A number stays one."""
    return f"'{text}" if text.startswith(_FORMULA_MARKS) and not _NUMBER.fullmatch(text) else text
