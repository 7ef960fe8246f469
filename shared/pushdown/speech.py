"""What the compiler asks of a source database: how it says a text, a guard, a split, a join."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.column_mappings import Join, Split
from shared.column_mappings.cast_tables import CastRequest
from shared.types import SourceColumn

Cell = bytes | None

# The first character of the first cell of a row in doubt. No text of a number, an instant or a boolean begins
# with it; a text that does is in doubt itself.
MARK = b"\x01"


class CannotSay(Exception):
    """SQL of this source cannot say something exactly; the text is the reason that a plan shows."""


@dataclass(frozen=True)
class Said:
    """One target cell in SQL.

    `value` prints as the cell's wire text. `guards` are false where the cell is in doubt, and NULL only where
    it is NULL. `form`: "text" is a text already, "cast" becomes its wire text by a cast, "printed" does
    only where the database prints it, and "float" is a double, which a cast may print with fewer digits.
    """

    value: str
    guards: tuple[str, ...] = ()
    form: Literal["text", "cast", "printed", "float"] = "text"


@dataclass
class Kept:
    """Expressions that are evaluated once a row, below the SELECT that uses them several times."""

    taken_names: frozenset[str] = frozenset()
    expressions: dict[str, str] = field(default_factory=dict)

    def name_for(self, expression: str) -> str:
        """Return the name of an expression, the same one for the same expression."""
        if expression not in self.expressions:
            name = f"etl_engine_{len(self.expressions) + 1}"
            while name in self.taken_names:
                name += "_"
            self.expressions[expression] = name
        return self.expressions[expression]


class Speech(Protocol):
    """The SQL of one kind of source. All texts compare byte by byte, whatever the columns' collations.

    A column `x` is an expression of ours, such as q."name"; a text `t` is an expression of a text type.
    Methods that cannot be exact raise CannotSay.
    """

    def column(self, name: str) -> str: ...

    def literal(self, text: str) -> str: ...

    def unchanged(self, column: SourceColumn, x: str) -> Said:
        """Say a cell as `Dialect.wire_select` does."""
        ...

    def text_of(self, column: SourceColumn, x: str) -> str:
        """Say the text of a value (docs/column_mappings.md)."""
        ...

    def cast(self, request: CastRequest, x: str) -> Said:
        """Say the cast of a column that is no text."""
        ...

    def matches(self, t: str, pattern: str) -> str:
        """Say that the whole of a text matches: bracket expressions, groups, alternatives, bounds up to 255."""
        ...

    def characters(self, t: str) -> str: ...

    def bytes_in(self, t: str) -> str: ...

    def first_characters(self, t: str, count: int) -> str: ...

    def is_one_of(self, t: str, words: Sequence[str]) -> str:
        """Say that a text is one of some words, byte for byte."""
        ...

    def lower(self, t: str) -> str:
        """Say a text with its ASCII letters in lower case; what becomes of others does not matter."""
        ...

    def clock_of(self, t: str) -> str:
        """Say a text of an instant with a space for its T and without its Z."""
        ...

    def joined(self, texts: Sequence[str]) -> str:
        """Say texts one after the other; NULL where any is NULL."""
        ...

    def unmarked(self, first: Said) -> str:
        """Say that a cell's text does not begin with MARK."""
        ...

    def without_nul(self, t: str) -> str:
        """Say that a text holds no NUL character."""
        ...

    def or_default(self, said: Said, default: str) -> Said:
        """Say a cell, and the default's wire text for NULL."""
        ...

    def split(self, spec: Split, t: str, kept: Kept) -> tuple[list[str], tuple[str, ...]]:
        """Say the parts of a text as texts, those that are missing NULL, and the guards of their number."""
        ...

    def join(self, spec: Join, texts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """Say a join of texts, and what guards its making. A guard must not be NULL."""
        ...

    def keep(self, kept: Kept, expression: str) -> str:
        """Return what stands for an expression that is used several times."""
        ...

    def doubted(self, first: Said, guards: Sequence[str], columns: Sequence[SourceColumn]) -> str:
        """Say the first cell of a row: that of the target, or MARK and all source cells where a guard is false."""
        ...

    def source_cells(self, packed: bytes) -> tuple[Cell, ...]:
        """Return the source cells that `doubted` has put behind the MARK."""
        ...

    def select(self, values: Sequence[str], kept: Kept, query: str, where: str | None) -> str:
        """Return the whole SELECT; `where` is SQL of ours over the query's columns as q."name"."""
        ...
