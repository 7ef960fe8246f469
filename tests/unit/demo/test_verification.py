from demo.mapping import COLUMN_MAPPINGS, SCHEMA_COLUMNS
from demo.row_text import CELL_END, WORDS, expected_query, found_query
from demo.verification import fingerprint


def test_every_target_column_is_filled_once() -> None:
    filled = [field for mapping in COLUMN_MAPPINGS for field in mapping["target_fields"]]
    assert sorted(filled) == sorted(column["name"] for column in SCHEMA_COLUMNS)


def test_both_texts_have_a_cell_for_each_target_column() -> None:
    for flavour in WORDS:
        assert expected_query(flavour).count(CELL_END) == len(SCHEMA_COLUMNS) - 1
        assert found_query(flavour).count(CELL_END) == len(SCHEMA_COLUMNS) - 1


def test_rows_count_with_their_number_but_not_their_order() -> None:
    first, second = "first", "second"
    assert fingerprint([first, second]) == fingerprint([second, first])
    assert fingerprint([first, first]).checksum != fingerprint([second, second]).checksum
