"""The line mapper: blocks of source lines to blocks of target lines, by the row mapper's own meaning.

A function is generated from the compiled mapping. Cells that pass unchanged stay escaped as they are, all
others are unescaped only where they hold a backslash, and the casts of repeated cells are remembered. A
line in which anything goes wrong is mapped again by `RowMapper.map_row`, so that both give the same answer.
The generated source holds nothing but our own words and numbers: values of the user are bound to names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.column_mappings import Direct, Join, Split
from shared.column_mappings.cast_tables import Passes
from shared.column_mappings.casts import Cast
from shared.column_mappings.numbers import LOOKED_AT
from shared.column_mappings.row_mapper import Cell, CellError, Filling, RowMapper
from shared.errors import CastFailed
from shared.wire import escape_cell, join_line, split_line, unescape_cell

REMEMBERED_CELLS = 4096
REMEMBERED_BYTES = 64
NULL = b"\\N"


@dataclass(frozen=True)
class RejectedLine:
    """A line that cannot be mapped; `line_number` counts from 1 within its block."""

    line_number: int
    source_cells: tuple[Cell, ...]
    errors: tuple[CellError, ...]


@dataclass(frozen=True)
class MappedBlock:
    """`rows_read` lines came in, `rows_mapped` go out in `data`, the others are in `rejected`."""

    data: bytes
    rows_read: int
    rows_mapped: int
    rejected: list[RejectedLine]


class MapLines(Protocol):
    """The generated function: gives each mapped line to `add`, and each that fails to `again`."""

    def __call__(
        self, lines: Sequence[bytes], add: Callable[[bytes], None], again: Callable[[int, bytes], None]
    ) -> None: ...


class LineMapper:
    """Maps blocks of whole COPY text lines (see shared.types)."""

    def __init__(self, row_mapper: RowMapper, map_lines: MapLines, map_lines_with_nul: MapLines) -> None:
        self._row_mapper = row_mapper
        self._map_lines = map_lines
        self._map_lines_with_nul = map_lines_with_nul

    def map_block(self, block: bytes) -> MappedBlock:
        """Map whole lines; those with errors are rejected with all of their errors."""
        lines = block.split(b"\n")
        lines.pop()
        mapped: list[bytes] = []
        rejected: list[RejectedLine] = []

        def again(number: int, line: bytes) -> None:
            cells = split_line(line)
            row = self._row_mapper.map_row(cells)
            if row.errors:
                rejected.append(RejectedLine(number, cells, row.errors))
            else:
                mapped.append(join_line(row.cells)[:-1])

        map_lines = self._map_lines_with_nul if b"\0" in block else self._map_lines
        map_lines(lines, mapped.append, again)
        data = b"\n".join(mapped) + b"\n" if mapped else b""
        return MappedBlock(data, len(lines), len(mapped), rejected)


def compile_line_mapper(row_mapper: RowMapper) -> LineMapper:
    """Generate the functions of a compiled mapping; a block without NUL needs no look for it cell by cell."""
    return LineMapper(
        row_mapper,
        _Generator(row_mapper, Passes.WITHOUT_NUL).generate(),
        _Generator(row_mapper, Passes.ALWAYS).generate(),
    )


class _Remembered(dict[bytes, bytes]):
    """Escaped cells and what they become; keeps the first short ones, so that its size stays bounded."""

    def __init__(self, map_cell: Callable[[Cell], Cell]) -> None:
        super().__init__()
        self._map_cell = map_cell

    def __missing__(self, text: bytes) -> bytes:
        mapped = _escaped(self._map_cell(unescape_cell(text)))
        if len(self) < REMEMBERED_CELLS and len(text) <= REMEMBERED_BYTES:
            self[text] = mapped
        return mapped


def _escaped(cell: Cell) -> bytes:
    return NULL if cell is None else escape_cell(cell)


class _Generator:
    """Writes the function, field by field: a quick way for lines without a backslash, and one for the others.

    In lines without a backslash there is neither NULL nor an escape, so that a cell is its own text.
    `free` is what a cast must pass for its cells to need no look at all.
    """

    def __init__(self, row_mapper: RowMapper, free: Passes) -> None:
        self._row_mapper = row_mapper
        self._free = free
        self._names: dict[str, object] = {"CastFailed": CastFailed, "NULL": NULL, "LOOKED_AT": LOOKED_AT}
        self._quick: list[str] = []
        self._careful: list[str] = []

    def generate(self) -> MapLines:
        for number, filling in enumerate(self._row_mapper.fillings):
            self._add(number, filling)
        outputs = ", ".join(f"out{position}" for position in range(len(self._row_mapper.fields)))
        source = "\n".join(self._lines(outputs))
        scope: dict[str, MapLines] = {}
        exec(compile(source, "<line mapper>", "exec"), self._names, scope)  # noqa: S102 - see the module
        return scope["map_lines"]

    def _lines(self, outputs: str) -> list[str]:
        cells = ", ".join(f"in{place}" for place in range(self._row_mapper.source_width))
        return [
            "def map_lines(lines, add, again):",
            "    number = 0",
            "    for line in lines:",
            "        number += 1",
            f"        {cells}, = line.split(b'\\t')",
            "        try:",
            "            if b'\\\\' in line:",
            *(f"                {line}" for line in self._careful),
            "            else:",
            *(f"                {line}" for line in self._quick),
            "        except CastFailed:",
            "            again(number, line)",
            "        else:",
            f"            add(b'\\t'.join(({outputs},)))",
        ]

    def _add(self, number: int, filling: Filling) -> None:
        if isinstance(filling.spec, Direct):
            self._add_direct(number, filling)
            return
        self._names[f"shape{number}"] = self._shape_and_cast(filling)
        cells = ", ".join(f"in{place}" for place in filling.sources)
        outputs = ", ".join(f"out{position}" for position in filling.positions)
        general = f"{outputs}, = shape{number}({cells})"
        self._careful.append(general)
        quick = (
            self._quick_split(number, filling, general)
            if isinstance(filling.spec, Split)
            else self._quick_join(number, filling)
        )
        self._quick += quick or [general]

    def _is_free(self, cast: Cast) -> bool:
        return cast.passes >= self._free

    def _add_direct(self, number: int, filling: Filling) -> None:
        place, position = filling.sources[0], filling.positions[0]
        free_but_specials = filling.casts[0].passes is Passes.WITHOUT_SPECIALS
        if not self._is_free(filling.casts[0]) and not free_but_specials:
            self._remember(f"seen{number}", filling, 0)
            self._quick.append(f"out{position} = seen{number}[in{place}]")
            self._careful.append(f"out{position} = seen{number}[in{place}]")
            return
        same = [f"out{position} = in{place}"]
        if free_but_specials:
            same.append(f"if in{place} in LOOKED_AT: again(number, line); continue")
        self._quick += same
        self._careful += same
        self._careful += self._null_of_free(number, filling, position)

    def _null_of_free(self, number: int, filling: Filling, position: int) -> list[str]:
        null_code = self._row_mapper.null_codes[position]
        if filling.default is not None:
            self._names[f"default{number}"] = escape_cell(filling.default)
            return [f"if out{position} == NULL: out{position} = default{number}"]
        if null_code is None:
            return []
        return [f"if out{position} == NULL: again(number, line); continue"]

    def _remember(self, name: str, filling: Filling, part: int) -> None:
        cast_cell, position, cast = self._row_mapper.cast_cell, filling.positions[part], filling.casts[part]
        self._names[name] = _Remembered(lambda cell: cast_cell(filling, position, cast, cell))

    def _shape_and_cast(self, filling: Filling) -> Callable[..., list[bytes]]:
        """Return the function from a split's or join's escaped cells to the escaped cells of its fields."""
        cast_cell = self._row_mapper.cast_cell
        targets = list(zip(filling.positions, filling.casts, strict=True))

        def shape(*fields: bytes) -> list[bytes]:
            cells = [unescape_cell(field) for field in fields]
            texts = [
                None if cell is None else text.convert(cell)
                for text, cell in zip(filling.texts, cells, strict=True)
            ]
            return [
                _escaped(cast_cell(filling, position, cast, cell))
                for (position, cast), cell in zip(targets, filling.shape(texts), strict=True)
            ]

        return shape

    def _quick_split(self, number: int, filling: Filling, general: str) -> list[str]:
        """Cut in place where the text is the cell itself and as many parts come out as there are fields."""
        spec = filling.spec
        if (
            not isinstance(spec, Split)
            or spec.config.regex
            or spec.config.trim
            or not filling.texts[0].identity
        ):
            return []
        width = len(filling.positions)
        self._names[f"delimiter{number}"] = spec.config.delimiter.encode()
        cuts = f", {width - 1}" if spec.config.on_extra == "keep_in_last" else ""
        enough = ">=" if spec.config.on_extra == "drop" else "=="
        lines = [
            f"parts = in{filling.sources[0]}.split(delimiter{number}{cuts})",
            f"if len(parts) {enough} {width}:",
        ]
        for part, (position, cast) in enumerate(zip(filling.positions, filling.casts, strict=True)):
            if self._is_free(cast):
                lines.append(f"    out{position} = parts[{part}]")
                continue
            self._remember(f"seen{number}_{part}", filling, part)
            lines.append(f"    out{position} = seen{number}_{part}[parts[{part}]]")
        return [*lines, "else:", f"    {general}"]

    def _quick_join(self, number: int, filling: Filling) -> list[str]:
        """Join in place where the joined text, with its separator escaped, is the field's cell itself."""
        spec = filling.spec
        if not isinstance(spec, Join) or not self._is_free(filling.casts[0]):
            return []
        self._names[f"separator{number}"] = escape_cell(spec.config.separator.encode())
        texts = [
            self._text(number, place, text)
            for place, text in zip(filling.sources, filling.texts, strict=True)
        ]
        return [f"out{filling.positions[0]} = separator{number}.join(({', '.join(texts)}))"]

    def _text(self, number: int, place: int, text: Cast) -> str:
        if text.identity:
            return f"in{place}"
        convert = text.convert
        self._names[f"text{number}_{place}"] = _Remembered(
            lambda cell: None if cell is None else convert(cell)
        )
        return f"text{number}_{place}[in{place}]"
