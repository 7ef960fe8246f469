"""Replay: the rejected rows of a run through the mapping as it is now.

The kept wire cells are read back from the target, mapped, and loaded by key or appended. One ledger transaction
holds the rows that land, their removal from the rejected rows, and the new errors of those that still fail.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from executor.context import RunContext, RunOutcome
from executor.extract import Feed
from executor.load import append, upsert
from executor.load.job import LoadJob
from executor.load.ledger import Ledger
from executor.transform import RejectedRows
from shared.column_mappings.line_mapper import RejectedLine
from shared.column_mappings.row_mapper import compile_row_mapper
from shared.dialects.base import PARAM, Dialect, Session, TableName
from shared.documents.mapping import (
    ErrorPolicy,
    MappingVersion,
    WriteMode,
    effective_key_columns,
    effective_write_mode,
)
from shared.documents.run import Progress, Run
from shared.errors import CountMismatch, EngineError, InvalidMapping, TargetRefused
from shared.rejected_cells import read_cells, read_columns
from shared.source_plan import SourcePlan
from shared.target_plan import plan_target
from shared.types import Kind, SourceColumn
from shared.wire import join_line, split_line

_STORED = ("row_number", "source_cells")
_KEEP_ALL = ErrorPolicy(policy="quarantine")


def plan_replay(
    version: MappingVersion,
    run: Run,
    reader: Session,
    table: TableName,
    target: Dialect,
    time_zone: str,
) -> SourcePlan | None:
    """Return how the rejected rows of a run are read and mapped now; None when there are none.

    Raises InvalidMapping, TargetRefused for rows that were kept without their cells.
    """
    _refuse_replace_without_keys(version)
    described = _columns_then(reader, table, str(run.replay_of))
    if described is None:
        return None
    row_mapper = compile_row_mapper(
        described,
        version.target_schema.columns,
        version.column_mappings,
        limits=target.capabilities.limits,
        key_columns=effective_key_columns(version.mapping, version.target_schema),
        session_time_zone=time_zone,
    )
    dialect = reader.dialect
    names = ", ".join(dialect.quote(name) for name in _STORED)
    query = (
        f"SELECT {names} FROM {dialect.qualified(table)} WHERE {dialect.quote('run_id')} = '{run.replay_of}'"
    )
    columns = dialect.describe(reader, query)
    sql = dialect.wire_select(query, columns, cursor_order=f"q.{dialect.quote('row_number')}")
    return SourcePlan(
        columns,
        tuple(described),
        query,
        sql,
        "line_mapper",
        "rejected rows are mapped again one by one",
        row_mapper,
    )


def _refuse_replace_without_keys(version: MappingVersion) -> None:
    mode = effective_write_mode(version.mapping, version.target_schema)
    if mode is WriteMode.REPLACE and not effective_key_columns(version.mapping, version.target_schema):
        raise InvalidMapping(
            "rejected rows of a replacing mapping are brought in by key, and it has no key_columns",
            code="replay_needs_key",
            loc=("key_columns",),
        )


def _columns_then(reader: Session, table: TableName, run_id: str) -> list[SourceColumn] | None:
    """Return the source columns that the rows of a run were kept with: one of them at least has these."""
    quote = reader.dialect.quote
    of_run = f"FROM {reader.dialect.qualified(table)} WHERE {quote('run_id')} = {PARAM}"
    columns = quote("source_columns")
    rows = reader.fetch(f"SELECT {columns} {of_run} AND {columns} IS NOT NULL LIMIT 1", (run_id,))
    if rows:
        text = rows[0][0]
        return read_columns(text if isinstance(text, str) else bytes(text).decode())
    if not reader.fetch(f"SELECT 1 {of_run} LIMIT 1", (run_id,)):
        return None
    raise TargetRefused("these rejected rows were kept without their source cells", code="not_replayable")


class Replayed:
    """Kept rows in, target lines out (a Transform); row numbers stay those of the first rejection.

    `ranked`: windows are read in the order of their cursor, so of two rows of one key the later one is newer.
    """

    is_light = False

    def __init__(self, plan: SourcePlan, rejected: RejectedRows, *, ranked: bool) -> None:
        self._mapper = plan.row_mapper
        self._dynamic = plan.columns[0].kind is Kind.DYNAMIC
        self._rejected = rejected
        self._ranked = ranked
        self.rows_read = 0
        self.rows_sent = 0

    def block(self, block: bytes) -> bytes:
        return b"".join(list(self._lines(block)))

    def _lines(self, block: bytes) -> Iterator[bytes]:
        for line in block.split(b"\n")[:-1]:
            self.rows_read += 1
            number, kept = [self._plain(cell) for cell in split_line(line)]
            cells = read_cells(kept)
            mapped = self._mapper.map_row(cells)
            if mapped.errors:
                self._rejected.add(int(number), RejectedLine(int(number), cells, mapped.errors))
                continue
            self.rows_sent += 1
            yield join_line((*mapped.cells, number, b"") if self._ranked else mapped.cells)

    def _plain(self, cell: bytes | None) -> bytes:
        if cell is None:
            raise TargetRefused("a rejected row was kept without its source cells", code="not_replayable")
        return cell[1:] if self._dynamic else cell

    def ended(self, rows: int) -> None:
        if rows != self.rows_read:
            raise CountMismatch(
                f"{rows} rejected rows were sent, {self.rows_read} were mapped: nothing is published"
            )


class ReplayJob(LoadJob):
    """A load whose rejected rows take the place of those that were read."""

    def keep_rejected_rows(self) -> None:
        table = self.ledger.tables.rejected_rows
        removed = self.session.execute(
            f"DELETE FROM {self.dialect.qualified(table)} WHERE {self.dialect.quote('run_id')} = {PARAM}",
            (str(self.context.run.replay_of),),
        )
        if removed != self.rows_read:
            raise CountMismatch(
                f"{self.rows_read} rejected rows were read, {removed} are there: not published"
            )
        super().keep_rejected_rows()


def replay_run(context: RunContext, reader: Session, target: Session, ledger: Ledger) -> RunOutcome:
    """Do one attempt of a replay to its commit."""
    version, table = context.version, ledger.tables.rejected_rows
    reading = plan_replay(
        version, context.run, reader, table, target.dialect, context.source.session_time_zone
    )
    if reading is None:
        return _nothing_to_replay(context, target, ledger)
    writing = plan_target(version, reading.row_mapper.fields, target)
    reading = replace(reading, row_mapper=reading.row_mapper.into(writing.fields))
    context.planned(reading.gear, None)
    for statement in writing.ddl:
        target.execute(statement)
    ranked = bool(writing.keys) and version.mapping.incremental is not None
    # Rows that fail again stay with the run that rejected them first, all of them.
    first_run = context.run.model_copy(update={"id": context.run.replay_of})
    with closing(RejectedRows(first_run, _KEEP_ALL, reading.described)) as rejected:

        def start_feed() -> Feed:
            return Feed(reader, reading, Replayed(reading, rejected, ranked=ranked), rejected, context)

        job = ReplayJob(context, writing, target, ledger, start_feed, rejected, None, ranked=ranked)
        try:
            # Append leaves existing keys alone; the other modes bring rows in by key.
            load = append.load if writing.write_mode is WriteMode.APPEND else upsert.load
            return RunOutcome(load(job), None)
        except EngineError:
            target.rollback()
            raise


def _nothing_to_replay(context: RunContext, target: Session, ledger: Ledger) -> RunOutcome:
    progress = Progress(phase="commit")
    target.begin()
    context.enter_committing(progress)
    ledger.commit_row(context.run, progress, None)
    target.commit()
    return RunOutcome(progress, None)
