"""Column mappings compiled for one query, one schema and one target: source cells to target cells, row by row.

Preview, plan and every gear of a run use this one meaning of a mapping.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.column_mappings import ColumnMappingSpec, Direct, Join, Split
from shared.column_mappings.cast_errors import LEGAL_FORMS
from shared.column_mappings.cast_tables import Passes
from shared.column_mappings.casts import TEXT_PART, Cast, compile_cast, compile_text
from shared.column_mappings.join import compile_join
from shared.column_mappings.problems import Problem, find_problems
from shared.column_mappings.split import compile_split
from shared.errors import CastFailed, InvalidMapping
from shared.types import Kind, SourceColumn, TargetField, TypeLimits

__all__ = ["CellError", "MappedRow", "Problem", "RowMapper", "compile_row_mapper", "find_problems"]

Cell = bytes | None
Cells = Sequence[Cell]


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
class Filling:
    """One column mapping, compiled.

    `sources` are the places of its columns in the source row, `positions` those of its fields in the target
    row. `texts` (of split and join) makes texts of the source cells, `shape` makes as many cells of them as
    there are fields, `casts` casts these. `default` is the cell that stands in for NULL.
    """

    spec: ColumnMappingSpec
    sources: tuple[int, ...]
    positions: tuple[int, ...]
    texts: tuple[Cast, ...]
    shape: Callable[[Cells], Cells]
    casts: tuple[Cast, ...]
    default: Cell = None


class RowMapper:
    """Maps rows of one source query to rows of one target.

    `identity`: when every value passes unchanged, the source place of each field; else None, and
    `reason_not_identity` says which field and why. `identity_when_taken` is the same for the values that
    the target does not refuse by itself: a load that passes rows through then fails rather than change one.
    """

    def __init__(
        self,
        source_width: int,
        fields: tuple[TargetField, ...],
        fillings: tuple[Filling, ...],
        key_columns: Sequence[str],
        limits: TypeLimits,
    ) -> None:
        self.source_width = source_width
        self.fields = fields
        self.fillings = fillings
        self._key_columns = key_columns
        self._limits = limits
        self.null_codes = tuple(_null_code(field, key_columns) for field in fields)
        self.reason_not_identity = self._reason(taken=False)
        self.identity = None if self.reason_not_identity else self._sources()
        reason_when_taken = self._reason(taken=limits.refuses_misfits)
        self.identity_when_taken = None if reason_when_taken else self._sources()

    def into(self, fields: tuple[TargetField, ...]) -> "RowMapper":
        """Return the mapper into the same fields, of which more may be required: their columns take no NULL."""
        return RowMapper(self.source_width, fields, self.fillings, self._key_columns, self._limits)

    def map_row(self, cells: Cells) -> MappedRow:
        """Map one row, collecting every error of it."""
        mapped: list[Cell] = [None] * len(self.fields)
        errors: list[CellError] = []
        for filling in self.fillings:
            try:
                shaped = shape_cells(filling, cells)
            except CastFailed as error:
                field = error.column or filling.spec.target_fields[0]
                errors.append(CellError(field, filling.spec.source_columns, error.code, error.message))
                continue
            self._cast(filling, shaped, mapped, errors)
        return MappedRow(tuple(mapped), tuple(errors))

    def _cast(self, filling: Filling, shaped: Cells, mapped: list[Cell], errors: list[CellError]) -> None:
        for position, cast, cell in zip(filling.positions, filling.casts, shaped, strict=True):
            try:
                mapped[position] = self.cast_cell(filling, position, cast, cell)
            except CastFailed as error:
                name = self.fields[position].name
                errors.append(CellError(name, filling.spec.source_columns, error.code, error.message))

    def cast_cell(self, filling: Filling, position: int, cast: Cast, cell: Cell) -> Cell:
        """Return one field's cell. Raises CastFailed, also for NULL where there must be none."""
        value = filling.default if cell is None else cast.convert(cell)
        null_code = self.null_codes[position]
        if value is None and null_code is not None:
            raise CastFailed(LEGAL_FORMS[null_code], code=null_code)
        return value

    def _sources(self) -> tuple[int, ...]:
        places = {filling.positions[0]: filling.sources[0] for filling in self.fillings}
        return tuple(places[position] for position in range(len(self.fields)))

    def _reason(self, *, taken: bool) -> str:
        """Return why not every value (or, `taken`, every one the target takes) passes unchanged; or nothing."""
        for filling in self.fillings:
            position = filling.positions[0]
            name = self.fields[position].name
            if not isinstance(filling.spec, Direct):
                return f"field {name!r} is filled by a {filling.spec.type}"
            if filling.default is not None:
                return f"field {name!r} has a default for NULL"
            if self.null_codes[position] is not None and not taken:
                return f"field {name!r} must not be NULL, which is checked row by row"
            passes = filling.casts[0].passes
            if passes is not Passes.ALWAYS and not (taken and passes >= Passes.WHEN_TAKEN):
                return f"field {name!r}: {_REASONS[passes]}"
        return ""


