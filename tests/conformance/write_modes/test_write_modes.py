"""Every write mode on every target: fresh, run again, replayed after its commit, interrupted, refused."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from executor.context import RunOutcome
from executor.load.ledger import Ledger, LedgerEntry, LedgerState, settle_lost_attempt
from executor.pipeline import execute_run
from local_servers import Database
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits, TableName
from shared.documents.mapping import ErrorPolicy, Guards, MappingVersion, WriteMode
from shared.documents.run import Run
from shared.errors import (
    CastFailed,
    DuplicateKey,
    GuardFailed,
    LeaseLost,
    RejectLimitExceeded,
    RunCancelled,
    SchemaMismatch,
    TargetRefused,
)
from shared.rejected_rows import read_rejected_rows
from tests import factories
from tests.factories import field
from tests.recording_context import RecordingContext

KEYED = (field("id", "integer", nullable=False, primary_key=True), field("name"))
PLAIN = (field("id", "integer"), field("name"))
QUERY = "SELECT id, name FROM source_rows"


class Pair:
    """A source table of (id, name) and a target beside it, in one database of the flavour under test."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.settings = factories.connection_settings(database)
        self.execute("CREATE TABLE source_rows (id BIGINT, name VARCHAR(100))")

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        with self.database.cursor() as cursor:
            cursor.execute(sql, params)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def put(self, *rows: tuple[int | None, str | None]) -> None:
        self.execute("DELETE FROM source_rows")
        mark = "?" if self.database.flavour == "sqlite" else "%s"
        for row in rows:
            self.execute(f"INSERT INTO source_rows VALUES ({mark}, {mark})", row)

    def target(self, table: str = "facts") -> Counter[tuple[Any, ...]]:
        return Counter(self.fetch(f"SELECT id, name FROM {table}"))

    def run(self, version: MappingVersion, run: Run | None = None, **hooks: Any) -> RunOutcome:
        context = RecordingContext(
            run or factories.run(version), version, self.settings, self.settings, **hooks
        )
        outcome = execute_run(context)
        assert context.held == []
        return outcome

    @contextmanager
    def session(self) -> Iterator[Session]:
        session = dialect_for(self.settings.db_type).connect(self.settings, Purpose.TARGET, SessionLimits())
        try:
            yield session
        finally:
            session.close()

    def leftovers(self) -> list[str]:
        names = {
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
            "postgresql": "SELECT relname FROM pg_class WHERE relkind = 'r'",
        }.get(
            self.database.flavour,
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
        )
        prefixes = ("etl_engine_stg_", "etl_engine_mark_", "etl_engine_done_", "etl_engine_old_")
        return [name for (name,) in self.fetch(names) if name.startswith(prefixes)]


@pytest.fixture
def pair(any_database: Database) -> Pair:
    return Pair(any_database)


def version(mode: WriteMode, columns: Sequence[Any] = PLAIN, **more: Any) -> MappingVersion:
    return factories.mapping_version(QUERY, columns, write_mode=mode, **more)


def test_append_adds_the_result_each_time(pair: Pair) -> None:
    of = version(WriteMode.APPEND)
    pair.put((1, "a"), (2, None), (2, None))
    outcome = pair.run(of)
    pair.run(of, factories.run(of, fence=2))
    assert pair.target() == Counter({(1, "a"): 2, (2, None): 4})
    assert (outcome.progress.rows_read, outcome.progress.rows_written) == (3, 3)
    assert pair.leftovers() == []


def test_append_with_keys_adds_only_absent_keys(pair: Pair) -> None:
    of = version(WriteMode.APPEND, KEYED)
    pair.put((1, "a"))
    pair.run(of)
    pair.put((1, "changed"), (2, "b"))
    progress = pair.run(of, factories.run(of, fence=2)).progress
    assert pair.target() == Counter({(1, "a"): 1, (2, "b"): 1})
    assert (progress.rows_read, progress.rows_written, progress.rows_unchanged) == (2, 1, 1)


