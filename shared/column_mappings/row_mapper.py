"""Column mappings compiled for one query, one schema and one target: source cells -> target cells, row by row.

Preview, plan and every gear of a run use this one meaning of a mapping.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.column_mappings import ColumnMappingSpec, Direct, Join, Split
from shared.column_mappings.casts import LEGAL_FORMS, Cast, CastSource, Function, compile_cast, text_of
from shared.column_mappings.split_regex import RegexDelimiter, check_regex
from shared.errors import CastFailed, InvalidMapping
from shared.types import Kind, SourceColumn, TargetField, TypeLimits

Cell = bytes | None

MESSAGES = {
    **LEGAL_FORMS,
    "null_in_required": "NULL in a required field",
    "null_in_key": "NULL in a key column",
    "too_many_parts": "the text has more parts than the split has fields",
    "missing_part": "the text has fewer parts than the split has fields",
    "too_long_for_regex": "the text is longer than a regular expression may cut",
}


@dataclass(frozen=True)
class CellError:
    """Why one target field of one row cannot be filled; no value in it."""

    target_field: str
    source_columns: tuple[str, ...]
    code: str
    message: str


@dataclass(frozen=True)
class MappedRow:
    """The target cells in the order of `RowMapper.fields`; a field with an error is None."""

    cells: tuple[Cell, ...]
    errors: tuple[CellError, ...]


@dataclass(frozen=True)
class Problem:
    """Something that keeps a mapping from running."""

    loc: tuple[str | int, ...]
    code: str
    message: str


class PartsError(Exception):
    """A split that does not come out even."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Filling:
    """How some target fields are filled.

    `raw` makes the uncast cells of all `positions` from the source cells at `sources`; `casts` has one cast a
    position. `default` stands in for NULL after the cast.
    """

    sources: tuple[int, ...]
    source_names: tuple[str, ...]
    positions: tuple[int, ...]
    raw: Callable[[Sequence[Cell]], Sequence[Cell]]
    casts: tuple[Cast, ...]
    default: Cell = None
    is_direct: bool = False


class RowMapper:
    """Maps rows of one source query to rows of one target."""

    def __init__(
        self, fields: tuple[TargetField, ...], fillings: tuple[Filling, ...], key_columns: Sequence[str]
    ) -> None:
        self.fields = fields
        self.fillings = fillings
        self.null_codes = tuple(_null_code(field, key_columns) for field in fields)
        self.identity, self.reason_not_identity = _identity_of(fields, fillings, self.null_codes)

    def map_row(self, cells: Sequence[Cell]) -> MappedRow:
        """Map one row, collecting every error of it."""
        mapped: list[Cell] = [None] * len(self.fields)
        errors: list[CellError] = []
        for filling in self.fillings:
            self._fill(filling, cells, mapped, errors)
        return MappedRow(tuple(mapped), tuple(errors))

    def _fill(
        self, filling: Filling, cells: Sequence[Cell], mapped: list[Cell], errors: list[CellError]
    ) -> None:
        try:
            raw = filling.raw([cells[index] for index in filling.sources])
        except (CastFailed, PartsError) as error:
            errors.extend(self._error(filling, position, error.code) for position in filling.positions)
            return
        for position, cast, cell in zip(filling.positions, filling.casts, raw, strict=True):
            try:
                value = filling.default if cell is None else cast.function(cell)
            except CastFailed as error:
                errors.append(self._error(filling, position, error.code))
                continue
            null_code = self.null_codes[position]
            if value is None and null_code is not None:
                errors.append(self._error(filling, position, null_code))
            mapped[position] = value

    def _error(self, filling: Filling, position: int, code: str) -> CellError:
        return CellError(self.fields[position].name, filling.source_names, code, MESSAGES[code])


def _null_code(field: TargetField, key_columns: Sequence[str]) -> str | None:
    if field.name in key_columns:
        return "null_in_key"
    return None if field.nullable else "null_in_required"


def _identity_of(
    fields: tuple[TargetField, ...], fillings: tuple[Filling, ...], null_codes: tuple[str | None, ...]
) -> tuple[tuple[int, ...] | None, str]:
    indexes: dict[int, int] = {}
    for filling in fillings:
        name = fields[filling.positions[0]].name
        if not filling.is_direct:
            return None, f"field {name!r} is not filled directly"
        if filling.default is not None:
            return None, f"field {name!r} has a default for NULL"
        if null_codes[filling.positions[0]] is not None:
            return None, f"field {name!r} must not be NULL, which is checked row by row"
        if not filling.casts[0].identity:
            return None, f"field {name!r}: {filling.casts[0].reason}"
        indexes[filling.positions[0]] = filling.sources[0]
    return tuple(indexes[position] for position in range(len(fields))), ""


