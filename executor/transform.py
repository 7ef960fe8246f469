"""The plan's gear applied to blocks; rejected rows are set aside."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, BinaryIO, Protocol

import orjson

from shared.column_mappings.line_mapper import RejectedLine, compile_line_mapper
from shared.column_mappings.row_mapper import CellError, RowMapper
from shared.documents.mapping import ErrorPolicy
from shared.documents.run import Run
from shared.errors import CastFailed, CountMismatch, RejectLimitExceeded, TransientError
from shared.pushdown import PushedDown
from shared.pushdown.rows import SureAndDoubted, find_doubted, source_line
from shared.rejected_cells import keep_cells, keep_columns
from shared.source_plan import SourcePlan
from shared.types import SourceColumn
from shared.wire import join_line, json_value

SPOOL_MEMORY_BYTES = 4 * 1024 * 1024
KEPT_UNDER_FAIL = 100
REMEMBERED_ERRORS = 1000


class RejectedRows:
    """Rejected rows of one attempt as COPY text lines, in memory first and then in a temporary file.

    `count` counts all; under the policy `fail` the reading stops at the first 100. The first row alone carries the
    columns, which are the same for all.
    """

    def __init__(self, run: Run, policy: ErrorPolicy, columns: Sequence[SourceColumn]) -> None:
        self._run = run
        self._policy = policy
        self._columns = columns
        self._names = [column.name for column in columns]
        self._kinds = [column.kind for column in columns]
        self._errors: dict[tuple[CellError, ...], bytes] = {}
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        self.count = 0
        self.first_error: CastFailed | None = None

    def add(self, row_number: int, line: RejectedLine) -> None:
        """Keep one row. Raises RejectLimitExceeded once max_rows is passed, CastFailed at 100 under fail.

        Raises TransientError `executor_disk_full`: another executor may have space.
        """
        self.count += 1
        if self.first_error is None:
            self.first_error = _cast_failed(row_number, line)
        try:
            self._spool.write(self._line(row_number, line))
        except OSError as error:
            raise TransientError(
                "the temporary folder of the executor cannot take the rejected rows: is its disk full?",
                code="executor_disk_full",
            ) from error
        if self._policy.policy == "fail" and self.count >= KEPT_UNDER_FAIL:
            raise self.first_error
        if self._policy.max_rows is not None and self.count > self._policy.max_rows:
            raise self._too_many(f"max_rows is {self._policy.max_rows}")

    def check_at_end(self, rows_read: int) -> None:
        """Apply the policy to the whole. Raises CastFailed, RejectLimitExceeded."""
        if self.first_error is not None and self._policy.policy == "fail":
            raise self.first_error
        percent = self._policy.max_percent
        if percent is not None and rows_read and self.count * 100 > percent * rows_read:
            raise self._too_many(f"max_percent is {percent:g} of {rows_read} rows")

    def open(self) -> BinaryIO:
        """Return the kept lines from their start, for a bulk load."""
        self._spool.seek(0)
        return self._spool  # type: ignore[return-value]  # typeshed: SpooledTemporaryFile is a BinaryIO in all but name

    def close(self) -> None:
        self._spool.close()

    def _too_many(self, limit: str) -> RejectLimitExceeded:
        first = self.first_error
        seen = f"; first: row {first.row}, column {first.column}: {first.message}" if first else ""
        return RejectLimitExceeded(
            f"{self.count} rows were rejected, {limit}{seen}",
            row=first.row if first else None,
            column=first.column if first else None,
        )

    def _line(self, row_number: int, line: RejectedLine) -> bytes:
        values = map(json_value, line.source_cells, self._kinds)
        return join_line(
            (
                str(self._run.id).encode(),
                str(row_number).encode(),
                str(self._run.mapping_version).encode(),
                _json(dict(zip(self._names, values, strict=True))),
                self._errors.get(line.errors) or self._remember(line.errors),
                keep_cells(line.source_cells),
                keep_columns(self._columns).encode() if self.count == 1 else None,
            )
        )

    def _remember(self, errors: tuple[CellError, ...]) -> bytes:
        """Write the errors of a row; most rows have the same ones, and their texts are few."""
        text = _json([asdict(error) for error in errors])
        if len(self._errors) < REMEMBERED_ERRORS:
            self._errors[errors] = text
        return text


def _json(value: Any) -> bytes:
    """Return JSON, with characters that a database may refuse in a text escaped."""
    return orjson.dumps(value)


def _cast_failed(row_number: int, line: RejectedLine) -> CastFailed:
    first = line.errors[0]
    return CastFailed(
        f"row {row_number}, field {first.target_field!r}: {first.message}",
        code=first.code,
        row=row_number,
        column=first.target_field,
    )


class Transform(Protocol):
    """Blocks of the source in, blocks of target fields out; counts rows as it goes."""

    rows_read: int
    rows_sent: int
    is_light: bool  # little is done with most blocks, and that by compiled code

    def block(self, block: bytes) -> bytes: ...

    def ended(self, rows: int) -> None:
        """Take note of how many rows the source says it sent. Raises CountMismatch for other counts."""
        ...


def _check_count(rows: int, transformed: int) -> None:
    if rows != transformed:
        raise CountMismatch(
            f"the source sent {rows} rows, {transformed} were transformed: nothing is published"
        )


class PassThroughUncounted:
    """A stream that is no lines of COPY text travels untouched; its rows are counted at both ends."""

    is_light = True

    def __init__(self) -> None:
        self.rows_read = 0
        self.rows_sent = 0

    def block(self, block: bytes) -> bytes:
        return block

    def ended(self, rows: int) -> None:
        self.rows_read = self.rows_sent = rows


class PassThrough:
    """Every value fits as it is: blocks travel untouched."""

    is_light = True

    def __init__(self) -> None:
        self.rows_read = 0
        self.rows_sent = 0

    def block(self, block: bytes) -> bytes:
        rows = block.count(b"\n")  # a newline inside a cell is escaped
        self.rows_read += rows
        self.rows_sent += rows
        return block

    def ended(self, rows: int) -> None:
        _check_count(rows, self.rows_read)


class LineMapping:
    """Every line through the compiled column mappings."""

    is_light = False

    def __init__(self, plan: SourcePlan, rejected: RejectedRows, rows_before: int) -> None:
        self._mapper = compile_line_mapper(plan.row_mapper)
        self._rejected = rejected
        self._rows_before = rows_before
        self.rows_read = 0
        self.rows_sent = 0

    def block(self, block: bytes) -> bytes:
        mapped = self._mapper.map_block(block)
        for line in mapped.rejected:
            self._rejected.add(self._rows_before + self.rows_read + line.line_number, line)
        self.rows_read += mapped.rows_read
        self.rows_sent += mapped.rows_mapped
        return mapped.data

    def ended(self, rows: int) -> None:
        _check_count(rows, self.rows_read)


class PushedDownRows:
    """The source has done the mapping: only rows in doubt go through the compiled column mappings.

    Those that are mapped after all take the place of their lines, so that rows keep their order.
    """

    is_light = True

    def __init__(
        self, row_mapper: RowMapper, pushed: PushedDown, rejected: RejectedRows, rows_before: int
    ) -> None:
        self._mapper = compile_line_mapper(row_mapper)
        self._source_cells = pushed.source_cells
        self._rejected = rejected
        self._rows_before = rows_before
        self.rows_read = 0
        self.rows_sent = 0

    def block(self, block: bytes) -> bytes:
        found = find_doubted(block)
        if found is None:
            rows = block.count(b"\n")  # a newline inside a cell is escaped
            self.rows_read += rows
            self.rows_sent += rows
            return block
        kept = self._decide(found)
        self.rows_read += len(found.lines)
        self.rows_sent += len(kept)
        return b"\n".join(kept) + b"\n" if kept else b""

    def _decide(self, found: SureAndDoubted) -> list[bytes]:
        """Return the lines to be sent; the others are rejected."""
        lines = [source_line(found.lines[place], self._source_cells) for place in found.doubted]
        mapped = self._mapper.map_block(b"".join(lines))
        rejected = {line.line_number: line for line in mapped.rejected}
        decided = iter(mapped.data.split(b"\n"))
        kept: list[bytes | None] = [*found.lines]
        for number, place in enumerate(found.doubted, start=1):
            if number in rejected:
                self._rejected.add(self._rows_before + self.rows_read + place + 1, rejected[number])
                kept[place] = None
            else:
                kept[place] = next(decided)
        return [line for line in kept if line is not None]

    def ended(self, rows: int) -> None:
        _check_count(rows, self.rows_read)


def start_transform(plan: SourcePlan, rejected: RejectedRows, *, rows_before: int) -> Transform:
    """Return the transform of the plan's gear; row numbers go on from `rows_before`."""
    if plan.form != "lines":
        return PassThroughUncounted()
    if plan.gear == "pass_through":
        return PassThrough()
    if plan.pushed is not None:
        return PushedDownRows(plan.row_mapper, plan.pushed, rejected, rows_before)
    return LineMapping(plan, rejected, rows_before)
