"""The casts of docs/column_mappings.md, each row on every pair of real databases, strict and lossy."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from local_servers.access import Flavour
from shared.column_mappings import Direct, DirectConfig
from tests import conftest
from tests.conformance.values.cast_cases import KIND_TYPES, Mode, cast_families
from tests.conformance.values.conftest import OpenDatabase, Source
from tests.conformance.values.gears import MAPPING_RUNS, Gears
from tests.conformance.values.runs import run
from tests.conformance.values.source_tables import (
    SOURCE,
    expected_codes,
    expected_rows,
    fill,
    placed_values,
    read,
)
from tests.factories import field
from tests.unit.shared.column_mappings.doc_tables import CASTS, table

NUMBER = field("number", "integer")

FindCasts: TypeAlias = Callable[[Flavour], Source]


@pytest.fixture(scope="module")
def casts_of(lasting_database: OpenDatabase) -> FindCasts:
    """The source of a flavour with every value of the page's casts in it."""
    made: dict[Flavour, Source] = {}

    def find(flavour: Flavour) -> Source:
        if flavour not in made:
            database = lasting_database(flavour)
            made[flavour] = Source(database, fill(database, cast_families("strict")))
        return made[flavour]

    return find


def test_the_page_has_no_kind_without_a_column_type() -> None:
    assert {row[0] for row in table(CASTS)} == set(KIND_TYPES)


@pytest.mark.parametrize("mode", ["strict", "lossy"])
@pytest.mark.parametrize(("pair", "gear"), MAPPING_RUNS)
def test_a_cast_is_what_the_page_says(
    pair: tuple[Flavour, Flavour],
    mode: Mode,
    gear: str,
    casts_of: FindCasts,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    source, target = casts_of(pair[0]).database, create_database(pair[1])
    families = [one for one in cast_families(mode) if pair[0] in one.types]
    rows = placed_values(families, pair[0])
    gears.ask_for(gear)
    names = [one.name for one in families]
    outcome = run(
        source,
        target,
        f"SELECT number, {', '.join(names)} FROM {SOURCE}",
        (NUMBER, *(one.field for one in families)),
        [direct("number", "strict"), *(direct(name, mode) for name in names)],
    )
    assert [taken.gear for taken in gears.taken] == [gear]
    assert outcome.codes() == expected_codes(rows, target.flavour)
    assert read(target, "facts", [one.field for one in families]) == expected_rows(rows, target.flavour)


def direct(name: str, mode: Mode) -> Direct:
    return Direct(source_columns=(name,), target_fields=(name,), config=DirectConfig(cast=mode))
