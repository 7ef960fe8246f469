"""Each guard, switched off once, lets exactly the damage through that it is there to keep out.

Every test runs twice: with the guard, where the counts must be right, and without, where they must be wrong.
A guard whose removal nobody notices would be untested, and one of these tests would fail.
"""

import asyncio
import contextlib
import dataclasses
import threading
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from executor.load import ledger as ledger_module
from executor.load.job import LoadJob
from executor.load.ledger import Ledger, LedgerEntry, LedgerRow
from executor.pipeline import execute_run
from local_servers import Database
from shared.documents.mapping import WriteMode
from shared.documents.notice import Notice
from shared.documents.run import Run, RunError, RunStatus
from shared.errors import Conflict, EngineError, LeaseLost, TransientError
from shared.store import runs as runs_module
from shared.store.client import StoreClient
from shared.store.control_indexes import CONTROL_INDEXES
from shared.store.indexes import make_indexes
from shared.store.notices import NoticeStore
from shared.store.occupancy import Occupancy
from shared.store.run_reader import LIVE_STATUSES
from shared.store.runs import ONE_LIVE_INDEX, ONE_SLOT_INDEX, TICK_INDEX, RunStore
from tests import factories
from tests.conformance.write_modes.test_write_modes import KEYED, PLAIN, Pair, version
from tests.factories import NOW
from tests.recording_context import RecordingContext
from tests.tcp_proxy import TcpProxy

GUARD = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
COMMIT_SECONDS = 1.0
WAIT_SECONDS = 10.0
LOST = RunError(code="worker_lost", message="The worker that had the run is gone")


@pytest.fixture
def pair(mode_database: Database) -> Pair:
    return Pair(mode_database)


