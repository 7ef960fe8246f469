"""Splits and joins, each case of the page and of typed columns, on every pair of real databases."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import Direct
from tests import conftest
from tests.conformance.values.conftest import OpenDatabase
from tests.conformance.values.gears import MAPPING_RUNS, Gears
from tests.conformance.values.runs import run
from tests.conformance.values.shape_cases import ShapeCase, shape_cases
from tests.conformance.values.source_tables import SOURCE, canonical, fill_columns, read
from tests.factories import field

NUMBER = field("number", "integer")
FindShapes: TypeAlias = Callable[[Flavour], tuple[Database, list[ShapeCase]]]


@pytest.fixture(scope="module")
def shapes_of(lasting_database: OpenDatabase) -> FindShapes:
    """A source of a flavour with the columns of all the cases that it can have, and these cases."""
    made: dict[Flavour, tuple[Database, list[ShapeCase]]] = {}

    def find(flavour: Flavour) -> tuple[Database, list[ShapeCase]]:
        if flavour not in made:
            database = lasting_database(flavour)
            cases = [case for case in shape_cases() if case.is_in(flavour)]
            columns = {
                name: types[flavour]
                for case in cases
                for name, types in zip(case.columns, case.types, strict=True)
            }
            rows = [dict(zip(case.columns, case.values, strict=True)) for case in cases]
            fill_columns(database, columns, rows)
            made[flavour] = database, cases
        return made[flavour]

    return find


@pytest.mark.parametrize(("pair", "gear"), MAPPING_RUNS)
def test_splits_and_joins_are_what_the_page_says(
    pair: tuple[Flavour, Flavour],
    gear: str,
    shapes_of: FindShapes,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    (source, cases), target = shapes_of(pair[0]), create_database(pair[1])
    fields = [one for case in cases for one in case.fields]
    gears.ask_for(gear)
    outcome = run(
        source,
        target,
        f"SELECT * FROM {SOURCE}",
        (NUMBER, *fields),
        [Direct(source_columns=("number",), target_fields=("number",)), *(case.spec for case in cases)],
    )
    assert [taken.gear for taken in gears.taken] == [gear]
    numbered = list(enumerate(cases, start=1))
    codes = {number: frozenset(found.values()) for number, found in outcome.codes().items()}
    assert codes == {number: case.codes for number, case in numbered if case.codes}
    everywhere = {one.name: case.otherwise for case in cases for one in case.fields}
    assert read(target, "facts", fields) == {
        number: present({**everywhere, **results_of(case)}) for number, case in numbered if not case.codes
    }


def results_of(case: ShapeCase) -> dict[str, str | None]:
    return {
        one.name: None if text is None else canonical(one.data_type, text)
        for one, text in zip(case.fields, case.results, strict=True)
    }


def present(texts: dict[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text is not None}


def test_an_error_names_the_field_and_the_source_column(
    shapes_of: FindShapes, sqlite_database: Database
) -> None:
    source, cases = shapes_of("sqlite")
    place, case = next((place, case) for place, case in enumerate(cases) if case.codes == {"missing_part"})
    outcome = run(
        source,
        sqlite_database,
        f"SELECT * FROM {SOURCE} WHERE number = {place + 1}",
        (NUMBER, *case.fields),
        [Direct(source_columns=("number",), target_fields=("number",)), case.spec],
    )
    [error] = outcome.rejected[0].errors
    assert error["source_columns"] == list(case.columns)
    assert error["target_field"] in [one.name for one in case.fields]
    assert case.values[0] is not None
    assert error["message"] == "fewer parts between delimiters than target fields"


def test_every_shape_and_option_is_in_the_cases() -> None:
    splits = [case.spec.config for case in shape_cases() if case.spec.type == "split"]
    joins = [case.spec.config for case in shape_cases() if case.spec.type == "join"]
    assert values_of(splits, "on_extra") == {"keep_in_last", "drop", "error"}
    assert values_of(splits, "on_missing") == {"null", "error"}
    assert values_of(splits, "trim") == values_of(splits, "regex") == {True, False}
    assert {"|", ".", "||", "\t", "🙂"} <= values_of(splits, "delimiter")
    assert values_of(joins, "on_null") == {"skip", "empty", "null"}


def values_of(configs: Sequence[object], option: str) -> set[object]:
    return {getattr(config, option) for config in configs}
