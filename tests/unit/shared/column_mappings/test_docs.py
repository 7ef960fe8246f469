"""docs/column_mappings.md says what the code does: every row of its tables is run."""

import json
from pathlib import Path

import pytest

from shared.column_mappings import Join, JoinConfig, Split
from shared.column_mappings.cast_errors import LEGAL_FORMS
from shared.column_mappings.casts import Mode, can_be_cast
from shared.types import DataType, Kind
from tests.unit.shared.column_mappings.doc_tables import (
    CASTS,
    JOINS,
    LIMITS,
    PAGE,
    SPLITS,
    VALUE_TEXTS,
    ZONES,
    table,
    target_field,
)
from tests.unit.shared.column_mappings.mapping_cases import (
    TARGETS,
    column,
    field,
    map_both,
    map_cell,
    mapper,
    only_cell,
)


def expected(text: str) -> bytes | str | None:
    """Return the cell or the error code that a table promises."""
    if text in LEGAL_FORMS:
        return text
    value = json.loads(text)
    return None if value is None else value.encode()


def encoded(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


@pytest.mark.parametrize(("source", "fields", "options", "result"), table(SPLITS))
def test_split(source: str, fields: str, options: str, result: str) -> None:
    names = tuple(f"f{number}" for number in range(int(fields)))
    spec = Split(source_columns=("a",), target_fields=names, config=json.loads(options))
    made = mapper([column("a")], [field(name) for name in names], [spec])
    row = map_both(made, [encoded(json.loads(source))])
    if result in LEGAL_FORMS:
        assert [error.code for error in row.errors] == [result]
        assert row.cells == (None,) * len(names)
    else:
        assert row.errors == ()
        assert list(row.cells) == [encoded(part) for part in json.loads(result)]


@pytest.mark.parametrize(("sources", "options", "result"), table(JOINS))
def test_join(sources: str, options: str, result: str) -> None:
    cells = [encoded(value) for value in json.loads(sources)]
    names = tuple(f"s{number}" for number in range(len(cells)))
    spec = Join(source_columns=names, target_fields=("out",), config=json.loads(options))
    row = map_both(mapper([column(name) for name in names], [field("out")], [spec]), cells)
    assert row.errors == ()
    assert row.cells == (encoded(json.loads(result)),)


@pytest.mark.parametrize(("kind", "value", "text"), table(VALUE_TEXTS))
def test_text_of_a_value(kind: str, value: str, text: str) -> None:
    source, cell = column("in", Kind(kind)), encoded(json.loads(value))
    assert map_cell(source, field("out"), cell) == encoded(json.loads(text))
    join = Join(source_columns=("in", "other"), target_fields=("out",), config=JoinConfig(separator="+"))
    row = map_both(mapper([source, column("other")], [field("out")], [join]), [cell, b""])
    assert row.cells == ((json.loads(text) + "+").encode(),)


def test_the_table_of_pairs_is_complete() -> None:
    listed = {name: set(kinds.split(", ")) for name, kinds in table("| field | takes |")}
    assert listed == {
        data_type.value: {
            kind.value for kind in Kind if kind is not Kind.DYNAMIC and can_be_cast(kind, data_type)
        }
        for data_type in DataType
    }


@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize(("kind", "to", "value", "strict", "lossy"), table(CASTS))
def test_casts(kind: str, to: str, value: str, strict: str, lossy: str, mode: Mode) -> None:
    result = map_cell(column("in", Kind(kind)), target_field(to), encoded(json.loads(value)), mode=mode)
    assert result == expected(strict if mode == "strict" else lossy)


@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize(("zone", "value", "strict", "lossy"), table(ZONES))
@pytest.mark.parametrize("kind", [Kind.TIMESTAMP, Kind.STRING])
def test_session_time_zone(kind: Kind, zone: str, value: str, strict: str, lossy: str, mode: Mode) -> None:
    out = field("out", DataType.TIMESTAMPTZ)
    result = map_cell(column("in", kind), out, encoded(json.loads(value)), mode=mode, zone=zone)
    assert result == expected(strict if mode == "strict" else lossy)


@pytest.mark.parametrize(("target", "kind", "to", "value", "strict"), table(LIMITS))
def test_what_a_target_cannot_hold(target: str, kind: str, to: str, value: str, strict: str) -> None:
    result = map_cell(
        column("in", Kind(kind)),
        target_field(to),
        encoded(json.loads(value)),
        limits=TARGETS[target],
        text_may_hold_nul=True,
    )
    assert result == expected(strict)


def test_every_error_code_is_in_the_page_or_its_tests() -> None:
    """A code that no test raises is a code that no test holds."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    page = PAGE.read_text(encoding="utf-8")
    assert [code for code in LEGAL_FORMS if code not in page and f'"{code}"' not in tests] == []


def test_a_result_other_than_the_tables_fails() -> None:
    """The comparison itself can fail."""
    with pytest.raises(AssertionError):
        test_split('"a b"', "2", '{"delimiter": " "}', '["a b", null]')
    with pytest.raises(AssertionError):
        test_casts("string", "integer", '"12"', '"13"', '"12"', "strict")
    assert only_cell(map_both(mapper([column("a")], [field("a")]), [b"x"])) == b"x"
