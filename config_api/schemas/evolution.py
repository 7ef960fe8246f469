"""How a schema in use may change: nothing that a table filled by it could contradict."""

from collections.abc import Collection, Sequence

from shared.errors import Conflict
from shared.types import TargetField


def check_evolution(
    current: Sequence[TargetField], changed: Sequence[TargetField], filled: Collection[str]
) -> None:
    """Raise Conflict for a change that is not a widening; `filled` are the columns that mappings name."""
    before = {column.name: column for column in current}
    after = {column.name for column in changed}
    for column in changed:
        if column.name in before:
            _check_column(before[column.name], column)
        elif not column.nullable or column.primary_key:
            raise Conflict(
                f"Column {column.name!r} is new: only nullable columns outside the key may be added",
                code="required_column_added",
            )
    for name in before:
        if name not in after and name in filled:
            raise Conflict(
                f"Column {name!r} is filled by a column mapping or is a key column of a mapping",
                code="column_in_use",
            )


def _check_column(before: TargetField, after: TargetField) -> None:
    name = before.name
    if after.data_type is not before.data_type:
        raise Conflict(
            f"Column {name!r} is {before.data_type}: the type of a column never changes",
            code="column_type_changed",
        )
    if before.nullable and not after.nullable:
        raise Conflict(f"Column {name!r} is nullable and cannot become required", code="column_narrowed")
    if before.primary_key is not after.primary_key:
        raise Conflict(f"Column {name!r} cannot enter or leave the primary key", code="column_key_changed")
    if _is_narrower(before, after):
        raise Conflict(
            f"Column {name!r} can only become wider in precision, scale and length", code="column_narrowed"
        )


def _is_narrower(before: TargetField, after: TargetField) -> bool:
    if after.length is not None and (before.length is None or after.length < before.length):
        return True
    if before.precision is None or after.precision is None:
        return False
    old_scale, new_scale = before.scale or 0, after.scale or 0
    return new_scale < old_scale or after.precision - new_scale < before.precision - old_scale
