"""Rejected rows as CSV: one line a row, its source columns in their order, its errors in one cell."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from shared.ledger_tables import RejectedRow

_FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(rows: Sequence[RejectedRow]) -> str:
    """Return the rows as CSV (RFC 4180) with a head line."""
    names = list(dict.fromkeys(name for row in rows for name in row.source_row))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["row_number", "mapping_version", "errors", *names])
    for row in rows:
        errors = "; ".join(f"{error.get('target_field')}: {error['message']}" for error in row.errors)
        cells = [_cell(row.source_row.get(name)) for name in names]
        writer.writerow([row.row_number, row.mapping_version, errors, *cells])
    return out.getvalue()


def accepts_csv(accept: str) -> bool:
    """Whether a client prefers CSV: it names text/csv, and not JSON before it."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if "text/csv" not in wanted:
        return False
    return "application/json" not in wanted[: wanted.index("text/csv")]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    # Spreadsheets run a cell that begins like a formula; a quote in front keeps it text.
    return f"'{value}" if value.startswith(_FORMULA_MARKS) else value
