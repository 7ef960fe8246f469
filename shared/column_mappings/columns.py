"""One target field at a time, over all lines of a block: what the row mapper does, in a few passes in C.

Columns hold the escaped cells of a block's lines, as they stand there. A cell that cannot be mapped gives its
row to `doubtful`, and something that nobody reads in its place: such rows are mapped again by the row mapper.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from shared.column_mappings.cast_tables import Passes
from shared.column_mappings.casts import ByClass, Cast
from shared.column_mappings.numbers import LOOKED_AT, SPECIALS, Padding
from shared.column_mappings.texts import FittingText
from shared.errors import CastFailed
from shared.wire import escape_cell, unescape_cell

REMEMBERED_CELLS = 4096
REMEMBERED_BYTES = 64
NULL = b"\\N"
# Another object than any cell of a block, which is never compared but by identity.
FAILED = bytes(bytearray(NULL))

_FIRST_BYTE = itemgetter(0)

Cell = bytes | None
Column = Sequence[bytes]
Doubtful = set[int]


class Facts(NamedTuple):
    """What is known of all cells of a column without looking at them one by one."""

    escaped: bool  # there may be NULLs and escapes
    nul: bool  # there may be NUL characters
    utf8: bool  # all is UTF-8


def escaped(cell: Cell) -> bytes:
    """Return a cell as it stands in a line."""
    return NULL if cell is None else escape_cell(cell)


class Remembered(dict[bytes, bytes]):
    """Escaped cells and what they become; keeps some hundred kilobytes of those seen last."""

    def __init__(self, map_cell: Callable[[Cell], Cell]) -> None:
        super().__init__()
        self._map_cell = map_cell
        self._failed = False

    def __missing__(self, text: bytes) -> bytes:
        try:
            mapped = escaped(self._map_cell(unescape_cell(text)))
        except CastFailed:
            self._failed = True
            return FAILED
        if len(text) <= REMEMBERED_BYTES:
            if len(self) >= REMEMBERED_CELLS:
                self.clear()
            self[text] = mapped
        return mapped

    def map_column(self, column: Column, doubtful: Doubtful) -> Column:
        """Return what the cells become."""
        mapped = list(map(self.__getitem__, column))
        if self._failed:
            self._failed = False
            doubtful.update(places_of_failed(mapped))
        return mapped


def places_of_failed(column: Column) -> list[int]:
    return [place for place, cell in enumerate(column) if cell is FAILED]


class CastColumn:
    """The cast of one target field, its default and its refusal of NULL.

    `map_cell` is the row mapper's own; the quick ways below are taken where they give the same.
    """

    def __init__(
        self, cast: Cast, default: Cell, map_cell: Callable[[Cell], Cell], *, required: bool
    ) -> None:
        self._cast = cast
        self._default = None if default is None else escape_cell(default)
        self._required = required
        self._remembered = Remembered(map_cell)

    def map_column(self, column: Column, facts: Facts, doubtful: Doubtful) -> Column:
        cast, bare = self._cast, column
        if isinstance(cast.convert, ByClass):
            found = of_one_class(cast.convert, column, facts)
            if found is None:
                return self._remembered.map_column(column, doubtful)
            cast, bare = found
        if _is_unchanged(cast, bare, facts):
            return self._fill_null(bare, facts, doubtful)
        if isinstance(cast.convert, Padding) and self._default is None and SPECIALS.isdisjoint(bare):
            return self._fill_null(_padded(bare, cast.convert.zeros, facts), facts, doubtful)
        return self._remembered.map_column(column, doubtful)

    def _fill_null(self, column: Column, facts: Facts, doubtful: Doubtful) -> Column:
        if not facts.escaped or NULL not in column:
            return column
        default = self._default
        if default is not None:
            return [default if cell == NULL else cell for cell in column]
        if self._required:
            doubtful.update(place for place, cell in enumerate(column) if cell == NULL)
        return column


def _padded(column: Column, zeros: bytes, facts: Facts) -> Column:
    if facts.escaped and NULL in column:
        return [cell + zeros if cell != NULL else cell for cell in column]
    return [cell + zeros for cell in column]


def _is_unchanged(cast: Cast, column: Column, facts: Facts) -> bool:
    """Tell whether a cast leaves every cell of a column but NULL as it is, by what costs little to see."""
    if cast.passes is Passes.ALWAYS:
        return True
    if cast.passes is Passes.WITHOUT_NUL:
        return not facts.nul
    if cast.passes in (Passes.WITHOUT_SPECIALS, Passes.WITHOUT_ODD_NUMBERS):
        return LOOKED_AT.isdisjoint(column)
    if isinstance(cast.convert, FittingText):
        # An escape only makes a cell longer.
        return not facts.nul and max(map(len, column)) <= cast.convert.within
    return False


def of_one_class(by_class: ByClass, column: Column, facts: Facts) -> tuple[Cast, Column] | None:
    """Return the cast and the bare cells of a dynamic column whose values are all of one storage class."""
    firsts = set(map(_FIRST_BYTE, column))
    firsts.discard(NULL[0])  # every other cell begins with its letter
    if len(firsts) != 1:
        return None
    letter = bytes(firsts)
    if letter == b"t" and not facts.utf8:
        return None
    if facts.escaped and NULL in column:
        return by_class.casts[letter], [cell[1:] if cell != NULL else cell for cell in column]
    return by_class.casts[letter], [cell[1:] for cell in column]
