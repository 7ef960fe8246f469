"""Rows committed late: a transaction that is open when a window is fixed may still commit rows below its `high`.

Where the source shows its open transactions, a time cursor stays below the start of the oldest of them. A row's
cursor is taken not to be older than the start of its transaction, which `now()` and every later clock keep to.
A transaction counts from its beginning, not from its first write: `BEGIN; SELECT …; INSERT … now()` writes the
time of its BEGIN.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from shared.cursors import TIME_KINDS, Cursor
from shared.dialects.base import Session
from shared.types import Kind

_SERIAL_WRITERS = frozenset(("sqlite",))  # one writer at a time: rows are committed in the order of writing
_SHOWS_TRANSACTIONS = frozenset(("postgresql",))
_VISIBLE = (
    "SELECT current_setting('server_version_num')::int >= 130000 AND NOT pg_is_in_recovery()"
    " AND (pg_has_role('pg_read_all_stats', 'USAGE') OR NOT EXISTS ("
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    " AND NOT pg_has_role(usesysid, 'USAGE')))"
)
_INSTANT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
# The engine's own readers never write: only those of its sessions count that have a transaction number.
_OPEN = (
    f"SELECT {_INSTANT.format('clock_timestamp()')}, {_INSTANT.format('min(xact_start)')},"
    " EXISTS (SELECT 1 FROM pg_prepared_xacts WHERE database = current_database()),"
    " pg_current_snapshot()::text"
    " FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    " AND pid <> pg_backend_pid() AND (application_name <> 'etl-engine' OR backend_xid IS NOT NULL)"
)
_SNAPSHOT = "SELECT pg_current_snapshot()::text"


@dataclass(frozen=True)
class OpenTransactions:
    """Transactions that may still write, as seen at `seen_at`; `oldest` is the start of the oldest of them.

    `prepared`: one is prepared, whose start no view tells. `snapshot` differs from another one whenever a
    transaction took or gave up its number in between.
    """

    seen_at: datetime
    oldest: datetime | None
    prepared: bool
    snapshot: str


@dataclass(frozen=True)
class HeldBack:
    """`high` must stay below `before` (None: no bound); `stopped`: the window cannot move at all."""

    before: datetime | None
    stopped: bool
    time_zone: str

    def text(self, kind: Kind) -> str | None:
        """Return the bound as wire text of a time cursor. Wall clocks are those of the connection's zone."""
        if self.before is None or kind not in TIME_KINDS:
            return None
        if kind is Kind.TIMESTAMPTZ:
            return self.before.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ") + "+00"
        local = self.before.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)
        return date.isoformat(local.date()) if kind is Kind.DATE else local.isoformat(sep=" ")


def look_for_writers(session: Session) -> OpenTransactions | None:
    """Return the open transactions of the session's database; None where they are not shown to this user.

    Asked through a session of its own: inside of one transaction the answer would stay the first one.
    """
    if session.dialect.name not in _SHOWS_TRANSACTIONS or not _sees_all(session):
        return None
    [(seen_at, oldest, prepared, snapshot)] = session.fetch(_OPEN)
    return OpenTransactions(_utc(seen_at), None if oldest is None else _utc(oldest), prepared, snapshot)


def snapshot_of(session: Session) -> str:
    """Return the snapshot that a source session reads, in the form of `OpenTransactions.snapshot`."""
    return str(session.fetch(_SNAPSHOT)[0][0])


def hold_back(before: OpenTransactions, snapshot: str, after: OpenTransactions, time_zone: str) -> HeldBack:
    """Return the bound from a look before the snapshot was taken and one after it.

    A transaction that both looks missed began after the first one: when any took or gave up its number
    between the snapshot and the second look, the time of the first look is a bound too.
    """
    instants = [look.oldest for look in (before, after) if look.oldest is not None]
    if snapshot != after.snapshot:
        instants.append(before.seen_at)
    return HeldBack(min(instants, default=None), before.prepared or after.prepared, time_zone)


def late_commits_reason(source: Session, cursor: Cursor) -> str | None:
    """Return why late commits can be missed on this source, None when they cannot."""
    if source.dialect.name in _SERIAL_WRITERS:
        return None
    if cursor.kind not in TIME_KINDS:
        return f"a cursor of kind {cursor.kind} does not tell when its row was written"
    if source.dialect.name not in _SHOWS_TRANSACTIONS:
        return "this database does not show its open transactions"
    if _sees_all(source):
        return None
    return (
        "open transactions are not shown: grant pg_read_all_stats, on a primary server of version 13 or later"
    )


def _sees_all(session: Session) -> bool:
    return bool(session.fetch(_VISIBLE)[0][0])


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
