"""Tables that attempts of earlier runs left behind, where tables are not part of the transaction."""

import re
from contextlib import suppress

from executor.load.ledger import Ledger, LedgerState
from executor.load.names import engine_tables
from shared.dialects.base import PARAM, Session
from shared.documents.run import Run
from shared.errors import LockTimeout
from shared.ledger_tables import DONE_PREFIX, MARKER_PREFIX, OLD_PREFIX, STAGING_PREFIX

HELD_SECONDS = 1.0
_ATTEMPT_TABLE = re.compile(
    rf"({MARKER_PREFIX}|{STAGING_PREFIX}|{OLD_PREFIX}|{DONE_PREFIX})([0-9a-f]{{24}})_[0-9]+"
)


def drop_leftovers_of_mapping(session: Session, ledger: Ledger, run: Run, lock_seconds: float) -> None:
    """Drop what other runs of the run's mapping left, such as one that ended while its target was away.

    None of them is at work: one run of a mapping is live at a time, and a zombie of an earlier one may not
    publish any more. A done marker stays while its row is open, because it tells that its run has committed.
    A table that a session still holds stays for the next run. `lock_seconds`, the session's own limit, is set
    again afterwards.
    """
    if session.dialect.capabilities.transactional_ddl:
        return
    found = [
        (table, match) for table in engine_tables(session) if (match := _ATTEMPT_TABLE.fullmatch(table.name))
    ]
    others = {match[2] for _, match in found} - {str(run.id)}
    states = {run_id: _state(session, ledger, run_id, str(run.mapping_id)) for run_id in others}
    session.dialect.set_lock_timeout(session, HELD_SECONDS)
    for table, match in found:
        state = states.get(match[2])
        if state is not None and (match[1] != DONE_PREFIX or state is not LedgerState.OPEN):
            with suppress(LockTimeout):
                session.execute(session.dialect.drop_table_sql(table))
    session.dialect.set_lock_timeout(session, lock_seconds)


def runs_with_tables(session: Session) -> set[str]:
    """Return the runs that have tables of attempts, whoever's; none where tables are part of the transaction."""
    if session.dialect.capabilities.transactional_ddl:
        return set()
    return {match[2] for table in engine_tables(session) if (match := _ATTEMPT_TABLE.fullmatch(table.name))}


def _state(session: Session, ledger: Ledger, run_id: str, mapping_id: str) -> LedgerState | None:
    """Return the state of a run of this mapping, None for every other run."""
    quote = session.dialect.quote
    rows = session.fetch(
        f"SELECT {quote('state')} FROM {session.dialect.qualified(ledger.tables.runs)}"
        f" WHERE {quote('run_id')} = {PARAM} AND {quote('mapping_id')} = {PARAM}",
        (run_id, mapping_id),
    )
    return LedgerState(rows[0][0]) if rows else None
