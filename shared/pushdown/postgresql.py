"""What PostgreSQL says. Sessions print ISO dates in UTC, shortest floats and bytes as hexadecimal."""

import re
from collections.abc import Sequence

from shared.column_mappings import Join, Split
from shared.column_mappings.cast_tables import CastRequest
from shared.dialects.postgresql_tables import literal, quote
from shared.pushdown import postgresql_casts
from shared.pushdown.speech import CannotSay, Cell, Kept, Said
from shared.types import Kind, SourceColumn

# The types whose cast to text gives what COPY prints. Others have casts of their own (inet adds a prefix,
# char(n) loses its blanks), so that only printing them is right.
_CAST_PRINTS = frozenset(
    (
        Kind.INTEGER,
        Kind.DECIMAL,
        Kind.FLOAT,
        Kind.DATE,
        Kind.TIMESTAMP,
        Kind.TIMESTAMPTZ,
        Kind.TIME,
        Kind.UUID,
    )
)
_TEXT_TYPES = frozenset(("text", "character varying"))
_MARK = "chr(1)"
# A field of a record's text: NULL is nothing at all, quotes double quotes and backslashes.
_RECORD_FIELD = re.compile(rb'(?:"((?:[^"\\]++|""|\\\\)*+)"|([^,"]*))(,|\Z)')


class PostgresqlSpeech:
    """SQL of a server whose encoding is UTF-8."""

    def column(self, name: str) -> str:
        return f"q.{quote(name)}"

    def literal(self, text: str) -> str:
        return literal(text)

    def unchanged(self, column: SourceColumn, x: str) -> Said:
        if column.kind in _CAST_PRINTS:
            return Said(x, form="cast")
        return Said(x, form="text" if _is_text(column) else "printed")

    def text_of(self, column: SourceColumn, x: str) -> str:
        return postgresql_casts.text_of(column, x)

    def cast(self, request: CastRequest, x: str) -> Said:
        return postgresql_casts.cast(self, request, x)

    def matches(self, t: str, pattern: str) -> str:
        return f"{t} ~ {literal(f'^({pattern})$')}"

    def is_one_of(self, t: str, words: Sequence[str]) -> str:
        return f"{t} IN ({', '.join(map(literal, words))})"

    def characters(self, t: str) -> str:
        return f"char_length({t})"

    def bytes_in(self, t: str) -> str:
        return f"octet_length({t})"

    def first_characters(self, t: str, count: int) -> str:
        return f"left({t}, {count})"

    def lower(self, t: str) -> str:
        return f"lower({t})"

    def clock_of(self, t: str) -> str:
        return f"translate({t}, 'TZ', ' ')"

    def joined(self, texts: Sequence[str]) -> str:
        return f"({' || '.join(texts)})"

    def unmarked(self, first: Said) -> str:
        return f'left({_as_text(first)}, 1) COLLATE "C" <> {_MARK}'

    def without_nul(self, t: str) -> str:
        raise CannotSay("no text of PostgreSQL holds the NUL character")

    def or_default(self, said: Said, default: str) -> Said:
        return Said(f"coalesce({_as_text(said)}, {literal(default)})", said.guards)

    def split(self, spec: Split, t: str, kept: Kept) -> tuple[list[str], tuple[str, ...]]:
        """string_to_array cuts at every delimiter, and makes no part of an empty text."""
        config, width = spec.config, len(spec.target_fields)
        delimiter = literal(config.delimiter)
        parts = self.keep(kept, f"string_to_array({t}, {delimiter})")
        said = [f"coalesce({parts}[1], {t})", *(f"{parts}[{place}]" for place in range(2, width + 1))]
        if config.on_extra == "keep_in_last":
            rest = f"array_to_string({parts}[{width}:], {delimiter})"
            said[-1] = f"CASE WHEN cardinality({parts}) > {width} THEN {rest} ELSE {said[-1]} END"
        if config.trim:
            said = [f"btrim({part}, ' ')" for part in said]
        guards = []
        if config.on_missing == "error":
            guards.append(f"cardinality({parts}) >= {width}")
        if config.on_extra == "error":
            guards.append(f"cardinality({parts}) <= {width}")
        return said, tuple(guards)

    def join(self, spec: Join, texts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        separator, on_null = spec.config.separator, spec.config.on_null
        if on_null == "null":
            between = f" || {literal(separator)} || " if separator else " || "
            return f"({between.join(texts)})", ()
        if on_null == "empty":
            texts = [f"coalesce({text}, '')" for text in texts]
        joined = f"concat_ws({literal(separator)}, {', '.join(texts)})"
        if on_null == "empty":
            return joined, ()
        return f"CASE WHEN coalesce({', '.join(texts)}) IS NOT NULL THEN {joined} END", ()

    def keep(self, kept: Kept, expression: str) -> str:
        return f"q.{kept.name_for(expression)}"

    def doubted(self, first: Said, guards: Sequence[str], columns: Sequence[SourceColumn]) -> str:
        row = ", ".join(self.column(column.name) for column in columns)
        return (
            f"CASE WHEN ({' AND '.join(guards)}) IS FALSE"
            f" THEN {_MARK} || ROW({row})::text ELSE {_as_text(first)} END"
        )

    def source_cells(self, packed: bytes) -> tuple[Cell, ...]:
        if packed[:1] != b"(" or packed[-1:] != b")":
            raise ValueError("not the text of a row")
        cells: list[Cell] = []
        inner, position = packed[1:-1], 0
        while True:
            match = _RECORD_FIELD.match(inner, position)
            if match is None:
                raise ValueError("not the text of a row")
            cells.append(_record_cell(match))
            position = match.end()
            if not match.group(3):
                return tuple(cells)

    def select(self, values: Sequence[str], kept: Kept, query: str, where: str | None) -> str:
        """Kept expressions stand in a subquery that OFFSET keeps from being merged and so doubled."""
        rows = f"(\n{query}\n) AS q"
        condition = f" WHERE {where}" if where else ""
        if kept.expressions:
            more = ", ".join(f"{expression} AS {name}" for expression, name in kept.expressions.items())
            rows, condition = f"(SELECT q.*, {more} FROM {rows}{condition} OFFSET 0) AS q", ""
        return f"SELECT {', '.join(values)} FROM {rows}{condition}"


def _is_text(column: SourceColumn) -> bool:
    return column.database_type.partition("(")[0] in _TEXT_TYPES


def _as_text(said: Said) -> str:
    if said.form == "text":
        return said.value
    if said.form == "cast":
        return f"{said.value}::text"
    return f"CASE WHEN {said.value} IS NOT NULL THEN concat({said.value}) END"


def _record_cell(match: re.Match[bytes]) -> Cell:
    quoted, bare = match.group(1, 2)
    if quoted is None:
        return bare or None
    return quoted.replace(b'""', b'"').replace(b"\\\\", b"\\")
