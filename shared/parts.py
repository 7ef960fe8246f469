"""Reading a source in parts: ranges of one column, each by a session of its own on one snapshot.

The ranges are half open, the first and the last without an end, and a NULL is in the first: whatever the column's
values, every row is in exactly one. Where the ranges are cut decides how even the parts are, nothing else.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.dialects.base import Session
from shared.dialects.postgresql_statistics import known_spread
from shared.documents.mapping import ReadInParts
from shared.errors import InvalidMapping
from shared.same_rows import why_rows_may_differ
from shared.source_plan import SourcePlan
from shared.types import SourceColumn
from shared.watermarks import ReadWindow, query_to_describe

NEEDS_POSTGRESQL = "parts_need_postgresql"
LEGAL_TYPES = ("smallint", "integer", "bigint", "numeric", "date", "timestamp", "timestamptz", "uuid")
_RANKED = "rows of one key are ranked by the cursor, in whose order they are read"
# By the server's name of a type: its short name, and the cut number `part` of `parts` equal widths above `low`.
_WHOLE = "ceil(low::numeric + (high::numeric - low::numeric) * part / {parts})::{type}"
_DAYS = "low::date + ceil((high::date - low::date) * part::numeric / {parts})::integer"
# The lowest and the highest instant are further apart than an interval can say.
_INSTANT = (
    f"CASE WHEN high::date - low::date > 1000 THEN ({_DAYS})::{{type}}"
    " ELSE low + (high - low) * (part / {parts}::float8) END"
)
_TYPES = {
    "smallint": ("smallint", _WHOLE),
    "integer": ("integer", _WHOLE),
    "bigint": ("bigint", _WHOLE),
    "numeric": ("numeric", "low + (high - low) * part / {parts}"),
    "date": ("date", _DAYS),
    "timestamp without time zone": ("timestamp", _INSTANT),
    "timestamp with time zone": ("timestamptz", _INSTANT),
    "uuid": ("uuid", ""),
}
# The planner remembers the borders of a hundred or more steps; a few are no picture of a spread.
LEAST_KNOWN_PER_PART = 4
_WITH_INFINITIES = frozenset(("date", "timestamp", "timestamptz"))
_NUMERIC_INFINITIES_SINCE = 14


@dataclass(frozen=True)
class Parts:
    """The SELECTs of the parts; none where the source is read in one, and `reason` says why."""

    column: str
    selects: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def in_words(self) -> str:
        if self.reason is not None:
            return f"the source is read in one part: {self.reason}"
        return f"the source is read in {len(self.selects)} parts by column {self.column!r}"


def part_column(asked: ReadInParts, reading: SourcePlan) -> SourceColumn:
    """Return the column that cuts the rows. Raises InvalidMapping naming the types that can."""
    place = ("read_in_parts", "column")
    for column in reading.described:
        if column.name == asked.column:
            if _type_name(column) not in _TYPES:
                raise InvalidMapping(
                    f"column {column.name!r}, by which the source is read in parts, is {column.database_type};"
                    f" legal types: {', '.join(LEGAL_TYPES)}",
                    code="parts_type_refused",
                    loc=place,
                )
            return column
    raise InvalidMapping(f"the query has no column {asked.column!r}", loc=place)


def why_one_part(
    asked: ReadInParts, reading: SourcePlan, source: Session, window: ReadWindow | None
) -> str | None:
    """Return why the rows are read in one part, whatever they are; None where nothing is against parts.

    Raises InvalidMapping for a column that cannot cut, and for a source that does not share its snapshots.
    """
    refuse_source(source.dialect.capabilities.shared_snapshots, source.dialect.name)
    part_column(asked, reading)
    if reading.ranked:
        return _RANKED
    return why_rows_may_differ(source, _query(reading, window))


def refuse_source(shares_snapshots: bool, db_type: str) -> None:  # noqa: FBT001 - a capability
    """Raise InvalidMapping for a source that cannot be read in parts."""
    if not shares_snapshots:
        raise InvalidMapping(
            "read_in_parts is for sources of db_type postgresql, whose sessions can share one snapshot; this source"
            f" is {db_type}: leave it out, or set it to null",
            code=NEEDS_POSTGRESQL,
            loc=("read_in_parts",),
        )


def plan_parts(asked: ReadInParts, reading: SourcePlan, source: Session, window: ReadWindow | None) -> Parts:
    """Cut the rows of the source's snapshot into parts. Raises as `why_one_part`."""
    reason = why_one_part(asked, reading, source, window)
    if reason is not None:
        return Parts(asked.column, reason=reason)
    column = part_column(asked, reading)
    cuts = _find_cuts(column, asked.parts, _query(reading, window), source, window)
    if not cuts:
        return Parts(asked.column, reason=f"column {column.name!r} has no two values to cut between")
    literals = [source_literal(column, cut) for cut in cuts]
    _check_ascending(literals, source)
    wheres = ranges(f"q.{source.dialect.quote(column.name)}", literals)
    return Parts(asked.column, tuple(reading.select_part(source.dialect, where, window) for where in wheres))


