"""Two mappings that write to one table at the same time: each run exact in its own terms."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.documents.mapping import MappingVersion, WriteMode
from tests import factories
from tests.conformance.write_modes.test_write_modes import KEYED, PLAIN, Pair, pair

__all__ = ["pair"]

ROWS = 400
RUNS = 4


def mapping_of(name: str, mode: WriteMode) -> MappingVersion:
    """A mapping whose rows all say whose they are."""
    return factories.mapping_version(
        f"SELECT id, '{name}' AS name FROM source_rows",
        PLAIN if mode is WriteMode.APPEND else KEYED,
        name=name,
        write_mode=mode,
    )


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT])
def test_two_mappings_into_one_table_at_once(pair: Pair, mode: WriteMode) -> None:
    pair.put(*((number, None) for number in range(ROWS)))
    mappings = [mapping_of(name, mode) for name in ("first", "second")]
    pair.run(mappings[0])

    def run_all(of: MappingVersion) -> None:
        for number in range(RUNS):
            pair.run(of, factories.run(of, fence=number + 2))

    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(run_all, of) for of in mappings]:
            done.result(timeout=120)
    found = pair.target()
    if mode is WriteMode.APPEND:
        runs = {"first": RUNS + 1, "second": RUNS}
        assert found == Counter({(number, name): runs[name] for number in range(ROWS) for name in runs})
    else:  # the last one to commit won, as a whole
        assert {number for number, _ in found} == set(range(ROWS))
        assert len({name for _, name in found}) == 1
    assert pair.leftovers() == []
    states = Counter(pair.fetch("SELECT state FROM etl_engine_runs"))
    assert states == Counter({("committed",): 2 * RUNS + 1})
