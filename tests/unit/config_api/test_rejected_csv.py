import csv
import io

import pytest

from config_api.runs.rejected_csv import accepts_csv, write_csv
from shared.ledger_tables import RejectedRow

ERROR = {"target_field": "price", "source_columns": ["p"], "code": "x", "message": "no number"}


def test_each_row_is_a_line_with_its_source_columns() -> None:
    rows = [
        RejectedRow(1, 3, {"p": 'a,"b"\nc', "q": None}, [ERROR]),
        RejectedRow(7, 3, {"p": 5, "r": "=1+1"}, [ERROR, ERROR]),
    ]
    head, first, second = csv.reader(io.StringIO(write_csv(rows)))
    assert head == ["row_number", "mapping_version", "errors", "p", "q", "r"]
    assert first == ["1", "3", "price: no number", 'a,"b"\nc', "", ""]
    assert second == ["7", "3", "price: no number; price: no number", "5", "", "'=1+1"]


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
