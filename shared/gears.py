"""Which gear a run takes: the fastest one that changes no value, and why not a faster one."""

from collections.abc import Sequence
from dataclasses import replace

from shared.dialects.base import Dialect
from shared.dialects.binary_copy import binary_select, speaks_binary
from shared.pushdown import CannotSay, PushedDown, push_down
from shared.source_plan import SourcePlan
from shared.target_plan import TargetPlan
from shared.types import DataType, TypeLimits
from shared.watermarks import query_to_describe


def choose_gear(
    reading: SourcePlan, writing: TargetPlan, source: Dialect, target: Dialect, *, checked: bool = False
) -> SourcePlan:
    """Return the plan in the fastest gear that changes no value.

    Where the target itself refuses what it cannot hold, rows pass through unchecked and `checked_by_target`
    is set: a load that the target refuses is read again with every row `checked`, to name or set aside the
    rows that it refused.
    """
    if reading.incremental and writing.is_keyed:
        reason = "rows of one key are ranked by the cursor, so each line is looked at"
        return replace(
            reading, row_mapper=reading.row_mapper.into(writing.fields), gear_reason=reason, ranked=True
        )
    mapper = reading.row_mapper.into(writing.fields)
    reading = replace(reading, row_mapper=mapper)
    if mapper.identity is not None:
        passed = _passed_through(reading, mapper.identity, source, checked_by_target=False)
        return _untouched(passed, writing, source, target)
    if checked:
        return replace(reading, gear_reason="rows were refused: each is checked")
    if mapper.identity_when_taken is None:
        return _pushed_down(reading, target, mapper.reason_not_identity)
    limits = target.capabilities.limits
    if not (limits.refuses_misfits and _refuses_nulls(writing) and _bounds_texts(writing, limits)):
        return _pushed_down(reading, target, mapper.reason_not_identity)
    passed = _passed_through(reading, mapper.identity_when_taken, source, checked_by_target=True)
    return _untouched(passed, writing, source, target)


def _untouched(reading: SourcePlan, writing: TargetPlan, source: Dialect, target: Dialect) -> SourcePlan:
    """Let rows travel in the form that the target's loader reads, where the source can write that."""
    if source.capabilities.writes_csv and target.capabilities.loads_csv:
        return replace(reading, form="csv", gear_reason=f"{reading.gear_reason}; as CSV")
    return _in_binary(reading, writing, source, target)


def _pushed_down(reading: SourcePlan, target: Dialect, reason: str) -> SourcePlan:
    """Compile the mapping into the source query where that is exact; `reason` says why rows do not pass through."""
    try:
        pushed = push_down_to(reading, target)
    except CannotSay as unsayable:
        return replace(reading, gear_reason=f"{reason}; not pushed down: {unsayable}")
    if pushed.unsaid:
        return replace(reading, gear_reason=f"{reason}; not pushed down: {pushed.unsaid[0]}")
    return as_pushed_down(reading, pushed, reason)


def push_down_to(reading: SourcePlan, target: Dialect) -> PushedDown:
    """Compile the plan's mapping into SQL. Raises CannotSay."""
    if reading.speak is None:
        raise CannotSay("its source is not spoken to")
    return push_down(reading.row_mapper, reading.described, target.capabilities.limits, reading.speak())


def as_pushed_down(reading: SourcePlan, pushed: PushedDown, reason: str) -> SourcePlan:
    sql = pushed.select(query_to_describe(reading.query))
    return replace(reading, sql=sql, gear="pushed_down", gear_reason=reason, pushed=pushed)


def _in_binary(reading: SourcePlan, writing: TargetPlan, source: Dialect, target: Dialect) -> SourcePlan:
    """Let rows travel in binary where both ends speak it and no column's type would be changed by that."""
    if reading.incremental or not speaks_binary(source, target):
        return reading
    sql = binary_select(source, reading.query, reading.columns, writing.fields)
    if sql is None:
        return reading
    return replace(reading, sql=sql, form="binary", gear_reason=f"{reading.gear_reason}; in binary")


def _passed_through(
    reading: SourcePlan, places: Sequence[int], source: Dialect, *, checked_by_target: bool
) -> SourcePlan:
    columns = tuple(reading.described[place] for place in places)
    reason = "every column is direct and its values fit the target's type as they are"
    if checked_by_target:
        reason = "every column is direct and of the target's type; the target refuses what it cannot hold"
    sql = source.wire_select(query_to_describe(reading.query), columns)
    return replace(
        reading,
        columns=columns,
        sql=sql,
        gear="pass_through",
        gear_reason=reason,
        checked_by_target=checked_by_target,
    )


def _bounds_texts(writing: TargetPlan, limits: TypeLimits) -> bool:
    """Tell whether no text column is longer than its field, so that it refuses what the field does."""
    if writing.existing is None or writing.is_keyed or not limits.longest_refusing_text:
        return True
    lengths = {column.name: column.field.length for column in writing.existing.columns if column.field}
    for field in writing.fields:
        in_key = field.name in writing.keys
        length = field.length or (limits.string_key_length if in_key else None)
        if field.data_type is DataType.STRING and length and lengths.get(field.name, length) != length:
            return False
    return True


def _refuses_nulls(writing: TargetPlan) -> bool:
    """Tell whether the rows are loaded where every required field's column is NOT NULL."""
    if writing.existing is None or writing.is_keyed:  # or staged, in a table that is made for it
        return True
    not_null = {
        column.name for column in writing.existing.columns if not column.nullable and not column.counts_up
    }
    return all(
        field.name in not_null for field in writing.fields if not field.nullable or field.name in writing.keys
    )