def test_replace_makes_the_table_equal_the_result(pair: Pair) -> None:
    of = version(WriteMode.REPLACE)
    pair.put((1, "a"), (2, "b"))
    pair.run(of)
    pair.put((2, "b"), (3, "c\t\\N\n"))
    pair.run(of, factories.run(of, fence=2))
    assert pair.target() == Counter({(2, "b"): 1, (3, "c\t\\N\n"): 1})
    assert pair.leftovers() == []


def test_replace_keeps_its_key(pair: Pair) -> None:
    of = version(WriteMode.REPLACE, KEYED)
    for fence, name in enumerate(("a", "b", "c"), start=1):
        pair.put((1, name))
        pair.run(of, factories.run(of, fence=fence))
    assert pair.target() == Counter({(1, "c"): 1})
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        pair.execute("INSERT INTO facts (id, name) VALUES (1, 'again')")


def test_nothing_hangs_on_a_table_that_the_engine_made(pair: Pair) -> None:
    pair.put((1, "a"))
    pair.run(version(WriteMode.REPLACE, KEYED))
    with pair.session() as session:
        namespace = session.dialect.capabilities.default_namespace
        table = session.dialect.find_table(session, TableName("facts", namespace))
    assert table is not None
    always_in_place = pair.database.flavour == "sqlite"
    assert bool(table.swap_blockers) == always_in_place


def test_replace_below_a_view_leaves_the_view_working(pair: Pair) -> None:
    of = version(WriteMode.REPLACE)
    pair.put((1, "a"))
    pair.run(of)
    pair.execute("CREATE VIEW seen AS SELECT id, name FROM facts")
    pair.put((2, "b"), (3, "c"))
    pair.run(of, factories.run(of, fence=2))
    assert pair.target("seen") == Counter({(2, "b"): 1, (3, "c"): 1})


def test_upsert_has_the_values_of_every_key_and_deletes_nothing(pair: Pair) -> None:
    of = version(WriteMode.UPSERT, KEYED)
    pair.put((1, "a"), (2, "b"), (3, None))
    pair.run(of)
    pair.put((2, "changed"), (3, None), (4, "d"))
    progress = pair.run(of, factories.run(of, fence=2)).progress
    assert pair.target() == Counter({(1, "a"): 1, (2, "changed"): 1, (3, None): 1, (4, "d"): 1})
    assert (progress.rows_written, progress.rows_unchanged) == (2, 1)
    assert pair.leftovers() == []


def test_upsert_leaves_other_columns_alone(pair: Pair) -> None:
    pair.execute(
        "CREATE TABLE facts (id BIGINT PRIMARY KEY, name "
        + ("LONGTEXT" if pair.database.db_type == "mysql" else "TEXT")
        + ", note INTEGER)"
    )
    pair.execute("INSERT INTO facts VALUES (1, 'old', 7)")
    pair.put((1, "new"))
    pair.run(version(WriteMode.UPSERT, KEYED))
    assert pair.fetch("SELECT id, name, note FROM facts") == [(1, "new", 7)]


def test_upsert_refuses_two_rows_of_one_key(pair: Pair) -> None:
    pair.put((1, "a"), (1, "b"), (2, "c"))
    with pytest.raises(DuplicateKey, match=r"2 rows of the result share 1 keys in \(id\)"):
        pair.run(version(WriteMode.UPSERT, KEYED))
    assert pair.target() == Counter()


def test_text_keys_are_compared_byte_by_byte(pair: Pair) -> None:
    columns = (field("id", "integer"), field("name", nullable=False, primary_key=True))
    texts = ["a", "A", "a ", "ä", "ａ"]
    pair.put(*((number, text) for number, text in enumerate(texts)))
    pair.run(version(WriteMode.UPSERT, columns))
    assert pair.target() == Counter((number, text) for number, text in enumerate(texts))