@pytest.fixture(params=["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def mode_database(request: pytest.FixtureRequest, create_database: Any) -> Database:
    made: Database = create_database(request.param)
    return made


@pytest.fixture
def renaming_pair(request: pytest.FixtureRequest, create_database: Any) -> Pair:
    return Pair(create_database(request.param))


# -- the ledger in the target ------------------------------------------------------------------------


def close_any_row(self: Ledger, run: Run, state: Any, progress: Any, window: Any) -> None:
    """`Ledger._close` without its question whose row it is and whether it is open."""
    self._session.execute(
        f"UPDATE {self._runs()} SET {self._quote('state')} = '{state.value}' WHERE {self._quote('run_id')} = '{run.id}'"
    )


def take_over_and_load(pair: Pair, run: Run, of: Any) -> None:
    """Another owner does the whole run while the first one stands before its commit."""
    pair.run(of, run.model_copy(update={"fence": 2, "attempt": 2}))


@GUARD
def test_the_fence_in_the_ledger_keeps_a_zombies_rows_out(
    pair: Pair, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        monkeypatch.setattr(Ledger, "_close", close_any_row)
    of = version(WriteMode.APPEND, PLAIN)
    run = factories.run(of)
    pair.put((1, "a"), (2, "b"))

    def overtake() -> None:
        with pair.session() as session:
            later = run.model_copy(update={"fence": 2, "attempt": 2})
            assert (
                Ledger(session, pair.settings).open_attempt(later, LedgerEntry("facts", "append", None))
                is None
            )

    try:
        pair.run(of, run, on_committing=overtake)
    except LeaseLost:
        assert guarded
    later = run.model_copy(update={"fence": 3, "attempt": 3})
    if not guarded:  # the next owner had begun before the zombie's commit: it has seen an open row
        monkeypatch.setattr(Ledger, "open_attempt", lambda *_: None)
    pair.run(of, later)
    assert (pair.target() == Counter({(1, "a"): 1, (2, "b"): 1})) is guarded


def open_blindly(self: Ledger, run: Run, entry: LedgerEntry) -> LedgerRow | None:
    """`Ledger.open_attempt` without its look at what an earlier attempt has done."""
    self._session.execute(f"DELETE FROM {self._runs()} WHERE {self._quote('run_id')} = '{run.id}'")
    self._insert(run, run.fence or 0, entry)
    return None


@GUARD
def test_the_committed_row_keeps_a_run_from_being_loaded_twice(
    pair: Pair, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        monkeypatch.setattr(Ledger, "open_attempt", open_blindly)
    of = version(WriteMode.APPEND, PLAIN)
    run = factories.run(of)
    pair.put((1, "a"))
    pair.run(of, run)
    pair.run(of, run.model_copy(update={"fence": 2, "attempt": 2}))
    assert (pair.target() == Counter({(1, "a"): 1})) is guarded


@GUARD
@pytest.mark.parametrize(
    "renaming_pair", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)], indirect=True
)
def test_the_dropped_marker_keeps_a_zombies_table_from_being_published(
    renaming_pair: Pair, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zombie stands right before its RENAME; the next owner publishes newer rows meanwhile."""
    pair = renaming_pair
    of = version(WriteMode.REPLACE, PLAIN)
    run = factories.run(of)
    pair.put((1, "old"))
    # A table that a session still holds cannot be dropped: so the staging tables may well stay.
    monkeypatch.setattr("executor.pipeline.drop_leftovers", lambda *_: None)
    if not guarded:
        monkeypatch.setattr(Ledger, "_settle_marker", lambda self, run_id: self.find(run_id))
    overtaken: list[bool] = []

    def overtake(point: str) -> None:
        if point == "mysql_before_rename" and not overtaken:
            overtaken.append(True)
            pair.put((1, "new"))
            take_over_and_load(pair, run, of)

    # The zombie's session still holds the named lock of the publication; it ends with the session.
    monkeypatch.setattr("executor.load.job.LoadJob.lock_publication", lambda self: None)
    monkeypatch.setattr("executor.load.replace.reach", overtake)
    with pytest.raises((LeaseLost, EngineError)):
        pair.run(of, run)
    assert overtaken
    assert (pair.target() == Counter({(1, "new"): 1})) is guarded


@GUARD
def test_aborting_the_row_keeps_a_given_up_run_from_committing(
    pair: Pair, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        monkeypatch.setattr(Ledger, "abort", lambda *_: ledger_module.LedgerState.ABORTED)
    of = version(WriteMode.UPSERT, KEYED)
    run = factories.run(of)
    pair.put((1, "a"))

    def give_up() -> None:
        assert ledger_module.settle_lost_attempt(pair.settings, run) is ledger_module.LedgerState.ABORTED

    try:
        pair.run(of, run, on_committing=give_up)
    except LeaseLost:
        assert guarded
    assert (pair.target() == Counter()) is guarded


@GUARD
@pytest.mark.chaos
def test_the_bound_of_a_commit_keeps_a_run_from_waiting_for_an_answer_for_ever(
    pair: Pair, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target falls silent before the commit, and the connection stays up: only then comes another attempt."""
    if not guarded:
        monkeypatch.setattr(LoadJob, "bounded", lambda _: contextlib.nullcontext())
    of = version(WriteMode.APPEND, PLAIN)
    run = factories.run(of)
    pair.put((1, "a"))
    with TcpProxy(pair.database.host, pair.database.port) as proxy:
        through = dataclasses.replace(pair.settings, port=proxy.port)
        hasty = RecordingContext(
            run, of, pair.settings, through, on_committing=proxy.silence, commit_seconds=COMMIT_SECONDS
        )
        attempt = threading.Thread(target=try_once, args=(hasty,), daemon=True)
        attempt.start()
        attempt.join(WAIT_SECONDS)
        ended = not attempt.is_alive()
    if ended:
        take_over_and_load(pair, run, of)
    attempt.join()
    assert (pair.target() == Counter({(1, "a"): 1})) is guarded


def try_once(context: RecordingContext) -> None:
    with contextlib.suppress(TransientError):
        execute_run(context)


# -- the store ---------------------------------------------------------------------------------------


@pytest.fixture
async def runs(mongodb_url: str, mongodb_database: str) -> AsyncIterator[RunStore]:
    client = StoreClient(mongodb_url, mongodb_database)
    await make_indexes(client)
    yield RunStore(client)
    await client.close()


def queued(**fields: Any) -> Run:
    values: dict[str, Any] = {
        "mapping_id": ObjectId(),
        "mapping_version": 1,
        "trigger": "retry",
        "status": RunStatus.QUEUED,
        "queued_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        **fields,
    }
    return Run(**values)


async def claim(runs: RunStore, executor_id: str) -> Run:
    claimed = await runs.claim_run(executor_id, 30)
    assert claimed is not None
    return claimed


@GUARD
async def test_the_fence_of_a_transition_keeps_a_zombie_from_closing_the_run(
    runs: RunStore, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        monkeypatch.setattr(
            runs_module, "_held", lambda run, statuses: {"_id": run.id, "status": {"$in": list(statuses)}}
        )
    await runs.queue_run(queued())
    zombie = await claim(runs, "zombie")
    await runs.requeue_lost_run(zombie, 0, LOST)
    owner = await claim(runs, "owner")
    try:
        await runs.finish_run(zombie, RunStatus.FAILED, error=LOST)
    except LeaseLost:
        assert guarded
    now = await runs.get(owner.tenant_id, owner.id)
    assert ((now.status, now.executor_id) == (RunStatus.RUNNING, "owner")) is guarded


@GUARD
async def test_the_state_of_a_transition_keeps_a_final_run_final(
    runs: RunStore, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        monkeypatch.setattr(runs_module, "_held", lambda run, _: {"_id": run.id, "fence": run.fence})
    await runs.queue_run(queued())
    run = await claim(runs, "one")
    await runs.finish_run(run, RunStatus.SUCCEEDED)
    try:
        await runs.requeue_lost_run(run, 0, LOST)
    except LeaseLost:
        assert guarded
    now = await runs.get(run.tenant_id, run.id)
    assert (now.status is RunStatus.SUCCEEDED) is guarded


@GUARD
async def test_the_unique_tick_keeps_a_due_instant_from_running_twice(runs: RunStore, guarded: bool) -> None:
    if not guarded:
        await runs._runs.drop_index(TICK_INDEX)
    schedule, tick = ObjectId(), NOW + timedelta(minutes=1)

    async def fire() -> None:
        with contextlib.suppress(Conflict):
            await runs.queue_run(queued(trigger="schedule", schedule_id=schedule, scheduled_for=tick))

    await asyncio.gather(*(fire() for _ in range(5)))
    fired = await runs._runs.count_documents({"schedule_id": schedule, "scheduled_for": tick})
    assert (fired == 1) is guarded


async def nothing_is_live() -> Occupancy:
    """What every claimer sees that looks before the others have claimed."""
    return Occupancy()


@GUARD
async def test_the_one_live_run_of_a_mapping_keeps_two_publishers_apart(
    runs: RunStore, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        await runs._runs.drop_index(ONE_LIVE_INDEX)
    monkeypatch.setattr(runs._occupancy, "read", nothing_is_live)
    mapping_id = ObjectId()
    for _ in range(3):
        await runs.queue_run(queued(mapping_id=mapping_id))
    await asyncio.gather(*(runs.claim_run(f"executor {n}", 30) for n in range(3)))
    live = await runs._runs.count_documents(
        {"mapping_id": mapping_id, "status": {"$in": list(LIVE_STATUSES)}}
    )
    assert (live == 1) is guarded


@GUARD
async def test_the_slot_of_a_connection_keeps_more_than_max_parallel_runs_from_using_it(
    runs: RunStore, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        await runs._runs.drop_index(ONE_SLOT_INDEX)
    monkeypatch.setattr(runs._occupancy, "read", nothing_is_live)
    for _ in range(3):
        await runs.queue_run(queued(uses=("one connection",)))
    await asyncio.gather(*(runs.claim_run(f"executor {n}", 30) for n in range(3)))
    live = await runs._runs.count_documents({"status": {"$in": list(LIVE_STATUSES)}})
    assert (live == 1) is guarded


async def end_any_attempt(self: NoticeStore, notice: Notice, change: dict[str, Any]) -> None:
    """`NoticeStore._end_attempt` without its question whether a later attempt has begun."""
    await self._notices.update_one({"_id": notice.id}, [{"$set": change}])


@GUARD
async def test_the_attempt_in_a_notices_end_keeps_a_late_sender_from_undoing_it(
    mongodb_url: str, mongodb_database: str, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        monkeypatch.setattr(NoticeStore, "_end_attempt", end_any_attempt)
    client = StoreClient(mongodb_url, mongodb_database)
    notices = NoticeStore(client)
    notice = Notice(
        run_id=ObjectId(), kind="failed", target="x", body="{}", due_at=NOW, created_at=NOW, updated_at=NOW
    )
    await notices.add([notice])
    late, present = await notices.take_due(0), await notices.take_due(60)
    assert late is not None
    assert present is not None
    await notices.record_sent(present)
    await notices.record_failure(late, "too_late", None)
    [stored] = await notices.of_run(notice.tenant_id, notice.run_id)
    assert (stored.status == "sent") is guarded
    await client.close()


def test_every_unique_index_of_runs_has_its_guard_test() -> None:
    unique = {index.document["name"] for index in CONTROL_INDEXES["runs"] if index.document.get("unique")}
    assert unique - {"runs_one_manual"} == {TICK_INDEX, ONE_LIVE_INDEX, ONE_SLOT_INDEX}
