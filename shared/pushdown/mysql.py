"""What MySQL and MariaDB say. Sessions are UTC, and take a backslash in a literal for an escape.

A function whose result would be larger than the server's packets gives NULL, with no more than a warning. So what is
made of large cells is only made where it is small enough; a row in doubt that is larger ends the reading
(RowTooLarge), and the run reads again without this gear.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.column_mappings import Join, Split
from shared.column_mappings.cast_tables import CastRequest
from shared.dialects.mysql_tables import quote
from shared.dialects.mysql_types import wire_expression
from shared.errors import RowTooLarge
from shared.pushdown import mysql_casts
from shared.pushdown.speech import Cell, Kept, Said
from shared.types import Kind, SourceColumn

_MARK = "CHAR(1 USING utf8mb4)"
_TOO_LARGE = b"!"
_NULL = b"-"
# A byte of a cell becomes at most three in UTF-8, and six as hexadecimal.
_PACKED_BYTES_PER_BYTE = 6
_PACKED_BYTES_PER_COLUMN = 200  # of a number or an instant, and around every cell
_LONGEST_MATCH = 100  # no legal text that is matched is longer; longer ones could exhaust the matcher
_LARGE_KINDS = frozenset((Kind.STRING, Kind.BINARY, Kind.JSON))


@dataclass(frozen=True)
class MysqlSpeech:
    """`max_packet` is the server's max_allowed_packet in bytes."""

    mariadb: bool
    max_packet: int

    def column(self, name: str) -> str:
        return f"q.{quote(name)}"

    def literal(self, text: str) -> str:
        return mysql_casts.literal(text)

    def unchanged(self, column: SourceColumn, x: str) -> Said:
        wire = wire_expression(column, x)
        if column.kind is Kind.BINARY:
            return Said(wire, form="printed")
        if column.kind is Kind.FLOAT:
            return Said(wire, form="float")
        return Said(wire, form="text" if column.kind is Kind.STRING else "cast")

    def text_of(self, column: SourceColumn, x: str) -> str:
        return mysql_casts.text_of(column, x)

    def cast(self, request: CastRequest, x: str) -> Said:
        return mysql_casts.cast(self, request, x)

    def matches(self, t: str, pattern: str) -> str:
        whole = mysql_casts.literal(rf"\A(?:{pattern})\z")
        match = f"{t} REGEXP {whole}" if self.mariadb else f"REGEXP_LIKE({t}, {whole}, 'c')"
        return f"CASE WHEN LENGTH({t}) > {_LONGEST_MATCH} THEN FALSE ELSE {match} END"

    def is_one_of(self, t: str, words: Sequence[str]) -> str:
        """As bytes: the collations take blanks at the end for nothing."""
        return f"CAST({t} AS BINARY) IN ({', '.join(map(mysql_casts.literal, words))})"

    def characters(self, t: str) -> str:
        return f"CHAR_LENGTH({t})"

    def bytes_in(self, t: str) -> str:
        return f"LENGTH({t})"

    def first_characters(self, t: str, count: int) -> str:
        return f"LEFT({t}, {count})"

    def lower(self, t: str) -> str:
        return f"LOWER({t})"

    def clock_of(self, t: str) -> str:
        return f"REPLACE(REPLACE({t}, 'T', ' '), 'Z', '')"

    def joined(self, texts: Sequence[str]) -> str:
        return f"CONCAT({', '.join(texts)})"

    def unmarked(self, first: Said) -> str:
        return f"ORD(LEFT({self._as_text(first)}, 1)) <> 1"

    def without_nul(self, t: str) -> str:
        return f"LOCATE(CHAR(0 USING utf8mb4), {t}) = 0"

    def or_default(self, said: Said, default: str) -> Said:
        return Said(f"COALESCE({self._as_text(said)}, {mysql_casts.literal(default)})", said.guards)

    def split(self, spec: Split, t: str, kept: Kept) -> tuple[list[str], tuple[str, ...]]:
        """SUBSTRING_INDEX gives the whole text where there are fewer delimiters; from the right it cuts elsewhere."""
        config, width = spec.config, len(spec.target_fields)
        size, delimiter = len(config.delimiter), mysql_casts.literal(config.delimiter)

        def first(parts: int) -> str:
            return f"SUBSTRING_INDEX({t}, {delimiter}, {parts})"

        said = [first(1)]
        for place in range(2, width + 1):
            keeps_rest = place == width and config.on_extra == "keep_in_last"
            rest = (
                f"SUBSTR({t if keeps_rest else first(place)}, CHAR_LENGTH({first(place - 1)}) + {size + 1})"
            )
            said.append(f"CASE WHEN LENGTH({first(place - 1)}) < LENGTH({t}) THEN {rest} END")
        if config.trim:
            said = [f"TRIM(BOTH ' ' FROM {part})" for part in said]
        guards = []
        if config.on_missing == "error":
            guards.append(f"LENGTH({first(width - 1)}) < LENGTH({t})")
        if config.on_extra == "error":
            guards.append(f"LENGTH({first(width)}) = LENGTH({t})")
        return said, tuple(guards)

    def join(self, spec: Join, texts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        separator, on_null = mysql_casts.literal(spec.config.separator), spec.config.on_null
        sizes = " + ".join(f"COALESCE(LENGTH({text}), 0)" for text in texts)
        room = self.max_packet - len(texts) * _PACKED_BYTES_PER_COLUMN * len(spec.config.separator) - 1
        guards = (f"{sizes} <= {max(0, room)}",)
        if on_null == "empty":
            texts = [f"COALESCE({text}, '')" for text in texts]
        joined = f"CONCAT_WS({separator}, {', '.join(texts)})"
        if on_null == "empty":
            return joined, guards
        if on_null == "null":
            wanted = " AND ".join(f"{text} IS NOT NULL" for text in texts)
            return f"CASE WHEN {wanted} THEN {joined} END", guards
        return f"CASE WHEN COALESCE({', '.join(texts)}) IS NOT NULL THEN {joined} END", guards

    def keep(self, kept: Kept, expression: str) -> str:
        """A subquery would be merged, or written to a table of its own: it is said again."""
        return expression

    def doubted(self, first: Said, guards: Sequence[str], columns: Sequence[SourceColumn]) -> str:
        cells = ", ".join(f"IFNULL(HEX({self._wire_text(column)}), '-')" for column in columns)
        large = [self.column(column.name) for column in columns if column.kind in _LARGE_KINDS]
        sizes = " + ".join(["0", *(f"COALESCE(LENGTH({x}), 0)" for x in large)])
        room = (self.max_packet - _PACKED_BYTES_PER_COLUMN * len(columns)) // _PACKED_BYTES_PER_BYTE
        packed = f"CASE WHEN {sizes} <= {max(0, room)} THEN CONCAT_WS(',', {cells}) ELSE '!' END"
        return (
            f"CASE WHEN ({' AND '.join(guards)}) IS FALSE"
            f" THEN CONCAT({_MARK}, {packed}) ELSE {self._as_text(first)} END"
        )

    def _wire_text(self, column: SourceColumn) -> str:
        return self._as_text(self.unchanged(column, self.column(column.name)))

    def source_cells(self, packed: bytes) -> tuple[Cell, ...]:
        if packed == _TOO_LARGE:
            raise RowTooLarge("a row in doubt is larger than the source's packets")
        return tuple([None if cell == _NULL else bytes.fromhex(cell.decode()) for cell in packed.split(b",")])

    def select(self, values: Sequence[str], kept: Kept, query: str, where: str | None) -> str:
        condition = f" WHERE {where}" if where else ""
        return f"SELECT {', '.join(values)} FROM (\n{query}\n) AS q{condition}"

    def _as_text(self, said: Said) -> str:
        """Say a cell in the characters of our own texts: a column's may not hold what stands beside it."""
        if said.form == "text":
            return f"CONVERT({said.value} USING utf8mb4)"
        if said.form == "printed":
            return rf"CONCAT('\\x', LOWER(HEX({said.value})))"
        if said.form == "float" and not self.mariadb:
            # MySQL 9 prints 22 characters of a double that is cast to text, and all of its digits as JSON.
            return f"CAST(CAST({said.value} AS JSON) AS CHAR)"
        return f"CAST({said.value} AS CHAR)"
