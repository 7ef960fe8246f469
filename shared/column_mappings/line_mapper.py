"""The line mapper: blocks of source lines to blocks of target lines, by the row mapper's own meaning.

A function is generated from the compiled mapping: cells that pass unchanged stay escaped as they are, all
others are unescaped only where they hold a backslash, and casts of repeated values are remembered. A row in
which anything goes wrong is mapped again by `RowMapper.map_row`, so that both give the same answer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.column_mappings.row_mapper import Cell, CellError, Filling, PartsError, RowMapper
from shared.errors import CastFailed
from shared.wire import escape_cell, join_line, split_line, unescape_cell

REMEMBERED_CELLS = 8192
NULL = b"\\N"

LineFunction = Callable[[bytes], bytes]


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


class _Unmapped(Exception):  # noqa: N818 - a signal within this module
    """The quick way ends: the row mapper decides."""


class LineMapper:
    def __init__(self, row_mapper: RowMapper, quick: LineFunction) -> None:
        self._row_mapper = row_mapper
        self._quick = quick

    def map_block(self, block: bytes) -> MappedBlock:
        """Map whole lines."""
        lines = block.split(b"\n")
        lines.pop()
        quick = self._quick
        mapped: list[bytes] = []
        rejected: list[RejectedLine] = []
        for number, line in enumerate(lines, start=1):
            try:
                mapped.append(quick(line))
            except (CastFailed, PartsError, _Unmapped):
                self._map_slowly(number, line, mapped, rejected)
        data = b"\n".join(mapped) + b"\n" if mapped else b""
        return MappedBlock(data, len(lines), len(mapped), rejected)

    def _map_slowly(self, number: int, line: bytes, mapped: list[bytes], rejected: list[RejectedLine]) -> None:
        cells = split_line(line)
        row = self._row_mapper.map_row(cells)
        if row.errors:
            rejected.append(RejectedLine(number, cells, row.errors))
        else:
            mapped.append(join_line(row.cells)[:-1])


def compile_line_mapper(row_mapper: RowMapper) -> LineMapper:
    """Generate the quick function of a compiled mapping. The source holds our own words and numbers only."""
    names: dict[str, object] = {"unmapped": _Unmapped}
    body = ["def quick(line):", "    c = line.split(b'\\t')"]
    outputs = [""] * len(row_mapper.fields)
    for number, filling in enumerate(row_mapper.fillings):
        _add_filling(number, filling, row_mapper, names, body, outputs)
    body.append(f"    return b'\\t'.join(({', '.join(outputs)},))")
    scope: dict[str, LineFunction] = {}
    exec(compile("\n".join(body), "<line mapper>", "exec"), names, scope)  # noqa: S102 - see the docstring
    return LineMapper(row_mapper, scope["quick"])


def _add_filling(
    number: int,
    filling: Filling,
    row_mapper: RowMapper,
    names: dict[str, object],
    body: list[str],
    outputs: list[str],
) -> None:
    if filling.is_direct:
        _add_direct(number, filling, row_mapper, names, body, outputs)
        return
    names[f"many{number}"] = _many(filling, tuple(row_mapper.null_codes[position] for position in filling.positions))
    cells = ", ".join(f"c[{index}]" for index in filling.sources)
    targets = ", ".join(f"m{number}_{place}" for place in range(len(filling.positions)))
    body.append(f"    {targets}, = many{number}({cells})")
    for place, position in enumerate(filling.positions):
        outputs[position] = f"m{number}_{place}"


def _add_direct(
    number: int,
    filling: Filling,
    row_mapper: RowMapper,
    names: dict[str, object],
    body: list[str],
    outputs: list[str],
) -> None:
    position, index = filling.positions[0], filling.sources[0]
    required = row_mapper.null_codes[position] is not None
    if filling.casts[0].identity and filling.default is None and not required:
        outputs[position] = f"c[{index}]"
        return
    names[f"seen{number}"] = seen = {}
    names[f"one{number}"] = _one(filling, seen, required=required)
    body += [
        f"    t = c[{index}]",
        f"    d{number} = seen{number}.get(t)",
        f"    if d{number} is None: d{number} = one{number}(t)",
    ]
    outputs[position] = f"d{number}"


def _one(filling: Filling, seen: dict[bytes, bytes], *, required: bool) -> LineFunction:
    """Map one escaped cell, remembering the answer while there is room."""
    cast, default = filling.casts[0].function, filling.default

    def one(text: bytes) -> bytes:
        cell = unescape_cell(text) if b"\\" in text else text
        value = default if cell is None else cast(cell)
        if value is None and required:
            raise _Unmapped
        mapped = NULL if value is None else escape_cell(value)
        if len(seen) >= REMEMBERED_CELLS:
            seen.clear()
        if len(text) <= 64:
            seen[text] = mapped
        return mapped

    return one


def _many(filling: Filling, null_codes: tuple[str | None, ...]) -> Callable[..., list[bytes]]:
    """Map the escaped cells of a split or a join to the escaped cells of its fields."""
    raw, casts = filling.raw, [cast.function for cast in filling.casts]
    plans = list(zip(casts, null_codes, strict=True))

    def many(*texts: bytes) -> list[bytes]:
        cells = [unescape_cell(text) if b"\\" in text else text for text in texts]
        mapped = []
        for cell, (cast, null_code) in zip(raw(cells), plans, strict=True):
            if cell is None:
                if null_code is not None:
                    raise _Unmapped
                mapped.append(NULL)
            else:
                mapped.append(escape_cell(cast(cell)))
        return mapped

    return many
