"""PUT on a payload of three kinds of fields."""

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from config_api.changes import apply_changes
from config_api.errors import InvalidFields
from config_api.fields import Payload, partial_of


class ThingCreate(Payload):
    name: Annotated[str, Field(min_length=1)]
    size: Annotated[int, Field(ge=1)] = 5
    note: str | None = None
    tags: list[str] = Field(default=[])


@partial_of(ThingCreate)
class ThingUpdate(Payload):
    """What may change."""


CURRENT = ThingCreate(name="a", size=7, note="n", tags=["x", "y"])


def test_what_is_not_sent_stays() -> None:
    assert apply_changes(ThingCreate, CURRENT, ThingUpdate()) == CURRENT


def test_what_is_sent_replaces() -> None:
    changed = apply_changes(ThingCreate, CURRENT, ThingUpdate.model_validate({"tags": ["z"], "size": 1}))
    assert changed == ThingCreate(name="a", size=1, note="n", tags=["z"])


def test_null_is_the_default() -> None:
    changes = ThingUpdate.model_validate({"tags": None, "size": None, "note": None})
    assert apply_changes(ThingCreate, CURRENT, changes) == ThingCreate(name="a")


def test_null_for_a_field_without_a_default_names_it() -> None:
    with pytest.raises(InvalidFields) as caught:
        apply_changes(ThingCreate, CURRENT, ThingUpdate.model_validate({"name": None}))
    assert [problem.loc for problem in caught.value.problems] == [["body", "name"]]


@pytest.mark.parametrize("changes", [{"size": 0}, {"name": ""}, {"other": 1}, {"tags": "x"}])
def test_a_bad_change_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ThingUpdate.model_validate(changes)