def test_a_null_in_a_key_is_a_rejected_row(pair: Pair) -> None:
    of = version(WriteMode.UPSERT, KEYED, on_error=ErrorPolicy(policy="quarantine"))
    run = factories.run(of)
    pair.put((None, "lost?"), (1, "a"))
    progress = pair.run(of, run).progress
    assert (progress.rows_read, progress.rows_written, progress.rows_rejected) == (2, 1, 1)
    rows, total = read_rejected_rows(pair.settings, str(run.id), limit=10)
    assert total == 1
    assert rows[0].source_row == {"id": None, "name": "lost?"}
    assert [error["target_field"] for error in rows[0].errors] == ["id"]


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_committed_run_is_not_loaded_again(pair: Pair, mode: WriteMode) -> None:
    of = version(mode, KEYED)
    run = factories.run(of)
    pair.put((1, "a"))
    pair.run(of, run)
    pair.put((2, "b"))
    again = pair.run(of, run.model_copy(update={"fence": 2, "attempt": 2}))
    assert again.already_committed
    assert again.progress.rows_written == 1
    assert pair.target() == Counter({(1, "a"): 1})


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_cancelled_attempt_changes_nothing_and_the_next_one_is_exact(pair: Pair, mode: WriteMode) -> None:
    of = version(mode, KEYED)
    run = factories.run(of)
    pair.put((1, "a"), (2, "b"))

    def cancel() -> None:
        raise RunCancelled

    with pytest.raises(RunCancelled):
        pair.run(of, run, on_committing=cancel)
    assert pair.target() == Counter()
    pair.run(of, run.model_copy(update={"fence": 2, "attempt": 2}))
    assert pair.target() == Counter({(1, "a"): 1, (2, "b"): 1})
    assert pair.leftovers() == []


@pytest.mark.parametrize("mode", list(WriteMode))
def test_an_attempt_with_an_old_fence_cannot_commit(pair: Pair, mode: WriteMode) -> None:
    of = version(mode, KEYED)
    run = factories.run(of)
    pair.put((1, "a"))

    later = run.model_copy(update={"fence": 2, "attempt": 2})

    def overtake() -> None:
        if pair.database.flavour == "sqlite":
            raise LeaseLost  # its write lock keeps every later attempt out until this one has ended
        with pair.session() as session:
            ledger = Ledger(session, pair.settings)
            assert ledger.open_attempt(later, LedgerEntry("facts", mode.value, None)) is None

    with pytest.raises(LeaseLost):
        pair.run(of, run, on_committing=overtake)
    assert pair.target() == Counter()
    pair.run(of, later)
    assert pair.target() == Counter({(1, "a"): 1})


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_run_that_was_given_up_cannot_commit(pair: Pair, mode: WriteMode) -> None:
    of = version(mode, KEYED)
    run = factories.run(of)
    pair.put((1, "a"))
    states: list[LedgerState] = []

    def give_up() -> None:
        if pair.database.flavour == "sqlite":
            raise LeaseLost
        states.append(settle_lost_attempt(pair.settings, run))

    with pytest.raises(LeaseLost):
        pair.run(of, run, on_committing=give_up)
    assert states in ([], [LedgerState.ABORTED])
    assert settle_lost_attempt(pair.settings, run) is LedgerState.ABORTED
    assert +pair.target() == Counter()
    with pytest.raises(LeaseLost):
        pair.run(of, run.model_copy(update={"fence": 3, "attempt": 2}))


def test_settling_a_committed_run_says_so(pair: Pair) -> None:
    of = version(WriteMode.REPLACE)
    run = factories.run(of)
    pair.put((1, "a"))
    pair.run(of, run)
    assert settle_lost_attempt(pair.settings, run) is LedgerState.COMMITTED


def test_fail_publishes_nothing_names_the_row_and_keeps_it(pair: Pair) -> None:
    of = factories.mapping_version(QUERY, (field("id", "integer"), field("name", "integer")), table="facts")
    run = factories.run(of)
    pair.put((1, "5"), (2, "not a number"))
    with pytest.raises(CastFailed) as caught:
        pair.run(of, run)
    assert (caught.value.row, caught.value.column) == (2, "name")
    assert "not a number" not in str(caught.value)
    assert pair.target() == Counter()
    rows, total = read_rejected_rows(pair.settings, str(run.id), limit=10)
    assert (total, rows[0].row_number) == (1, 2)
    assert rows[0].source_row["name"] == "not a number"