def _check_ascending(cuts: Sequence[str], source: Session) -> None:
    """Let the server itself say that cuts ascend, as it compares: in another order ranges would overlap."""
    pairs = [f"{low} < {high}" for low, high in pairwise(cuts)]
    if source.fetch(f"SELECT {' AND '.join(['true', *pairs])}") != [(True,)]:
        raise ValueError("the cuts between parts do not ascend")


def ranges(name: str, cuts: Sequence[str]) -> list[str]:
    """Return a condition for each range between the cuts, which are literals in ascending order.

    Shapes: n cuts -> n + 1 conditions, of which exactly one is true for any value and for NULL.
    """
    lows = [f"{name} >= {cut}" for cut in cuts]
    highs = [f"{name} < {cut}" for cut in cuts]
    between = [f"{low} AND {high}" for low, high in zip(lows, highs[1:], strict=False)]
    return [f"({highs[0]} OR {name} IS NULL)", *between, lows[-1]]


def source_literal(column: SourceColumn, text: str) -> str:
    """Return a cut as a literal of the column's type: digits, signs, letters and spaces, as the server printed it."""
    return f"'{text}'::{_TYPES[_type_name(column)][0]}"


def _type_name(column: SourceColumn) -> str:
    return column.database_type.partition("(")[0]


def _query(reading: SourcePlan, window: ReadWindow | None) -> str:
    return query_to_describe(reading.query) if window is None else window.query


def _find_cuts(
    column: SourceColumn, parts: int, query: str, source: Session, window: ReadWindow | None
) -> list[str]:
    """Return where to cut, ascending: all above the lowest finite value, and none above the highest.

    Where the planner remembers how the values of a table's column are spread, the cuts have equally many rows between
    them, else they are at equal widths.
    """
    ends = _find_ends(column, query, source, window)
    if ends is None:
        return []
    type_name = _TYPES[_type_name(column)][0]
    known = known_spread(source, query, column.name, type_name, *ends)
    if len(known) >= LEAST_KNOWN_PER_PART * parts:
        return [known[len(known) * part // parts] for part in range(1, parts)]
    if type_name == "uuid":
        return _cut_uuids(*ends, parts)
    return _cut_evenly(column, parts, source, *ends)


def _find_ends(
    column: SourceColumn, query: str, source: Session, window: ReadWindow | None
) -> tuple[str, str] | None:
    """Return the lowest and the highest finite value, None where there is none."""
    type_name = _TYPES[_type_name(column)][0]
    name = f"q.{source.dialect.quote(column.name)}"
    wheres = [_finite(name, type_name, source), *([window.where] if window is not None else [])]
    rows = f"FROM (\n{query}\n) AS q WHERE {' AND '.join(wheres)}"
    ends = f"min({name}) AS low, max({name}) AS high {rows}"
    if type_name == "uuid":  # has neither before PostgreSQL 18
        lowest, highest = (f"(SELECT {name} {rows} ORDER BY {name} {way} LIMIT 1)" for way in ("ASC", "DESC"))
        ends = f"{lowest} AS low, {highest} AS high"
    [(low, high)] = source.fetch(f"SELECT low::text, high::text FROM (SELECT {ends}) AS ends")
    return None if low is None else (str(low), str(high))


def _cut_evenly(column: SourceColumn, parts: int, source: Session, low: str, high: str) -> list[str]:
    type_name, cut = _TYPES[_type_name(column)]
    ends = f"SELECT {source_literal(column, low)} AS low, {source_literal(column, high)} AS high"
    found = source.fetch(
        f"SELECT cut::text FROM (SELECT DISTINCT {cut.format(parts=parts, type=type_name)} AS cut, low"
        f" FROM ({ends}) AS ends, generate_series(1, {parts - 1}) AS part) AS cuts WHERE cut > low ORDER BY cuts.cut"
    )
    return [str(text) for (text,) in found]


def _finite(name: str, type_name: str, source: Session) -> str:
    """Return the condition for values that have a distance from each other."""
    if type_name in _WITH_INFINITIES:
        return f"{name} > '-infinity' AND {name} < 'infinity'"
    if type_name != "numeric":
        return f"{name} IS NOT NULL"
    if int(source.server_version.partition(".")[0]) < _NUMERIC_INFINITIES_SINCE:
        return f"{name} < 'NaN'"
    return f"{name} > '-Infinity' AND {name} < 'Infinity'"  # NaN is above them all


def _cut_uuids(lowest: str, highest: str, parts: int) -> list[str]:
    low, high = uuid.UUID(lowest).int, uuid.UUID(highest).int
    steps = {low + -(-(high - low) * part // parts) for part in range(1, parts)}
    return [str(uuid.UUID(int=step)) for step in sorted(steps) if step > low]
