"""One mapping from a source to a target of its own, and the count of what arrived."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

import pymysql
from bson import ObjectId

from executor.load.ledger import LedgerState
from local_servers import Database, ServerAccess
from shared.documents.mapping import WriteMode
from shared.documents.run import Run, RunStatus
from shared.ledger_tables import REJECTED_ROWS, RUNS, TABLES
from tests import factories
from tests.chaos.databases import SPARE
from tests.chaos.store import ChaosStore
from tests.chaos.waiting import until
from tests.factories import field

Row: TypeAlias = tuple[Any, ...]

ROWS = 2_500  # more than one block, so that the middle of an extraction is not its end
MANY_ROWS = 20_000  # more than the buffers on the way hold
GONE = 100
TABLE = "facts"
NAMES = "id, name, amount, at, gen"
QUERY = f"SELECT {NAMES} FROM source_rows"
FILL = """
    CREATE TABLE source_rows AS
    SELECT i AS id, md5(i::text) || E'\\t' || md5((i * 7)::text) AS name, (i % 10007)::numeric(12, 2) / 100 AS amount,
           timestamp '2024-01-01' + i * interval '1.000001 second' AS at, 1::bigint AS gen
    FROM generate_series(1::bigint, {rows}) AS i"""
PLAIN_FIELDS = (
    field("name"),
    field("amount", "decimal", precision=20, scale=8),
    field("at", "timestamp"),
    field("gen", "integer"),
)
KEYED = (field("id", "integer", nullable=False, primary_key=True), *PLAIN_FIELDS)
UNKEYED = (field("id", "integer"), *PLAIN_FIELDS)


class Scene:
    """A PostgreSQL source of two generations of rows, and a target that has taken the first one.

    The second generation has other values in every row and lacks some keys of the first.
    """

    def __init__(
        self,
        store: ChaosStore,
        source: ServerAccess,
        target: ServerAccess,
        mode: WriteMode,
        *,
        source_port: int | None = None,
        target_port: int | None = None,
        rows: int = ROWS,
        **mapping: Any,
    ) -> None:
        self.store = store
        self.mode = mode
        self._servers = (source, target)
        self._target_is_proxied = target_port is not None
        self.source = SPARE.take(source)
        self.target = SPARE.take(target)
        self.source.execute(FILL.format(rows=rows))
        name = str(ObjectId())
        read = store.add_connection(self.source, f"source {name}", source_port)
        write = store.add_connection(self.target, f"target {name}", target_port)
        self.version = factories.mapping_version(
            QUERY,
            UNKEYED if mode is WriteMode.APPEND else KEYED,
            table=TABLE,
            name=name,
            write_mode=mode,
            source_connection_id=read.id,
            target_connection_id=write.id,
            **mapping,
        )
        self.source_connection_id = read.id
        self.target_connection_id = write.id
        store.add_mapping(self.version)
        self.expected: Counter[Row] = Counter()
        self.before = (0, 0)

    def close(self) -> None:
        for server, database in zip(self._servers, (self.source, self.target), strict=True):
            give_back(server, database)

    # -- the source ----------------------------------------------------------------------------

    def change_source(self) -> None:
        """Bring the next generation: every row changed, some gone."""
        self.source.execute(
            "UPDATE source_rows SET gen = gen + 1, name = name || gen, amount = amount + 1;"
            f" DELETE FROM source_rows WHERE id <= {GONE} * (SELECT max(gen) - 1 FROM source_rows)"
        )

    def expect_one_more(self) -> None:
        """Count the present source in as one more applied run."""
        now = Counter(self.source.rows(QUERY))
        self.before = size(self.expected)
        if self.mode is WriteMode.APPEND:
            self.expected += now
        elif self.mode is WriteMode.REPLACE:
            self.expected = now
        else:
            kept = {row[0]: row for row in self.expected} | {row[0]: row for row in now}
            self.expected = Counter(kept.values())

    # -- runs ----------------------------------------------------------------------------------

    def queue(self, **fields: Any) -> Run:
        return self.store.queue(self.version, **fields)

    def settle_first_generation(self) -> None:
        """Run once without any fault."""
        done = self.store.wait_for_end(self.queue())
        assert (done.status, done.error) == (RunStatus.SUCCEEDED, None)
        self.expect_one_more()
        if self._target_is_proxied:
            # The one that a worker keeps warm would never hear, through a silence, that it was closed.
            end_sessions(self._servers[1], self.target)

    # -- what must hold ------------------------------------------------------------------------

    def check_exact(self) -> None:
        """The target holds what the runs applied, as multisets."""
        found = Counter(self.target.rows(f"SELECT {NAMES} FROM {TABLE}"))
        lost, foreign = self.expected - found, found - self.expected
        assert found == self.expected, f"{lost.total()} rows lost, {foreign.total()} rows too many"

    def ledger_states(self, run: Run) -> list[str]:
        return [row[0] for row in self.target.rows(f"SELECT state FROM {RUNS} WHERE run_id = '{run.id}'")]

    def check_nothing_left(self) -> None:
        """No table but the target and the engine's own, and no open session, so neither a lock, on either side."""
        assert sorted(tables(self.target)) == sorted((TABLE, RUNS, TABLES, REJECTED_ROWS))
        for server, database in zip(self._servers, (self.source, self.target), strict=True):
            until(lambda s=server, d=database: not sessions(s, d), f"end of sessions on {database.flavour}")  # type: ignore[misc]

    def check_replay(self, run: Run) -> None:
        """A run whose report was lost is closed by its ledger row, and changes nothing."""
        assert self.ledger_states(run) == [LedgerState.COMMITTED.value]
        self.store.lose_report(run)
        again = self.store.wait_for_end(run)
        same_counts = run.progress.model_copy(update={"bytes_read": again.progress.bytes_read})
        assert (again.status, again.progress) == (RunStatus.SUCCEEDED, same_counts)
        assert "an earlier attempt had committed: nothing is loaded again" in self.store.lines(run)[-2:]

    @property
    def states(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """What a reader may see: before and after the last expected run."""
        return self.before, size(self.expected)


def size(rows: Counter[Row]) -> tuple[int, int]:
    return rows.total(), sum(row[-1] * times for row, times in rows.items())


def tables(database: Database) -> Sequence[str]:
    schema = "'public'" if database.flavour == "postgresql" else "DATABASE()"
    sql = f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}"
    return [str(row[0]) for row in database.rows(sql)]


def sessions(server: ServerAccess, database: Database) -> list[Row]:
    """The sessions in a database, seen from outside of it."""
    sql = "SELECT id, command, info FROM information_schema.processlist WHERE db = %s"
    if database.flavour == "postgresql":
        sql = "SELECT pid, state, query FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    with server.admin().cursor() as cursor:
        cursor.execute(sql, (database.database,))
        return [tuple(row) for row in cursor.fetchall()]


def end_sessions(server: ServerAccess, database: Database) -> None:
    """End the sessions in a database, but those that end by themselves meanwhile."""
    sql = "SELECT pg_terminate_backend(%s)" if database.flavour == "postgresql" else "KILL %s"
    for number, *_ in sessions(server, database):
        with server.admin().cursor() as cursor, contextlib.suppress(pymysql.err.OperationalError):
            cursor.execute(sql, (number,))


def give_back(server: ServerAccess, database: Database) -> None:
    """Leave a database to the next scenario once its sessions have ended; drop it where one stays."""
    end_sessions(server, database)
    with contextlib.suppress(AssertionError):
        until(lambda: not sessions(server, database), "end of sessions", 5)
    SPARE.give_back(server, database, in_use=bool(sessions(server, database)))