_REASONS = {
    Passes.NOT_ALL: "its values are cast, or checked, one by one",
    Passes.WITHOUT_ODD_NUMBERS: "its numbers are checked for -0, which the target would take for 0",
    Passes.WHEN_TAKEN: "its values are checked for those that the target cannot hold",
    Passes.WITHOUT_SPECIALS: "its numbers are checked for NaN, infinities and -0, which the target may not hold",
    Passes.WITHOUT_NUL: "its texts are checked for the NUL character, which the target cannot hold",
}


def shape_cells(filling: Filling, cells: Cells) -> Cells:
    """Return the uncast cells of a filling's fields from a source row. Raises CastFailed."""
    own = [cells[place] for place in filling.sources]
    if filling.texts:
        own = [
            None if cell is None else text.convert(cell)
            for text, cell in zip(filling.texts, own, strict=True)
        ]
    return filling.shape(own)


def _null_code(field: TargetField, key_columns: Sequence[str]) -> str | None:
    if field.name in key_columns:
        return "null_in_key"
    return None if field.nullable else "null_in_required"


# -- compiling -----------------------------------------------------------------------------------


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
    for problem in find_problems(specs, fields, [column.name for column in source_columns]):
        raise InvalidMapping(problem.message, code=problem.code, loc=problem.loc)
    used = list(specs) or [
        Direct(source_columns=(field.name,), target_fields=(field.name,)) for field in fields
    ]
    filled = {name for spec in used for name in spec.target_fields}
    kept = tuple(field for field in fields if field.name in filled)
    compiler = _Compiler(
        columns={column.name: (place, column) for place, column in enumerate(source_columns)},
        fields={field.name: (position, field) for position, field in enumerate(kept)},
        limits=limits,
        key_columns=frozenset(key_columns),
        session_time_zone=session_time_zone,
        text_may_hold_nul=source_text_may_hold_nul,
    )
    fillings = tuple(compiler.fill_at(index, spec) for index, spec in enumerate(used))
    return RowMapper(len(source_columns), kept, fillings, key_columns, limits)


@dataclass(frozen=True)
class _Compiler:
    columns: dict[str, tuple[int, SourceColumn]]
    fields: dict[str, tuple[int, TargetField]]
    limits: TypeLimits
    key_columns: frozenset[str]
    session_time_zone: str
    text_may_hold_nul: bool

    def fill_at(self, index: int, spec: ColumnMappingSpec) -> Filling:
        try:
            return self._fill(spec)
        except InvalidMapping as error:
            loc = ("column_mappings", index, *error.loc)
            raise InvalidMapping(error.message, code=error.code, loc=loc, column=error.column) from None

    def _fill(self, spec: ColumnMappingSpec) -> Filling:
        columns = [self.columns[name][1] for name in spec.source_columns]
        fields = [self.fields[name][1] for name in spec.target_fields]
        if isinstance(spec, Direct):
            cast = self._cast(columns[0], fields[0], spec.config.cast)
            return self._filling(spec, (), lambda cells: cells, (cast,), self._default(spec, fields[0]))
        texts = tuple(compile_text(column) for column in columns)
        may_hold = any(column.kind in (Kind.STRING, Kind.DYNAMIC) for column in columns)
        casts = tuple(
            self._cast(TEXT_PART, field, "strict", text_may_hold_nul=may_hold and self.text_may_hold_nul)
            for field in fields
        )
        return self._filling(spec, texts, _shape(spec), casts, None)

    def _filling(
        self,
        spec: ColumnMappingSpec,
        texts: tuple[Cast, ...],
        shape: Callable[[Cells], Cells],
        casts: tuple[Cast, ...],
        default: Cell,
    ) -> Filling:
        sources = tuple(self.columns[name][0] for name in spec.source_columns)
        positions = tuple(self.fields[name][0] for name in spec.target_fields)
        return Filling(spec, sources, positions, texts, shape, casts, default)

    def _cast(
        self,
        column: SourceColumn,
        field: TargetField,
        mode: Literal["strict", "lossy"],
        *,
        text_may_hold_nul: bool | None = None,
    ) -> Cast:
        return compile_cast(
            column,
            field,
            mode=mode,
            limits=self.limits,
            session_time_zone=self.session_time_zone,
            in_key=field.name in self.key_columns,
            text_may_hold_nul=self.text_may_hold_nul if text_may_hold_nul is None else text_may_hold_nul,
        )

    def _default(self, spec: Direct, field: TargetField) -> Cell:
        default = spec.config.default
        if default is None:
            return None
        text = str(default).lower() if isinstance(default, bool) else str(default)
        try:
            return self._cast(TEXT_PART, field, "strict", text_may_hold_nul=False)(text.encode())
        except CastFailed as error:
            raise InvalidMapping(
                f"the default of field {field.name!r} does not fit it: {error.message}",
                code="default_does_not_fit",
                loc=("config", "default"),
            ) from None


def _shape(spec: Split | Join) -> Callable[[Cells], Cells]:
    if isinstance(spec, Join):
        join = compile_join(spec)
        return lambda texts: (join(texts),)
    split, nothing = compile_split(spec), (None,) * len(spec.target_fields)
    return lambda texts: nothing if texts[0] is None else split(texts[0])
