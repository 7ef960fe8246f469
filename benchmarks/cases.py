"""The jobs that are measured: what the API is told, and the same in SQL to check the result against.

Both sources hold the same rows, so that the expected contents are always computed in PostgreSQL.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from benchmarks.lineitem import COLUMNS, KEYS, TABLE
from benchmarks.tables import Column

NOTE = '{"n": 1}'
REJECTED = "l_partkey % 100 = 0"


@dataclasses.dataclass(frozen=True)
class Case:
    """One mapping.

    `queries` is the source query by flavour; `by_hand` the SELECT by flavour that already does the mapping,
    for the databases' own tools; `expected` the same in PostgreSQL without the rows to be rejected.
    `{round}` in a query changes with the round, so that an upsert finds something to update.
    """

    name: str
    write_mode: Literal["replace", "append", "upsert"]
    columns: tuple[Column, ...]
    queries: Mapping[str, str]
    by_hand: Mapping[str, str]
    expected: str
    column_mappings: tuple[dict[str, Any], ...] = ()
    quarantine: bool = False
    keys: tuple[str, ...] = ()
    has_limit: bool = True
    rejects: bool = False


def same_everywhere(query: str) -> dict[str, str]:
    return {"postgresql": query, "mariadb": query}


def direct_case(name: str, write_mode: Literal["replace", "append"], table: str = TABLE) -> Case:
    query = f"SELECT * FROM {table}"
    everywhere = same_everywhere(query)
    # Appending costs the tools what replacing costs them: one measurement is the limit of both.
    return Case(name, write_mode, COLUMNS, everywhere, everywhere, query, has_limit=write_mode == "replace")


def upsert_case() -> Case:
    """A tenth of the rows, their quantity changed, merged into a table that holds them all."""
    names = [column.name for column in COLUMNS]
    changed = "cast(l_quantity + {round} AS decimal(15,2))"
    tenth = [changed + " AS l_quantity" if name == "l_quantity" else name for name in names]
    query = f"SELECT {', '.join(tenth)} FROM {TABLE} WHERE l_partkey % 10 = 3"
    value = f"CASE WHEN l_partkey % 10 = 3 THEN {changed} ELSE l_quantity END AS l_quantity"
    whole = [value if name == "l_quantity" else name for name in names]
    expected = f"SELECT {', '.join(whole)} FROM {TABLE}"
    everywhere = same_everywhere(query)
    return Case("upsert of 10 %", "upsert", COLUMNS, everywhere, everywhere, expected, keys=KEYS)


MAPPED = (
    Column("order_key", "integer"),
    Column("part_key", "string", 20),
    Column("supplier_key", "integer"),
    Column("line_number", "decimal", 10, 0),
    Column("quantity", "decimal", 18, 4),
    Column("extended_price", "decimal", 18, 4),
    Column("discount", "float"),
    Column("tax", "string", 20),
    Column("return_flag", "string", 1),
    Column("line_status", "string", 1),
    Column("ship_date", "timestamp"),
    Column("commit_date", "string", 10),
    Column("receipt_date", "date"),
    Column("word1", "string", 44),
    Column("word2", "string", 44),
    Column("word3", "string", 44),
    Column("words_rest", "string", 44),
    Column("shipping", "string", 60),
)
DIRECT_SOURCES = (
    "l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", "l_quantity", "l_extendedprice", "l_discount",
    "l_tax", "l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate", "l_receiptdate",
)  # fmt: skip
WORDS = ("word1", "word2", "word3", "words_rest")
SHIPPING_SOURCES = ("l_shipinstruct", "l_shipmode", "l_returnflag")

POSTGRESQL_VALUES = (
    "l_orderkey", "l_partkey::varchar", "l_suppkey", "{line_number}::numeric(10,0)",
    "l_quantity::numeric(18,4)", "l_extendedprice::numeric(18,4)", "l_discount::float8", "l_tax::varchar",
    "l_returnflag", "l_linestatus", "l_shipdate::timestamp", "l_commitdate::varchar", "l_receiptdate",
    "split_part(l_comment, ' ', 1)",
    "(string_to_array(l_comment, ' '))[2]",
    "(string_to_array(l_comment, ' '))[3]",
    "CASE WHEN cardinality(string_to_array(l_comment, ' ')) > 3"
    " THEN array_to_string((string_to_array(l_comment, ' '))[4:], ' ') END",
    "concat_ws('-', l_shipinstruct, l_shipmode, l_returnflag)",
)  # fmt: skip
# The parts behind the last delimiter are NULL, where SUBSTRING_INDEX would repeat the last one.
MARIADB_DELIMITERS = "char_length(l_comment) - char_length(replace(l_comment, ' ', ''))"
MARIADB_VALUES = (
    "l_orderkey", "l_partkey", "l_suppkey", "{line_number}", "l_quantity", "l_extendedprice", "l_discount",
    "l_tax", "l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate", "l_receiptdate",
    "substring_index(l_comment, ' ', 1)",
    f"if({MARIADB_DELIMITERS} < 1, NULL, substring_index(substring_index(l_comment, ' ', 2), ' ', -1))",
    f"if({MARIADB_DELIMITERS} < 2, NULL, substring_index(substring_index(l_comment, ' ', 3), ' ', -1))",
    f"if({MARIADB_DELIMITERS} < 3, NULL, "
    "substr(l_comment, char_length(substring_index(l_comment, ' ', 3)) + 2))",
    "concat_ws('-', l_shipinstruct, l_shipmode, l_returnflag)",
)  # fmt: skip


def mapped_case() -> Case:
    """Thirteen direct fields with casts, a split of one into four, a join of three into one."""
    return _mapped(MAPPED_NAME, "l_linenumber", same_everywhere(f"SELECT * FROM {TABLE}"), "TRUE")


def lines_case() -> Case:
    """The mapping with one field more, JSON of a text, which no SQL checks: the line mapper does it all."""
    queries = {
        flavour: f"SELECT {TABLE}.*, cast('{NOTE}' AS {text}) AS note FROM {TABLE}"
        for flavour, text in (("postgresql", "text"), ("mariadb", "char"))
    }
    case = _mapped(LINES, "l_linenumber", queries, "TRUE")
    expected = case.expected.replace(" FROM ", f", '{NOTE}'::jsonb AS note FROM ", 1)
    note = {"type": "direct", "source_columns": ["note"], "target_fields": ["note"]}
    return dataclasses.replace(
        case,
        columns=(*case.columns, Column("note", "json")),
        column_mappings=(*case.column_mappings, note),
        expected=expected,
        has_limit=False,
    )


def text_case(name: str, condition: str, *, rejects: bool) -> Case:
    """The mapping with one field cast from text that is no number where the condition holds.

    The clean case asks for a condition that never holds: the same mapping and as much work in the source.
    """
    others = ", ".join(column.name for column in COLUMNS)
    queries = {
        flavour: f"SELECT {others}, CASE WHEN {condition} THEN 'n/a'"
        f" ELSE cast(l_linenumber AS {text}) END AS line_number_text FROM {TABLE}"
        for flavour, text in (("postgresql", "text"), ("mariadb", "char"))
    }
    case = _mapped(name, "line_number_text", queries, f"NOT ({condition})")
    return dataclasses.replace(case, quarantine=True, has_limit=False, rejects=rejects)


def _mapped(name: str, line_number: str, queries: Mapping[str, str], kept: str) -> Case:
    by_hand = {
        "postgresql": _by_hand(POSTGRESQL_VALUES, "l_linenumber"),
        "mariadb": _by_hand(MARIADB_VALUES, "l_linenumber"),
    }
    expected = f"{by_hand['postgresql']} WHERE {kept}"
    return Case(name, "replace", MAPPED, queries, by_hand, expected, _column_mappings(line_number))


def _by_hand(values: tuple[str, ...], line_number: str) -> str:
    fields = [
        f"{value.replace('{line_number}', line_number)} AS {column.name}"
        for value, column in zip(values, MAPPED, strict=True)
    ]
    return f"SELECT {', '.join(fields)} FROM {TABLE}"


def _column_mappings(line_number: str) -> tuple[dict[str, Any], ...]:
    sources = [line_number if source == "l_linenumber" else source for source in DIRECT_SOURCES]
    direct = [
        {"type": "direct", "source_columns": [source], "target_fields": [column.name]}
        for source, column in zip(sources, MAPPED, strict=False)
    ]
    split = {
        "type": "split",
        "source_columns": ["l_comment"],
        "target_fields": list(WORDS),
        "config": {"delimiter": " "},
    }
    join = {
        "type": "join",
        "source_columns": list(SHIPPING_SOURCES),
        "target_fields": ["shipping"],
        "config": {"separator": "-"},
    }
    return (*direct, split, join)


DIRECT = "direct"
APPEND = "append"
SMALL = "1000 rows"
MAPPED_NAME = "mapped"
LINES = "mapped by line"
CLEAN = "mapped from text"
REJECTS = "mapped with 1 % rejected"
CASES = (
    direct_case(DIRECT, "replace"),
    direct_case(APPEND, "append"),
    upsert_case(),
    mapped_case(),
    lines_case(),
    text_case(CLEAN, "l_partkey % 100 = 100", rejects=False),
    text_case(REJECTS, REJECTED, rejects=True),
)
