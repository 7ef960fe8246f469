"""Split and join, over all lines of a block (see columns)."""

from collections.abc import Callable, Sequence

from shared.column_mappings.casts import ByClass, Cast
from shared.column_mappings.columns import (
    FAILED,
    NULL,
    CastColumn,
    Column,
    Doubtful,
    Facts,
    Remembered,
    escaped,
    of_one_class,
    places_of_failed,
)
from shared.column_mappings.join import Join
from shared.column_mappings.row_mapper import Cell, Cells
from shared.column_mappings.split import Split
from shared.errors import CastFailed
from shared.wire import escape_cell, unescape_cell

Shape = Callable[[Cells], Cells]


class TextColumn:
    """The text of a source column, NULL staying NULL."""

    def __init__(self, text: Cast) -> None:
        self._text = text
        self._remembered = Remembered(lambda cell: None if cell is None else text.convert(cell))

    def map_column(self, column: Column, facts: Facts, doubtful: Doubtful) -> Column:
        text, bare = self._text, column
        if isinstance(text.convert, ByClass):
            found = of_one_class(text.convert, column, facts)
            if found is None:
                return self._remembered.map_column(column, doubtful)
            text, bare = found
        return bare if text.identity else self._remembered.map_column(column, doubtful)


class SplitColumn:
    """One text cut into the cells of several fields, each with its cast."""

    def __init__(self, spec: Split, text: Cast, shape: Shape, casts: Sequence[CastColumn]) -> None:
        self._text = TextColumn(text)
        self._shape = shape
        self._casts = casts
        config, width = spec.config, len(casts)
        self._delimiter = config.delimiter.encode()
        self._cuts = width - 1 if config.on_extra == "keep_in_last" else width
        self._fills_up = config.on_missing == "null"
        self._one_by_one = config.regex or config.trim
        self._nulls = [NULL] * width

    def map_columns(self, columns: Sequence[Column], facts: Facts, doubtful: Doubtful) -> Sequence[Column]:
        texts = self._text.map_column(columns[0], facts, doubtful)
        parts = [self._shaped(text) for text in texts] if self._one_by_one else self._cut(texts, facts)
        shaped = list(zip(*parts, strict=True))
        doubtful.update(places_of_failed(shaped[0]))
        # A part that is missing is NULL, whatever the texts were.
        facts = facts._replace(escaped=True)
        return [
            cast.map_column(part, facts, doubtful) for cast, part in zip(self._casts, shaped, strict=True)
        ]

    def _cut(self, texts: Column, facts: Facts) -> list[list[bytes]]:
        """Cut in place: where no escape stands in a text, its escaped parts are its parts."""
        delimiter, cuts, width = self._delimiter, self._cuts, len(self._casts)
        parts = [text.split(delimiter, cuts) for text in texts]
        if facts.escaped:
            for place, text in enumerate(texts):
                if b"\\" in text:
                    parts[place] = self._shaped(text)
        for place, cut in enumerate(parts):
            if len(cut) == width:
                continue
            if len(cut) < width and self._fills_up:
                cut += self._nulls[len(cut) :]
            else:
                parts[place] = self._shaped(texts[place])
        return parts

    def _shaped(self, text: bytes) -> list[bytes]:
        if text == NULL:
            return self._nulls
        try:
            return [escaped(cell) for cell in self._shape([unescape_cell(text)])]
        except CastFailed:
            return [FAILED] * len(self._casts)


class JoinColumn:
    """Several texts joined into the cell of one field, with its cast."""

    def __init__(self, spec: Join, texts: Sequence[Cast], shape: Shape, cast: CastColumn) -> None:
        self._texts = [TextColumn(text) for text in texts]
        self._shape = shape
        self._cast = cast
        # The escaped text of a join is the join of its escaped texts.
        self._separator = escape_cell(spec.config.separator.encode())

    def map_columns(self, columns: Sequence[Column], facts: Facts, doubtful: Doubtful) -> Sequence[Column]:
        texts = [
            text.map_column(column, facts, doubtful)
            for text, column in zip(self._texts, columns, strict=True)
        ]
        join, rows = self._separator.join, zip(*texts, strict=True)
        if facts.escaped and any(NULL in text for text in texts):
            joined = [join(cells) if NULL not in cells else self._shaped(cells) for cells in rows]
        else:
            joined = list(map(join, rows))
        return [self._cast.map_column(joined, facts, doubtful)]

    def _shaped(self, texts: Sequence[bytes]) -> bytes:
        cells: list[Cell] = [unescape_cell(text) for text in texts]
        return escaped(self._shape(cells)[0])
