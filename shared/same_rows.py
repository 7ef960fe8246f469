"""Whether PostgreSQL gives every session on one snapshot the very same rows of a query.

What decides which rows there are must be the snapshot alone. LIMIT, DISTINCT ON, numbered rows and samples choose rows
as they come; now() and its kin are of the session's transaction; random() is of nothing; another server's rows are of
another snapshot. All of it shows in the plan, also what views and inlined functions hide, and only steps and functions
that are known to be safe pass.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.dialects.base import PARAM, Session

_SAFE_STEPS = frozenset(
    (
        *("Result", "ProjectSet", "Append", "Merge Append", "BitmapAnd", "BitmapOr", "Nested Loop"),
        *("Merge Join", "Hash Join", "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"),
        *("Bitmap Heap Scan", "Tid Scan", "Tid Range Scan", "Subquery Scan", "Function Scan", "CTE Scan"),
        *("Hash", "Materialize", "Memoize", "Sort", "Incremental Sort", "Gather", "Gather Merge"),
    )
)
_STEPS_IN_WORDS = {
    "Limit": "LIMIT takes rows as they come",
    "Aggregate": "rows are grouped, which each session would do for all of them",
    "Group": "rows are grouped, which each session would do for all of them",
    "WindowAgg": "window functions number rows as they come",
    "Unique": "one of several rows is chosen after sorting (DISTINCT, DISTINCT ON, UNION)",
    "Sample Scan": "a sample is taken of a table",
    "Foreign Scan": "a foreign table is read in another server's snapshot",
}
# Stable functions of PostgreSQL itself that are of the session or its transaction, or that look into catalogs and
# queries of their own.
_OWN_TO_A_SESSION = ("now", "transaction_timestamp", "statement_timestamp", "age", "cursor_to_xml")
_OWN_TO_A_SESSION_LIKE = (r"pg\_%", r"txid\_%", r"has\_%", r"to\_reg%", r"inet\_client%", r"%\_to\_xml%")
_CLOCK = re.compile(r"\b(CURRENT_(?:DATE|TIME|TIMESTAMP)|LOCALTIME(?:STAMP)?)\b")
# Texts that become the present day or instant while a query is parsed.
_CLOCK_IN_TEXT = re.compile(r"['$][^'$]*\b(now|today|tomorrow|yesterday)\b", re.IGNORECASE)
_CALLED = re.compile(r'("(?:[^"]|"")+"|[A-Za-z_\x80-\U0010ffff][\w$]*)\s*\(')
_UNSAFE_FUNCTIONS = (
    "SELECT p.proname::text FROM pg_catalog.pg_proc AS p"
    f" WHERE p.proname::text = ANY({PARAM}) AND (p.provolatile = 'v' OR p.provolatile = 's' AND"
    " (p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace"
    f" OR p.proname::text = ANY({PARAM}) OR p.proname::text LIKE ANY ({PARAM})))"
    " ORDER BY 1 LIMIT 1"
)


def why_rows_may_differ(session: Session, query: str) -> str | None:
    """Return why two sessions on one snapshot may see different rows of a query; None where they cannot.

    The query is planned, not run; it has no markers.
    """
    clock = _CLOCK_IN_TEXT.search(query)
    if clock is not None:
        return f"the text {clock.group(1)!r} may mean another instant in each session"
    [(answer,)] = session.fetch(f"EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT * FROM (\n{query}\n) AS q")
    plan = json.loads(answer) if isinstance(answer, str | bytes | bytearray) else answer
    steps = list(_steps(plan[0]["Plan"]))
    return _unsafe_step(steps) or _unsafe_function(session, [text for step in steps for text in _texts(step)])


def _steps(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for below in step.get("Plans", ()):
        yield from _steps(below)


def _texts(step: dict[str, Any]) -> Iterator[str]:
    """Yield the expressions of a step, and some names too, which do no harm."""
    for name, value in step.items():
        if name != "Plans":
            yield from (
                text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
            )


def _unsafe_step(steps: list[dict[str, Any]]) -> str | None:
    for step in steps:
        kind = step["Node Type"]
        if kind not in _SAFE_STEPS and not _only_makes_distinct(step):
            return _STEPS_IN_WORDS.get(kind, f"its plan has a step {kind!r}, which is not known to be safe")
        if step.get("Parent Relationship") == "SubPlan":
            # Older servers do not show what it is compared with.
            return "a sub-select is computed row by row: write it as a join"
    return None


def _only_makes_distinct(step: dict[str, Any]) -> bool:
    """Tell whether a step groups rows and gives nothing but what it groups by: DISTINCT, or an IN (SELECT …)."""
    keys, output = step.get("Group Key"), step.get("Output")
    if step["Node Type"] != "Aggregate" or "Filter" in step or not keys or not output:
        return False
    return set(output) <= set(keys)


def _unsafe_function(session: Session, texts: list[str]) -> str | None:
    for text in texts:
        clock = _CLOCK.search(text)
        if clock is not None:
            return f"{clock.group(1)} is another instant in each session"
    names = {_plain(called) for text in texts for called in _CALLED.findall(text)}
    if not names:
        return None
    wanted = (sorted(names), list(_OWN_TO_A_SESSION), list(_OWN_TO_A_SESSION_LIKE))
    for (name,) in session.fetch(_UNSAFE_FUNCTIONS, wanted):
        return f"{name}() may give each session another value, as it is declared"
    return None


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
