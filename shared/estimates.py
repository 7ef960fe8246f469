"""How many rows a query may have, by the planner of its database: a guess for people, no promise."""

import json
from math import prod
from typing import Any

from shared.dialects.base import Session
from shared.errors import EngineError

_TOP = frozenset(("SIMPLE", "PRIMARY", "UNION"))
MAX_ROWS = 10**15


def estimate_rows(session: Session, query: str) -> int | None:
    """Return the planner's guess, None where there is none or EXPLAIN is refused. The query is not run."""
    estimate = _ESTIMATES.get(session.dialect.name)
    if estimate is None:
        return None
    try:
        rows = estimate(session, query)
    except EngineError:
        return None  # a view whose definition the user may not see, for one
    return None if rows is None else min(rows, MAX_ROWS)


def _postgresql(session: Session, query: str) -> int | None:
    [(answer,)] = session.fetch(f"EXPLAIN (FORMAT JSON) {query}")
    plan = json.loads(answer) if isinstance(answer, str | bytes | bytearray) else answer
    return int(plan[0]["Plan"]["Plan Rows"])


def _mysql(session: Session, query: str) -> int | None:
    return _top_rows(session.fetch(f"EXPLAIN FORMAT=TRADITIONAL {query}"), rows=9, filtered=10)


def _mariadb(session: Session, query: str) -> int | None:
    return _top_rows(session.fetch(f"EXPLAIN EXTENDED {query}"), rows=8, filtered=9)


def _top_rows(lines: list[tuple[Any, ...]], *, rows: int, filtered: int) -> int | None:
    """Multiply what is read of each table of a SELECT, and add the SELECTs of a UNION up."""
    selects: dict[str, list[float]] = {}
    for line in lines:
        number, kind = _text(line[0]), _text(line[1])
        if number is not None and kind in _TOP and line[rows] is not None:
            share = float(_text(line[filtered]) or 100) / 100
            selects.setdefault(number, []).append(float(_text(line[rows]) or 0) * share)
    return round(sum(prod(parts) for parts in selects.values())) if selects else None


def _text(value: object) -> str | None:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("ascii", "replace")
    return None if value is None else str(value)


_ESTIMATES = {"postgresql": _postgresql, "mysql": _mysql, "mariadb": _mariadb}
