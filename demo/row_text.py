"""One text for each row, made by the databases: of a source row as it must arrive, and of a target row as it is.

The mapping is said here a second time, in plain SQL, so that the comparison owes nothing to the engine.
"""

from dataclasses import dataclass

from demo.mapping import ROUTE_SEPARATOR, SCHEMA_COLUMNS, SOURCE_QUERY, TARGET_TABLE, ZONE_DELIMITER
from local_servers.access import Flavour

# No cell of the data set holds these.
CELL_END = "\x1f"
NULL = "\x1e"


@dataclass(frozen=True)
class Words:
    """What the databases say differently. Each format takes the SQL of a column, or of two."""

    text: str  # of a number or a text
    instant: str  # of a stored instant, in UTC to the microsecond
    concat: str
    find: str  # the place of one text in another, from 1


_MYSQL = Words(
    "CAST({} AS CHAR)", "DATE_FORMAT({}, '%Y-%m-%dT%H:%i:%s.%fZ')", "CONCAT({}, {})", "INSTR({}, {})"
)
WORDS: dict[Flavour, Words] = {
    # SQLite keeps an instant as text: whole seconds, as the data has them, without a fraction.
    "sqlite": Words("CAST({} AS TEXT)", "REPLACE({}, 'Z', '.000000Z')", "({} || {})", "INSTR({}, {})"),
    "postgresql": Words(
        "CAST({} AS TEXT)",
        """TO_CHAR({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
        "({} || {})",
        "STRPOS({}, {})",
    ),
    "mariadb": _MYSQL,
    "mysql": _MYSQL,
}


def expected_query(flavour: Flavour) -> str:
    """A query on the source whose one column is the text of each row as it must arrive."""
    words = WORDS[flavour]
    slash = words.find.format("q.tzone", quoted(ZONE_DELIMITER))
    cells = (
        "REPLACE(q.time_hour, 'Z', '.000000Z')",
        "q.carrier",
        words.text.format("q.flight"),
        "q.airline",
        "q.tailnum",
        words.concat.format(words.concat.format("q.origin", quoted(ROUTE_SEPARATOR)), "q.dest"),
        "q.destination",
        f"SUBSTR(q.tzone, 1, {slash} - 1)",
        f"SUBSTR(q.tzone, {slash} + 1)",
        tenths(words, "q.dep_delay"),
        tenths(words, "q.arr_delay"),
        "q.distance",
    )
    return f"SELECT {row_text(words, cells)} FROM ({SOURCE_QUERY}) AS q"  # noqa: S608 - our own names


def found_query(flavour: Flavour) -> str:
    """A query on the target whose one column is the text of each row as it is."""
    words = WORDS[flavour]
    cells = tuple(
        (words.instant if column["data_type"] == "timestamptz" else words.text).format(column["name"])
        for column in SCHEMA_COLUMNS
    )
    return f"SELECT {row_text(words, cells)} FROM {TARGET_TABLE}"  # noqa: S608 - our own names


def tenths(words: Words, column: str) -> str:
    """A whole number as a decimal with one digit behind the point."""
    return words.concat.format(words.text.format(column), "'.0'")


def row_text(words: Words, cells: tuple[str, ...]) -> str:
    text = cell_text(cells[0])
    for cell in cells[1:]:
        text = words.concat.format(words.concat.format(text, quoted(CELL_END)), cell_text(cell))
    return text


def cell_text(cell: str) -> str:
    return f"COALESCE({cell}, {quoted(NULL)})"


def quoted(text: str) -> str:
    return f"'{text}'"
