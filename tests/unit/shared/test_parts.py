"""The conditions of the parts, read as SQL reads them; tests/conformance/parts asks servers."""

import pytest

from shared.parts import ranges


def holds(condition: str, value: int | None) -> bool:
    """Evaluate a condition as SQL does for a WHERE: unknown is false."""
    for alternative in condition.strip("()").split(" OR "):
        terms = alternative.split(" AND ")
        if all(_holds(term, value) for term in terms):
            return True
    return False


def _holds(term: str, value: int | None) -> bool:
    name, operator, text = term.split(" ", 2)
    assert name == "x"
    if (operator, text) == ("IS", "NULL"):
        return value is None
    if value is None:
        return False
    return value >= int(text) if operator == ">=" else value < int(text)


@pytest.mark.parametrize("cuts", [[0], [0, 1], [-5, 0, 7], [1, 2, 3, 4, 5, 6, 7]])
def test_every_value_and_null_is_in_exactly_one_range(cuts: list[int]) -> None:
    conditions = ranges("x", [str(cut) for cut in cuts])
    assert len(conditions) == len(cuts) + 1
    for value in [None, *range(-10, 12)]:
        assert [holds(condition, value) for condition in conditions].count(True) == 1
