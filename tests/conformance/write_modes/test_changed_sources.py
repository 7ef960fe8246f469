"""A source that changed between two runs fails the run before its first write, by name; the target stays."""

from collections import Counter

import pytest

from executor.load.ledger import LedgerState, settle_lost_attempt
from shared.documents.mapping import MappingVersion, WriteMode
from shared.errors import ConfigError, DataError, EngineError
from tests import factories
from tests.conformance.write_modes.test_write_modes import KEYED, PLAIN, Pair, pair, version

__all__ = ["pair"]

MODES = list(WriteMode)
BEFORE = Counter({(1, "a"): 1, (2, "b"): 1})


def filled(pair: Pair, mode: WriteMode) -> MappingVersion:
    """A mapping that has filled its table once."""
    of = version(mode, KEYED if mode is WriteMode.UPSERT else PLAIN)
    pair.put((1, "a"), (2, "b"))
    pair.run(of)
    return of


def fail(pair: Pair, of: MappingVersion) -> EngineError:
    run = factories.run(of, fence=2)
    with pytest.raises(EngineError) as caught:
        pair.run(of, run)
    assert pair.target() == BEFORE
    assert settle_lost_attempt(pair.settings, run) is LedgerState.ABORTED
    assert (pair.target(), pair.leftovers()) == (BEFORE, [])
    assert isinstance(caught.value, ConfigError | DataError)  # tried again it would fail again
    return caught.value


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE source_rows DROP COLUMN name",
        "ALTER TABLE source_rows RENAME COLUMN name TO title",
    ],
)
def test_a_source_column_that_vanished_is_named(pair: Pair, mode: WriteMode, change: str) -> None:
    of = filled(pair, mode)
    pair.execute(change)
    error = fail(pair, of)
    assert (error.code, error.column) == ("query_failed", "name")
    assert "it names a column that does not exist" in error.message


def test_a_source_table_that_vanished_fails_the_run(pair: Pair) -> None:
    of = filled(pair, WriteMode.REPLACE)
    pair.execute("DROP TABLE source_rows")
    assert "it names a table that does not exist" in fail(pair, of).message


@pytest.mark.parametrize("mode", MODES)
def test_a_source_column_of_another_type_is_cast_or_named(pair: Pair, mode: WriteMode) -> None:
    """What is still a number arrives; what is not is refused by row and column."""
    of = filled(pair, mode)
    pair.execute("DROP TABLE source_rows")
    pair.execute("CREATE TABLE source_rows (id VARCHAR(20), name VARCHAR(100))")
    pair.execute("INSERT INTO source_rows VALUES ('1', 'a'), ('not 2', 'b')")
    error = fail(pair, of)
    assert (error.row, error.column) == (2, "id")
    assert "not 2" not in error.message