def test_quarantine_stops_at_its_limit(pair: Pair) -> None:
    columns = (field("id", "integer"), field("name", "integer"))
    policy = ErrorPolicy(policy="quarantine", max_rows=1)
    of = factories.mapping_version(QUERY, columns, on_error=policy)
    pair.put((1, "x"), (2, "y"), (3, "3"))
    with pytest.raises(RejectLimitExceeded, match="max_rows is 1"):
        pair.run(of)
    assert pair.target() == Counter()


def test_replace_does_not_empty_a_table_unless_allowed(pair: Pair) -> None:
    of = version(WriteMode.REPLACE)
    pair.put((1, "a"))
    pair.run(of)
    pair.put()
    with pytest.raises(GuardFailed, match="allow_empty"):
        pair.run(of, factories.run(of, fence=2))
    assert pair.target() == Counter({(1, "a"): 1})
    allowed = of.model_copy(
        update={"mapping": of.mapping.model_copy(update={"guards": Guards(allow_empty=True)})}
    )
    pair.run(allowed, factories.run(allowed, fence=3))
    assert pair.target() == Counter()


@pytest.mark.parametrize(
    ("guards", "text"),
    [(Guards(min_rows=3), "min_rows is 3"), (Guards(max_change_percent=50), "last good run had 1")],
)
def test_guards_refuse_to_publish(pair: Pair, guards: Guards, text: str) -> None:
    of = version(WriteMode.REPLACE)
    pair.put((1, "a"))
    pair.run(of)
    guarded = of.model_copy(update={"mapping": of.mapping.model_copy(update={"guards": guards})})
    pair.put((1, "a"), (2, "b"))
    with pytest.raises(GuardFailed, match=text):
        pair.run(guarded, factories.run(guarded, fence=2))
    assert pair.target() == Counter({(1, "a"): 1})


def test_replace_does_not_touch_what_it_does_not_own(pair: Pair) -> None:
    pair.execute("CREATE TABLE facts (id BIGINT, name TEXT)")
    pair.execute("INSERT INTO facts VALUES (9, 'precious')")
    pair.put((1, "a"))
    if pair.database.db_type == "mysql":
        pair.execute("ALTER TABLE facts MODIFY name LONGTEXT")
    with pytest.raises(TargetRefused, match="take_over_table"):
        pair.run(version(WriteMode.REPLACE))
    assert pair.target() == Counter({(9, "precious"): 1})
    pair.run(version(WriteMode.REPLACE, take_over_table=True))
    assert pair.target() == Counter({(1, "a"): 1})
    with pytest.raises(TargetRefused, match="another mapping"):
        pair.run(version(WriteMode.REPLACE))


def test_a_contradicting_table_is_refused_by_column(pair: Pair) -> None:
    if pair.database.flavour == "sqlite":
        pair.execute("CREATE TABLE facts (id BIGINT, other TEXT NOT NULL)")
        match = "other"
    else:
        pair.execute("CREATE TABLE facts (id DATE, name TEXT)")
        match = "'id'"
    pair.put((1, "a"))
    with pytest.raises(SchemaMismatch, match=match):
        pair.run(version(WriteMode.APPEND))


def test_a_missing_nullable_column_is_added(pair: Pair) -> None:
    pair.execute("CREATE TABLE facts (id BIGINT)")
    pair.put((1, "a"))
    pair.run(version(WriteMode.APPEND))
    assert pair.target() == Counter({(1, "a"): 1})


def test_what_the_target_itself_refuses_is_read_again_row_by_row(pair: Pair) -> None:
    required = (field("id", "integer", nullable=False), field("name"))
    of = version(WriteMode.REPLACE, required, on_error=ErrorPolicy(policy="quarantine"))
    run = factories.run(of)
    pair.put((1, "a"), (None, "no id"), (3, "c"))
    progress = pair.run(of, run).progress
    assert (progress.rows_read, progress.rows_written, progress.rows_rejected) == (3, 2, 1)
    assert pair.target() == Counter({(1, "a"): 1, (3, "c"): 1})
    rows, _ = read_rejected_rows(pair.settings, str(run.id), limit=10)
    assert [row.source_row["name"] for row in rows] == ["no id"]
    assert pair.leftovers() == []
