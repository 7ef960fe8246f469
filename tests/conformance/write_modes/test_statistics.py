"""The statistics of a table that a run has replaced in PostgreSQL."""

from executor.pipeline import execute_run
from local_servers import Database
from shared.documents.mapping import WriteMode
from tests import factories
from tests.chaos.waiting import until
from tests.factories import field
from tests.recording_context import RecordingContext

ROWS = 2000
QUERY = f"SELECT g AS id, 'name ' || g AS name FROM generate_series(1, {ROWS}) AS g"
STATISTICS = """
    SELECT reltuples::int, (SELECT array_length(histogram_bounds, 1) FROM pg_stats
                            WHERE tablename = 'facts' AND attname = 'id')
    FROM pg_class WHERE relname = 'facts'"""
CHANGED_SINCE = "SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'facts'"


def replace(database: Database) -> None:
    version = factories.mapping_version(
        QUERY, (field("id", "integer"), field("name")), write_mode=WriteMode.REPLACE
    )
    settings = factories.connection_settings(database)
    execute_run(RecordingContext(factories.run(version), version, settings, settings))


def test_they_are_there_at_the_commit_and_autovacuum_takes_fuller_ones(postgresql_database: Database) -> None:
    replace(postgresql_database)
    assert list(postgresql_database.rows(STATISTICS)) == [(ROWS, 11)]
    until(lambda: list(postgresql_database.rows(CHANGED_SINCE)) == [(ROWS,)], "rows that count as changed")


def test_a_smaller_sample_than_ours_stays_the_servers_choice(postgresql_database: Database) -> None:
    name = postgresql_database.database
    postgresql_database.execute(f'ALTER DATABASE "{name}" SET default_statistics_target = 5')
    replace(postgresql_database)
    assert list(postgresql_database.rows(STATISTICS)) == [(ROWS, 6)]
