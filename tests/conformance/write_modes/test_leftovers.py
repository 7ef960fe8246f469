"""Tables of runs that are over go with the next run of their mapping, and nobody else's do."""

import pytest
from bson import ObjectId

from executor.load.ledger import Ledger, LedgerEntry, LedgerState
from local_servers import Database
from shared.documents.mapping import WriteMode
from shared.documents.run import Run
from shared.ledger_tables import DONE_PREFIX, MARKER_PREFIX, OLD_PREFIX, STAGING_PREFIX
from tests import factories
from tests.conformance.write_modes.test_write_modes import Pair, version
from tests.conftest import DatabaseFactory

PREFIXES = (STAGING_PREFIX, MARKER_PREFIX, OLD_PREFIX, DONE_PREFIX)


@pytest.fixture(params=["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def pair(request: pytest.FixtureRequest, create_database: DatabaseFactory) -> Pair:
    database: Database = create_database(request.param)
    return Pair(database)


def leave_behind(pair: Pair, run: Run, state: LedgerState) -> list[str]:
    """A run that opened its row, made its tables and was never heard of again."""
    with pair.session() as session:
        ledger = Ledger(session, pair.settings)
        ledger.ensure_tables()
        assert ledger.open_attempt(run, LedgerEntry("facts", "replace", None)) is None
    pair.execute(f"UPDATE etl_engine_runs SET state = '{state.value}' WHERE run_id = '{run.id}'")
    names = [f"{prefix}{run.id}_{run.fence}" for prefix in PREFIXES]
    for name in names:
        pair.execute(f"CREATE TABLE {name} (a INTEGER)")
    return names


@pytest.mark.parametrize(
    ("state", "staying"),
    [(LedgerState.OPEN, [DONE_PREFIX]), (LedgerState.COMMITTED, []), (LedgerState.ABORTED, [])],
)
def test_leftovers_of_a_mapping_go_with_its_next_run(
    pair: Pair, state: LedgerState, staying: list[str]
) -> None:
    of = version(WriteMode.REPLACE)
    pair.put((1, "a"))
    over = factories.run(of)
    leave_behind(pair, over, state)
    pair.run(of, factories.run(of, fence=2))
    assert pair.leftovers() == [f"{prefix}{over.id}_1" for prefix in staying]


def test_another_mappings_tables_stay(pair: Pair) -> None:
    of, other = version(WriteMode.REPLACE), version(WriteMode.REPLACE, table="others")
    pair.put((1, "a"))
    names = leave_behind(pair, factories.run(other), LedgerState.OPEN)
    pair.execute(f"CREATE TABLE {STAGING_PREFIX}{ObjectId()}_7 (a INTEGER)")  # of a run that nobody knows
    pair.run(of)
    assert set(names) < set(pair.leftovers())
    assert len(pair.leftovers()) == len(names) + 1