# -- compiling -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Compiler:
    columns: dict[str, tuple[int, SourceColumn]]
    positions: dict[str, int]
    fields: tuple[TargetField, ...]
    limits: TypeLimits
    zone: str
    may_hold_nul: bool

    def filling(self, spec: ColumnMappingSpec) -> Filling:
        indexes = tuple(self.columns[name][0] for name in spec.source_columns)
        positions = tuple(self.positions[name] for name in spec.target_fields)
        if isinstance(spec, Direct):
            return self._direct(spec, indexes, positions)
        cast = tuple(self._text_cast(self.fields[position]) for position in positions)
        texts = [text_of(self.columns[name][1].kind) for name in spec.source_columns]
        raw = _split(spec, texts[0]) if isinstance(spec, Split) else _join(spec, texts)
        return Filling(indexes, spec.source_columns, positions, raw, cast)

    def _direct(self, spec: Direct, indexes: tuple[int, ...], positions: tuple[int, ...]) -> Filling:
        field = self.fields[positions[0]]
        column = self.columns[spec.source_columns[0]][1]
        source = CastSource(
            column.kind, column.unsigned, self.may_hold_nul, column.length, column.precision, column.scale
        )
        cast = compile_cast(source, field, spec.config.cast, self.limits, self.zone)
        return Filling(
            indexes, spec.source_columns, positions, lambda cells: cells, (cast,), self._default(spec, field), True
        )

    def _default(self, spec: Direct, field: TargetField) -> Cell:
        default = spec.config.default
        if default is None:
            return None
        text = str(default).lower() if isinstance(default, bool) else str(default)
        try:
            return self._text_cast(field).function(text.encode())
        except CastFailed as error:
            raise InvalidMapping(
                f"the default of field {field.name!r} does not fit it: {error.message}", loc=("config", "default")
            ) from None

    def _text_cast(self, field: TargetField) -> Cast:
        return compile_cast(CastSource(Kind.STRING), field, "strict", self.limits, self.zone)


def compile_row_mapper(
    source_columns: Sequence[SourceColumn],
    fields: Sequence[TargetField],
    specs: Sequence[ColumnMappingSpec],
    *,
    limits: TypeLimits,
    key_columns: Sequence[str],
    session_time_zone: str = "UTC",
    source_text_may_hold_nul: bool = True,
) -> RowMapper:
    """Compile column mappings; without any, every field comes from the column of the same name.

    Raises InvalidMapping with the place of the first problem (`find_problems` lists them all).
    """
    names = [column.name for column in source_columns]
    for problem in find_problems(specs, fields, names):
        raise InvalidMapping(problem.message, code=problem.code, loc=problem.loc)
    used = list(specs) or [_same_name(field) for field in fields]
    filled = {name for spec in used for name in spec.target_fields}
    kept = tuple(field for field in fields if field.name in filled)
    compiler = _Compiler(
        columns={column.name: (index, column) for index, column in enumerate(source_columns)},
        positions={field.name: position for position, field in enumerate(kept)},
        fields=kept,
        limits=limits,
        zone=session_time_zone,
        may_hold_nul=source_text_may_hold_nul,
    )
    fillings = []
    for index, spec in enumerate(used):
        try:
            fillings.append(compiler.filling(spec))
        except InvalidMapping as error:
            raise InvalidMapping(error.message, loc=("column_mappings", index, *error.loc)) from None
    return RowMapper(kept, tuple(fillings), key_columns)


def _same_name(field: TargetField) -> Direct:
    return Direct(source_columns=(field.name,), target_fields=(field.name,))


