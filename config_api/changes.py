"""PUT: the fields that are sent replace, the others stay, null sets a field back to its default."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from config_api.errors import InvalidFields, field_problems

C = TypeVar("C", bound=BaseModel)


def apply_changes(create: type[C], current: BaseModel, changes: BaseModel) -> C:
    """Return the payload that would create the changed document. Raises InvalidFields."""
    merged = {name: getattr(current, name) for name in create.model_fields}
    for name in changes.model_fields_set & set(create.model_fields):
        value = getattr(changes, name)
        if value is None:
            merged.pop(name)
        else:
            merged[name] = value
    try:
        return create.model_validate(merged)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise InvalidFields(
            field_problems([{**fault, "loc": ("body", *fault["loc"])} for fault in faults])
        ) from None
