"""Rejected rows as they are read back from the target: a page of them, or all in blocks of bounded size. Blocking."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from shared.dialects import dialect_for
from shared.dialects.base import PARAM, ConnectionSettings, Purpose, Session, TableName
from shared.ledger_tables import LEDGER_READ_LIMITS, ledger_tables

BLOCK_ROWS = 2000
BLOCK_CHARACTERS = 8 * 1024 * 1024


@dataclass(frozen=True)
class RejectedRow:
    row_number: int
    mapping_version: int
    source_row: dict[str, Any]
    errors: Sequence[dict[str, Any]]


def read_rejected_rows(
    target: ConnectionSettings, run_id: str, *, limit: int, offset: int = 0
) -> tuple[list[RejectedRow], int]:
    """Return a page of a run's rejected rows by row number, and their total.

    A target without the engine's tables has none. Raises EngineError classes.
    """
    with closing(_connect(target)) as session:
        table = _find_table(session, target)
        if table is None:
            return [], 0
        rows = _fetch(session, table, run_id, f"LIMIT {int(limit)} OFFSET {int(offset)}")
        return rows, _count(session, table, run_id)


def read_rejected_block(target: ConnectionSettings, run_id: str, *, after: int) -> list[RejectedRow]:
    """Return the rejected rows of a run that follow a row number, up to a block: none behind the last.

    Each block has a session of its own, so that a slow reader holds nothing in the target. At least one row comes,
    whatever its size. Raises EngineError classes.
    """
    with closing(_connect(target)) as session:
        table = _find_table(session, target)
        if table is None:
            return []
        last = _end_of_block(session, table, run_id, after)
        if last is None:
            return []
        number = session.dialect.quote("row_number")
        return _fetch(session, table, run_id, "", f" AND {number} > {int(after)} AND {number} <= {last}")


def _connect(target: ConnectionSettings) -> Session:
    return dialect_for(target.db_type).connect(target, Purpose.TARGET, LEDGER_READ_LIMITS)


def _find_table(session: Session, target: ConnectionSettings) -> TableName | None:
    table = ledger_tables(target, session.dialect).rejected_rows
    return table if session.dialect.find_table(session, table) is not None else None


def _end_of_block(session: Session, table: TableName, run_id: str, after: int) -> int | None:
    quote = session.dialect.quote
    rows = session.fetch(
        f"SELECT {quote('row_number')}, LENGTH({quote('source_row')}) + LENGTH({quote('errors')})"
        f" FROM {session.dialect.qualified(table)} WHERE {quote('run_id')} = {PARAM}"
        f" AND {quote('row_number')} > {int(after)} ORDER BY {quote('row_number')} LIMIT {BLOCK_ROWS}",
        (run_id,),
    )
    last, size = None, 0
    for number, characters in rows:
        size += int(characters)
        if last is not None and size > BLOCK_CHARACTERS:
            break
        last = int(number)
    return last


def _fetch(session: Session, table: TableName, run_id: str, page: str, where: str = "") -> list[RejectedRow]:
    quote = session.dialect.quote
    names = ", ".join(quote(name) for name in ("row_number", "mapping_version", "source_row", "errors"))
    rows = session.fetch(
        f"SELECT {names} FROM {session.dialect.qualified(table)} WHERE {quote('run_id')} = {PARAM}{where}"
        f" ORDER BY {quote('row_number')} {page}",
        (run_id,),
    )
    return [
        RejectedRow(int(number), int(version), json.loads(row), json.loads(errors))
        for number, version, row, errors in rows
    ]


def _count(session: Session, table: TableName, run_id: str) -> int:
    quote = session.dialect.quote
    sql = f"SELECT COUNT(*) FROM {session.dialect.qualified(table)} WHERE {quote('run_id')} = {PARAM}"
    return int(session.fetch(sql, (run_id,))[0][0])
