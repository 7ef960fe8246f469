from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from demo.mapping import COLUMN_MAPPINGS, SCHEMA_COLUMNS
from demo.verification import canonical, expected_row, fingerprint

ROW = (
    *("2013-01-01T10:00:00Z", "UA", "United Air Lines Inc.", 1545, "N14228", "EWR", "IAH"),
    *("George Bush Intercontinental", "America/Chicago", 2, 11, "1400"),
)


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        (
            [
                "2013-01-01T10:00:00Z",
                "2013-01-01 10:00:00+00:00",
                datetime(2013, 1, 1, 10),  # noqa: DTZ001 - as MySQL's driver gives it
                datetime(2013, 1, 1, 10, tzinfo=UTC),
                datetime(2013, 1, 1, 5, tzinfo=timezone(timedelta(hours=-5))),
            ],
            "timestamptz",
        ),
        ([2, "2.0", Decimal("2.0"), Decimal("2.00")], "decimal"),
        ([1400, "1400"], "integer"),
    ],
)
def test_one_value_has_one_text(values: list[Any], data_type: str) -> None:
    assert len({canonical(value, data_type) for value in values}) == 1


def test_a_changed_digit_is_seen() -> None:
    assert canonical(Decimal("2.04"), "decimal") != canonical(2, "decimal")


def test_a_row_is_expected_as_the_mapping_says() -> None:
    assert expected_row(ROW)[5:9] == ("EWR > IAH", "George Bush Intercontinental", "America", "Chicago")


def test_every_target_column_is_expected_and_filled_once() -> None:
    filled = [field for mapping in COLUMN_MAPPINGS for field in mapping["target_fields"]]
    assert sorted(filled) == sorted(column["name"] for column in SCHEMA_COLUMNS)
    assert len(expected_row(ROW)) == len(SCHEMA_COLUMNS)


def test_rows_count_with_their_number_but_not_their_order() -> None:
    first, second = expected_row(ROW), ("other",)
    assert fingerprint([first, second]) == fingerprint([second, first])
    assert fingerprint([first, first]).checksum != fingerprint([second, second]).checksum
    assert fingerprint([("a", None)]).checksum != fingerprint([("a", "")]).checksum
