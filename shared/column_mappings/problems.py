"""What keeps column mappings from running, as far as that shows without rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.column_mappings import ColumnMappingSpec
from shared.types import TargetField

_LISTED_NAMES = 50


@dataclass(frozen=True)
class Problem:
    """Something that keeps a mapping from running; `loc` is its place in the user's document."""

    loc: tuple[str | int, ...]
    code: str
    message: str


def find_problems(
    specs: Sequence[ColumnMappingSpec],
    fields: Sequence[TargetField],
    source_names: Sequence[str] | None,
) -> list[Problem]:
    """List what is wrong with the names in column mappings; without source names, on the target side only."""
    if not specs:
        return list(_missing_columns(fields, source_names))
    problems: list[Problem] = []
    filled: set[str] = set()
    for index, spec in enumerate(specs):
        problems += _unknown_columns(index, spec, source_names)
        problems += _wrong_fields(index, spec, fields, filled)
        filled.update(spec.target_fields)
    return problems + list(_unfilled(fields, filled))


def _unknown_columns(
    index: int, spec: ColumnMappingSpec, source_names: Sequence[str] | None
) -> Iterator[Problem]:
    if source_names is None:
        return
    for place, name in enumerate(spec.source_columns):
        if name not in source_names:
            message = f"the query has no column {name!r}; it has {_listed(source_names)}"
            yield Problem(
                ("column_mappings", index, "source_columns", place), "unknown_source_column", message
            )


def _wrong_fields(
    index: int, spec: ColumnMappingSpec, fields: Sequence[TargetField], filled: set[str]
) -> Iterator[Problem]:
    names = [field.name for field in fields]
    for place, name in enumerate(spec.target_fields):
        loc = ("column_mappings", index, "target_fields", place)
        if name not in names:
            message = f"the schema has no field {name!r}; it has {_listed(names)}"
            yield Problem(loc, "unknown_target_field", message)
        elif name in filled:
            yield Problem(loc, "target_field_filled_twice", f"target field {name!r} is filled twice")


def _unfilled(fields: Sequence[TargetField], filled: set[str]) -> Iterator[Problem]:
    for field in fields:
        if field.name not in filled and (not field.nullable or field.primary_key):
            message = f"required field {field.name!r} is not filled by any column mapping"
            yield Problem(("column_mappings",), "required_field_unfilled", message)


def _missing_columns(fields: Sequence[TargetField], source_names: Sequence[str] | None) -> Iterator[Problem]:
    if source_names is None:
        return
    for field in fields:
        if field.name not in source_names:
            message = f"the query has no column {field.name!r} for that field; it has {_listed(source_names)}"
            yield Problem(("source_query",), "missing_source_column", message)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED_NAMES} more" if len(names) > _LISTED_NAMES else ""
    return ", ".join(repr(name) for name in names[:_LISTED_NAMES]) + more
