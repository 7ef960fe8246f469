"""Rows of one key in one window: the highest cursor wins.

Rows come in the order of the cursor; each mapped line gets two more cells: the rank of its cursor (equal cursors,
equal rank) and a digest of the line itself, by which equal rows are told from rows that contradict each other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from executor.transform import LineMapping, RejectedRows
from shared.cursors import Cursor
from shared.source_plan import SourcePlan
from shared.types import DataType, Kind, SourceColumn, TargetField

RANK_FIELD = TargetField(name="etl_engine_rank", data_type=DataType.INTEGER)
DIGEST_FIELD = TargetField(name="etl_engine_digest", data_type=DataType.STRING, length=32)
RANK_FIELDS = (RANK_FIELD, DIGEST_FIELD)


@dataclass(frozen=True)
class CursorRank:
    """The cursor's place in the source row; decimals of one value may have several texts (1.5, 1.50)."""

    place: int
    is_decimal: bool


def rank_of(cursor: Cursor, described: Sequence[SourceColumn]) -> CursorRank:
    """Return how rows of this source are ranked."""
    return CursorRank(
        [column.name for column in described].index(cursor.column.name), cursor.kind is Kind.DECIMAL
    )


class RankedLineMapping(LineMapping):
    """Every line through the compiled column mappings, with its rank and digest behind it."""

    def __init__(self, plan: SourcePlan, rank: CursorRank, rejected: RejectedRows, rows_before: int) -> None:
        super().__init__(plan, rejected, rows_before)
        self._rank = rank
        self._last: bytes | Decimal | None = None
        self._number = 0

    def block(self, block: bytes) -> bytes:
        mapped = self._mapper.map_block(block)
        for line in mapped.rejected:
            self._rejected.add(self._rows_before + self.rows_read + line.line_number, line)
        self.rows_read += mapped.rows_read
        self.rows_sent += mapped.rows_mapped
        ranks = self._ranks(block, {line.line_number for line in mapped.rejected})
        return b"".join(
            [
                b"%b\t%d\t%b\n" % (line, rank, hashlib.blake2b(line, digest_size=16).hexdigest().encode())
                for line, rank in zip(mapped.data.split(b"\n")[:-1], ranks, strict=True)
            ]
        )

    def _ranks(self, block: bytes, rejected: set[int]) -> list[int]:
        """Return the ranks of the lines that were mapped, which keep their order."""
        ranks: list[int] = []
        for number, line in enumerate(block.split(b"\n")[:-1], start=1):
            cell = line.split(b"\t", self._rank.place + 1)[self._rank.place]
            value = Decimal(cell.decode()) if self._rank.is_decimal else cell
            if value != self._last:
                self._last = value
                self._number += 1
            if number not in rejected:
                ranks.append(self._number)
        return ranks
