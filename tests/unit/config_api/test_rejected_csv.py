import csv
import io
from collections.abc import Sequence

import pytest

from config_api.runs.rejected_csv import RejectedCsv, accepts_csv
from shared.rejected_rows import RejectedRow

ERROR = {"target_field": "price", "source_columns": ["p"], "code": "x", "message": "no number"}


def written(rows: Sequence[RejectedRow]) -> str:
    table = RejectedCsv.of(rows)
    return table.head() + table.lines(rows)


def test_each_row_is_a_line_with_its_source_columns() -> None:
    rows = [
        RejectedRow(1, 3, {"p": 'a,"b"\nc', "q": None}, [ERROR]),
        RejectedRow(7, 3, {"p": 5, "r": "=1+1"}, [ERROR, ERROR]),
    ]
    head, first, second = csv.reader(io.StringIO(written(rows), newline=""))
    assert head == ["row_number", "mapping_version", "errors", "p", "q", "r"]
    assert first == ["1", "3", "price: no number", 'a,"b"\nc', "", ""]
    assert second == ["7", "3", "price: no number; price: no number", "5", "", "'=1+1"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", '""'),
        ("plain", "plain"),
        (" padded ", '" padded "'),
        ("a\r\nb", '"a\r\nb"'),
        ('"', '""""'),
        ("a,b", '"a,b"'),
        ("\\N", "\\N"),
        ("-1.50", "-1.50"),
        ("-1e-5", "-1e-5"),
        ("-1+cmd", "'-1+cmd"),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("\t=1", "'\t=1"),
        (True, "true"),
        (-5, "-5"),
    ],
)
def test_a_cell_says_null_from_empty_and_runs_nothing(value: object, cell: str) -> None:
    assert written([RejectedRow(1, 1, {"v": value}, [])]).split("\r\n", 1)[1] == f'1,1,"",{cell}\r\n'


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", True),
        ("Text/CSV; q=0.9", True),
        ("text/csv, application/json", True),
        ("application/json, text/csv", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_csv_is_for_who_asks_for_it(accept: str, wanted: bool) -> None:
    assert accepts_csv(accept) is wanted
