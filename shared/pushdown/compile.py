"""A compiled mapping into the SELECT that does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.column_mappings import Direct, Join, Split
from shared.column_mappings.cast_tables import CastRequest
from shared.column_mappings.casts import Cast
from shared.column_mappings.row_mapper import Filling, RowMapper
from shared.column_mappings.texts import longest_text
from shared.pushdown.speech import CannotSay, Cell, Kept, Said, Speech
from shared.pushdown.text_casts import cast_text
from shared.types import DataType, Kind, SourceColumn, TypeLimits

# Kinds whose texts may begin with any character.
_FREE_TEXTS = frozenset((Kind.STRING, Kind.JSON))


@dataclass(frozen=True)
class PushedDown:
    """The mapping as SQL; `source_cells` reads what stands behind the MARK of a row in doubt.

    `unsaid` lists what no SQL says: every row that has such a value is in doubt, so that the line mapper is quicker.
    """

    unsaid: tuple[str, ...]
    source_cells: Callable[[bytes], tuple[Cell, ...]]
    _select: Callable[[str, str | None], str]

    def select(self, query: str, where: str | None = None) -> str:
        """Return the SELECT around a source query; `where` is over its columns as q."name"."""
        return self._select(query, where)


def push_down(
    mapper: RowMapper, columns: Sequence[SourceColumn], limits: TypeLimits, speech: Speech
) -> PushedDown:
    """Compile a mapping of these columns for a target of these limits. Raises CannotSay."""
    if limits.keeps_text:
        raise CannotSay("the target keeps values as the texts that only the line mapper writes")
    compiler = _Compiler(mapper, columns, speech)
    cells, guards = compiler.cells()
    first, *others = cells
    if guards:
        first = Said(speech.doubted(first, guards, columns))
    values = [first.value, *(cell.value for cell in others)]

    def select(query: str, where: str | None) -> str:
        return speech.select(values, compiler.kept, query, where)

    return PushedDown(tuple(compiler.unsaid), speech.source_cells, select)


class _Compiler:
    def __init__(self, mapper: RowMapper, columns: Sequence[SourceColumn], speech: Speech) -> None:
        self._mapper = mapper
        self._columns = columns
        self._speech = speech
        self.kept = Kept(frozenset(column.name for column in columns))
        self.unsaid: list[str] = []

    def cells(self) -> tuple[list[Said], list[str]]:
        """Return the target cells in the order of their fields, and every guard once."""
        said: dict[int, Said] = {}
        guards: dict[str, None] = {}
        for filling in self._mapper.fillings:
            cells, of_filling = self._fill(filling)
            guards.update(dict.fromkeys(of_filling))
            for position, cell in zip(filling.positions, cells, strict=True):
                said[position] = cell
                guards.update(dict.fromkeys(self._guards(filling, position, cell)))
        first = said[0]
        if self._may_begin_with_mark():
            guards[self._speech.unmarked(first)] = None
        return [said[position] for position in range(len(said))], list(guards)

    def _guards(self, filling: Filling, position: int, cell: Said) -> tuple[str, ...]:
        if self._mapper.null_codes[position] is None or filling.default is not None:
            return cell.guards
        return (f"{self._not_null(filling, cell)} IS NOT NULL", *cell.guards)

    def _not_null(self, filling: Filling, cell: Said) -> str:
        """A column is looked at as it is, which costs less than what is made of it."""
        if isinstance(filling.spec, Direct):
            return self._speech.column(filling.spec.source_columns[0])
        return cell.value

    def _may_begin_with_mark(self) -> bool:
        if self._mapper.fields[0].data_type is not DataType.STRING:
            return False
        filling = next(one for one in self._mapper.fillings if 0 in one.positions)
        return any(self._columns[place].kind in _FREE_TEXTS for place in filling.sources) or not isinstance(
            filling.spec, Direct
        )

    def _fill(self, filling: Filling) -> tuple[list[Said], tuple[str, ...]]:
        spec = filling.spec
        columns = [self._columns[place] for place in filling.sources]
        if isinstance(spec, Direct):
            return [self._direct(filling, columns[0])], ()
        if isinstance(spec, Split):
            return self._split(spec, filling, columns[0])
        said, guards = self._join(spec, filling, columns)
        return [said], guards

    def _direct(self, filling: Filling, column: SourceColumn) -> Said:
        cast, x = filling.casts[0], self._speech.column(column.name)
        try:
            said = self._cast_column(cast, column, x)
        except CannotSay as reason:
            said = self._in_doubt(x, reason)
        if filling.default is None:
            return said
        return self._speech.or_default(said, filling.default.decode())

    def _cast_column(self, cast: Cast, column: SourceColumn, x: str) -> Said:
        if cast.identity:
            return self._speech.unchanged(column, x)
        if column.kind is Kind.STRING:
            return cast_text(self._speech, _request(cast), self._speech.text_of(column, x))
        return self._speech.cast(_request(cast), x)

    def _split(
        self, spec: Split, filling: Filling, column: SourceColumn
    ) -> tuple[list[Said], tuple[str, ...]]:
        x = self._speech.column(column.name)
        try:
            parts, guards = self._parts(spec, column, x)
        except CannotSay as reason:
            return [self._in_doubt(x, reason)] * len(filling.casts), ()
        longest = longest_text(column)  # a part is no longer than the whole
        return [self._cast(*one, longest) for one in zip(filling.casts, parts, strict=True)], guards

    def _parts(self, spec: Split, column: SourceColumn, x: str) -> tuple[list[str], tuple[str, ...]]:
        if spec.config.regex:
            raise CannotSay(f"{column.name!r} is cut by a regular expression")
        return self._speech.split(spec, self._speech.text_of(column, x), self.kept)

    def _join(
        self, spec: Join, filling: Filling, columns: Sequence[SourceColumn]
    ) -> tuple[Said, tuple[str, ...]]:
        cast = filling.casts[0]
        try:
            texts = [self._speech.text_of(column, self._speech.column(column.name)) for column in columns]
        except CannotSay as reason:
            self.unsaid.append(str(reason))
            return Said("NULL", ("FALSE",)), ()
        text, guards = self._speech.join(spec, texts)
        longest = _longest_join(spec, columns)
        said = self._cast(cast, text, longest)
        # A text that is looked at more than once is made once.
        if said.guards:
            said = self._cast(cast, self._speech.keep(self.kept, text), longest)
        return said, guards

    def _cast(self, cast: Cast, text: str, longest: int | None) -> Said:
        if cast.identity:
            return Said(text)
        try:
            return cast_text(self._speech, _request(cast), text, longest)
        except CannotSay as reason:
            return self._in_doubt(text, reason)

    def _in_doubt(self, x: str, reason: CannotSay) -> Said:
        """Say a cell that only the line mapper can give: every row is in doubt but those without a value."""
        self.unsaid.append(str(reason))
        return Said("NULL", (f"{x} IS NULL",))


def _longest_join(spec: Join, columns: Sequence[SourceColumn]) -> int | None:
    """Return how many characters a join can have at most; None without a bound."""
    longest = [longest_text(column) for column in columns]
    known = [one for one in longest if one is not None]
    if len(known) < len(longest):
        return None
    return sum(known) + len(spec.config.separator) * (len(known) - 1)


def _request(cast: Cast) -> CastRequest:
    if cast.request is None:
        raise CannotSay("the columns have no types of their own")
    return cast.request