def find_problems(
    specs: Sequence[ColumnMappingSpec],
    fields: Sequence[TargetField],
    source_names: Sequence[str] | None,
) -> list[Problem]:
    """List what keeps the mappings from running; without source names only the target side is looked at."""
    problems: list[Problem] = []
    by_name = {field.name for field in fields}
    filled: set[str] = set()
    for index, spec in enumerate(specs):
        problems += _unknown_columns(index, spec, source_names)
        for number, name in enumerate(spec.target_fields):
            loc = ("column_mappings", index, "target_fields", number)
            if name not in by_name:
                legal = ", ".join(field.name for field in fields)
                problems.append(
                    Problem(loc, "unknown_target_field", f"the schema has no field {name!r}; it has: {legal}")
                )
            elif name in filled:
                problems.append(Problem(loc, "field_filled_twice", f"field {name!r} is filled twice"))
            filled.add(name)
    if specs:
        return problems + _unfilled(fields, filled)
    return problems + _missing_same_names(fields, source_names)


def _unknown_columns(
    index: int, spec: ColumnMappingSpec, source_names: Sequence[str] | None
) -> list[Problem]:
    if source_names is None:
        return []
    return [
        Problem(
            ("column_mappings", index, "source_columns", number),
            "unknown_source_column",
            f"the query has no column {name!r}; it has: {', '.join(source_names)}",
        )
        for number, name in enumerate(spec.source_columns)
        if name not in source_names
    ]


def _unfilled(fields: Sequence[TargetField], filled: set[str]) -> list[Problem]:
    return [
        Problem(("column_mappings",), "required_field_unfilled", f"required field {field.name!r} is not filled")
        for field in fields
        if field.name not in filled and (not field.nullable or field.primary_key)
    ]


def _missing_same_names(fields: Sequence[TargetField], source_names: Sequence[str] | None) -> list[Problem]:
    if source_names is None:
        return []
    return [
        Problem(
            ("source_query",),
            "missing_source_column",
            f"the query has no column {field.name!r} for the field of that name; it has: {', '.join(source_names)}",
        )
        for field in fields
        if field.name not in source_names
    ]


# -- split and join --------------------------------------------------------------------------------


def _split(spec: Split, text: Function) -> Callable[[Sequence[Cell]], Sequence[Cell]]:
    width = len(spec.target_fields)
    config = spec.config
    cut = _cutter(spec, width)

    def split(cells: Sequence[Cell]) -> Sequence[Cell]:
        cell = cells[0]
        if cell is None:
            return [None] * width
        parts: list[Cell] = list(cut(text(cell)))
        if len(parts) > width:
            if config.on_extra == "error":
                raise PartsError("too_many_parts")
            del parts[width:]
        elif len(parts) < width:
            if config.on_missing == "error":
                raise PartsError("missing_part")
            parts += [None] * (width - len(parts))
        return [part.strip(b" ") if part is not None else None for part in parts] if config.trim else parts

    return split


def _cutter(spec: Split, width: int) -> Callable[[bytes], list[bytes]]:
    """Cut at every delimiter, or, where the remainder stays whole, at the first width - 1."""
    config = spec.config
    cuts = width - 1 if config.on_extra == "keep_in_last" else -1
    if config.regex:
        return _regex_cutter(check_regex(config.delimiter), max(cuts, 0))
    delimiter = config.delimiter.encode()
    return lambda text: text.split(delimiter, cuts)


def _regex_cutter(delimiter: RegexDelimiter, cuts: int) -> Callable[[bytes], list[bytes]]:
    def cut(text: bytes) -> list[bytes]:
        try:
            characters = text.decode()
        except UnicodeDecodeError:
            raise PartsError("invalid_utf8") from None
        if len(characters) > delimiter.max_characters:
            raise PartsError("too_long_for_regex")
        return [part.encode() for part in _parts(delimiter, characters, cuts)]

    return cut


def _parts(delimiter: RegexDelimiter, text: str, cuts: int) -> list[str]:
    """Like re.split, but groups of the pattern add no parts."""
    parts, start = [], 0
    for number, found in enumerate(delimiter.pattern.finditer(text), start=1):
        parts.append(text[start : found.start()])
        start = found.end()
        if number == cuts:
            break
    return [*parts, text[start:]]


def _join(spec: Join, texts: Sequence[Function]) -> Callable[[Sequence[Cell]], Sequence[Cell]]:
    separator, on_null = spec.config.separator.encode(), spec.config.on_null

    def join(cells: Sequence[Cell]) -> Sequence[Cell]:
        if all(cell is None for cell in cells) or (on_null == "null" and any(cell is None for cell in cells)):
            return [None]
        parts = [None if cell is None else text(cell) for text, cell in zip(texts, cells, strict=True)]
        if on_null == "empty":
            return [separator.join([part or b"" for part in parts])]
        return [separator.join([part for part in parts if part is not None])]

    return join
