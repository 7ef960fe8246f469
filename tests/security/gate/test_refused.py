"""The gate refuses what acts, each statement for a named rule."""

from collections import Counter

import pytest

from shared.query_gate import QueryRefused, check_query
from tests.security.gate.legitimate import DB_TYPES
from tests.security.gate.refused import PLACES, REFUSED, Refused


def test_there_are_as_many_as_promised() -> None:
    assert len({refused.text for refused in REFUSED}) >= 300
    by_flavour = Counter(refused.flavour for refused in REFUSED)
    assert by_flavour["postgresql"] >= 150
    assert by_flavour["mariadb"] >= 100
    assert by_flavour["mysql"] >= 100


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: f"{refused.flavour}-{refused.family}")
def test_the_gate_refuses(refused: Refused) -> None:
    with pytest.raises(QueryRefused) as found:
        check_query(refused.at(PLACES), DB_TYPES[refused.flavour])
    assert found.value.code == "query_refused"
    assert found.value.rule
    assert found.value.loc == ("source_query",)
