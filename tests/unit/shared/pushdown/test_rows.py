"""Rows in doubt among sure ones."""

from dataclasses import dataclass, field

from executor.transform import PushedDownRows
from shared.column_mappings import Direct
from shared.column_mappings.line_mapper import RejectedLine
from shared.pushdown import PushedDown
from shared.pushdown.postgresql import PostgresqlSpeech
from shared.pushdown.rows import find_doubted
from shared.types import DataType
from tests.unit.shared.column_mappings.mapping_cases import column, mapper
from tests.unit.shared.column_mappings.mapping_cases import field as target

PUSHED = PushedDown((), PostgresqlSpeech().source_cells, lambda query, _: query)


@dataclass
class Rejected:
    """Notes what is rejected."""

    rows: list[tuple[int, RejectedLine]] = field(default_factory=list)

    def add(self, row_number: int, line: RejectedLine) -> None:
        self.rows.append((row_number, line))


def transform(rejected: Rejected, rows_before: int = 0) -> PushedDownRows:
    compiled = mapper([column("a"), column("b")], [target("x", DataType.INTEGER), target("b")],
                      [direct("a", "x"), direct("b", "b")])  # fmt: skip
    return PushedDownRows(compiled, PUSHED, rejected, rows_before)  # type: ignore[arg-type] # only add is used


def direct(source: str, to: str) -> Direct:
    return Direct(source_columns=(source,), target_fields=(to,))


def test_a_block_without_doubt_passes_as_it_is() -> None:
    sure = transform(Rejected())
    block = b"1\ta\\nb\n2\tx\x01y\n"
    assert sure.block(block) is block
    assert (sure.rows_read, sure.rows_sent) == (2, 2)


def test_a_mark_within_a_line_is_no_doubt() -> None:
    assert find_doubted(b"a\x01b\tc\x01\n\\n\x01\n") is None
    found = find_doubted(b"a\x01b\n\x01(x)\tc\nd\n")
    assert found is not None
    assert found.doubted == [1]


def test_rows_in_doubt_are_mapped_in_their_places() -> None:
    decided = transform(rejected := Rejected())
    block = b'1\ta\n\x01(2.0,"b ""\\\\\\\\")\t\\N\n3\tc\n\x01(x,)\t\\N\n\x01(5.0,e)\t\\N\n6\tf\n'
    assert decided.block(block) == b'1\ta\n2\tb "\\\\\n3\tc\n5\te\n6\tf\n'
    assert (decided.rows_read, decided.rows_sent) == (6, 5)
    [(number, line)] = rejected.rows
    assert number == 4
    assert line.source_cells == (b"x", None)
    assert [error.code for error in line.errors] == ["not_an_integer"]


def test_row_numbers_go_on_from_block_to_block() -> None:
    decided = transform(rejected := Rejected(), rows_before=10)
    assert decided.block(b"\x01(x,a)\t\\N\n") == b""
    assert decided.block(b"1\ta\n\x01(y,b)\t\\N\n") == b"1\ta\n"
    assert [number for number, _ in rejected.rows] == [11, 13]


def test_the_text_of_a_row_gives_its_cells() -> None:
    cells = PostgresqlSpeech().source_cells
    assert cells(b'(a,,"",b)') == (b"a", None, b"", b"b")
    assert cells(b'("a,b","(""x"")"," y\n","c\\\\d")') == (b"a,b", b'("x")', b" y\n", b"c\\d")
    assert cells(b"()") == (None,)
