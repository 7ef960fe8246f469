"""Casts: the wire text of a source column's cell to the wire text of a target field, strict or lossy.

A cast never changes a value: strict takes a cell whose value the field holds exactly, lossy also rounds
numbers and seconds and cuts texts and times of day. Everything else raises CastFailed with one of the
codes of `cast_errors` and the legal form, never the value.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from shared.column_mappings.cast_errors import failure
from shared.column_mappings.cast_tables import CASTS, CastRequest, Passes
from shared.column_mappings.texts import same, text_of, utf8_text
from shared.errors import CastFailed, InvalidMapping
from shared.types import DataType, Kind, SourceColumn, TargetField, TypeLimits
from shared.wire import CLASSES

Mode = Literal["strict", "lossy"]
Convert = Callable[[bytes], bytes]

TEXT_PART = SourceColumn("", Kind.STRING, "text")


@dataclass(frozen=True)
class Cast:
    """A callable on cells that are not NULL. Raises CastFailed.

    `identity`: every possible cell passes unchanged. `passes` says it more finely. `request` is what it was
    compiled from, None for a text and for dynamic cells.
    """

    convert: Convert
    passes: Passes
    request: CastRequest | None = None

    @property
    def identity(self) -> bool:
        return self.passes is Passes.ALWAYS

    def __call__(self, cell: bytes) -> bytes:
        return self.convert(cell)


def compile_cast(
    column: SourceColumn,
    field: TargetField,
    *,
    mode: Mode,
    limits: TypeLimits,
    session_time_zone: str,
    in_key: bool,
    text_may_hold_nul: bool,
) -> Cast:
    """Return the cast of a source column to a target field.

    Raises InvalidMapping `cannot_be_cast` for a kind that can never become the field's type, and
    `invalid_decimal` for a decimal that the target cannot have.
    """
    _check_decimal(field, limits)
    lossy = mode == "lossy"
    request = CastRequest(column, field, lossy, limits, session_time_zone, in_key, text_may_hold_nul)
    if column.kind is Kind.DYNAMIC:
        return Cast(
            ByClass({letter: _class_cast(request, kind) for letter, kind in CLASSES.items()}), Passes.NOT_ALL
        )
    builder = CASTS[field.data_type].get(column.kind)
    if builder is None:
        raise InvalidMapping(
            f"{column.name!r} is {column.database_type}, which cannot become {field.data_type.value}"
            f" (field {field.name!r})",
            code="cannot_be_cast",
            column=field.name,
        )
    return Cast(*builder(request), request)


def can_be_cast(kind: Kind, data_type: DataType) -> bool:
    """Tell whether cells of a kind can become a data type at all."""
    return kind is Kind.DYNAMIC or kind in CASTS[data_type]


def compile_text(column: SourceColumn) -> Cast:
    """Return the text of a column's values, for split and join. Raises InvalidMapping for bytes."""
    if column.kind is Kind.DYNAMIC:
        return Cast(ByClass({letter: _class_text(kind) for letter, kind in CLASSES.items()}), Passes.NOT_ALL)
    if column.kind is Kind.BINARY:
        raise InvalidMapping(
            f"{column.name!r} is {column.database_type}: bytes have no text", code="bytes_have_no_text"
        )
    text = text_of(column.kind)
    return Cast(text, Passes.ALWAYS if text is same else Passes.NOT_ALL)


def _check_decimal(field: TargetField, limits: TypeLimits) -> None:
    if field.data_type is not DataType.DECIMAL:
        return
    precision, scale = field.precision, field.scale
    highest, deepest = limits.max_decimal_precision, limits.max_decimal_scale
    if precision is None or scale is None or not (1 <= precision <= highest and 0 <= scale <= deepest):
        raise InvalidMapping(
            f"field {field.name!r}: a decimal needs a precision of 1 to {highest} and a scale of 0 to {deepest}"
            " in this target",
            code="invalid_decimal",
            column=field.name,
        )


class ByClass:
    """The conversion of dynamic cells: that of their storage class, whose letter stands in front.

    `casts` are those of the cells without the letter. That of text takes UTF-8 only, and refuses other bytes.
    """

    def __init__(self, casts: dict[bytes, Cast]) -> None:
        self.casts = casts
        self._converts = {letter: cast.convert for letter, cast in casts.items()}
        self._converts[b"t"] = _of_utf8(self._converts[b"t"])

    def __call__(self, cell: bytes) -> bytes:
        return self._converts[cell[:1]](cell[1:])


def _class_cast(request: CastRequest, kind: Kind) -> Cast:
    data_type = request.field.data_type
    if not can_be_cast(kind, data_type):
        return _refusing(failure("cannot_be_cast", kind=kind.value, data_type=data_type.value))
    # No declared type bounds what SQLite keeps: the name must be none that bounds a length or the digits.
    column = SourceColumn(request.column.name, kind, f"dynamic {kind.value}")
    return Cast(*CASTS[data_type][kind](replace(request, column=column)))


def _class_text(kind: Kind) -> Cast:
    if kind is Kind.BINARY:
        return _refusing(failure("bytes_have_no_text"))
    text = text_of(kind)
    return Cast(text, Passes.ALWAYS if text is same else Passes.NOT_ALL)


def _of_utf8(convert: Convert) -> Convert:
    return lambda cell: convert(utf8_text(cell))


def _refusing(error: CastFailed) -> Cast:
    def convert(_: bytes) -> bytes:
        raise CastFailed(error.message, code=error.code)

    return Cast(convert, Passes.NOT_ALL)
