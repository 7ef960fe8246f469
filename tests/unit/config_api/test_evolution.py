import pytest

from config_api.schemas.evolution import check_evolution
from shared.errors import Conflict
from tests.factories import field

ID = field("id", "integer", nullable=False, primary_key=True)
PRICE = field("price", "decimal", precision=10, scale=2)


def test_the_same_columns_are_no_change() -> None:
    check_evolution([ID, PRICE], [ID, PRICE], ["id"])


@pytest.mark.parametrize(("precision", "scale"), [(10, 2), (11, 2), (11, 3), (12, 4), (20, 2)])
def test_a_decimal_may_gain_digits_on_both_sides(precision: int, scale: int) -> None:
    check_evolution([PRICE], [field("price", "decimal", precision=precision, scale=scale)], [])


@pytest.mark.parametrize(("precision", "scale"), [(9, 2), (10, 3), (10, 1), (12, 5), (20, 0)])
def test_a_decimal_never_loses_digits_on_either_side(precision: int, scale: int) -> None:
    with pytest.raises(Conflict) as caught:
        check_evolution([PRICE], [field("price", "decimal", precision=precision, scale=scale)], [])
    assert caught.value.code == "column_narrowed"


def test_a_column_goes_only_when_nothing_fills_it() -> None:
    check_evolution([ID, PRICE], [ID], ["id"])
    with pytest.raises(Conflict) as caught:
        check_evolution([ID, PRICE], [ID], ["price"])
    assert caught.value.code == "column_in_use"
