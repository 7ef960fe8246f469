"""Every value of the type matrix arrives as it was, or its row is rejected with the reason, on every pair and gear."""

import contextlib
from collections.abc import Sequence

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings.row_mapper import compile_row_mapper
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, SessionLimits
from shared.dialects.binary_copy import binary_select
from shared.documents.mapping import WriteMode
from tests import conftest
from tests.conformance.values.conftest import FindSource, Source
from tests.conformance.values.families import Family
from tests.conformance.values.gears import MAPPING_RUNS, Gears
from tests.conformance.values.runs import Outcome, run
from tests.conformance.values.source_tables import SOURCE, expected_codes, expected_rows, read
from tests.factories import connection_settings, field

NUMBER = field("number", "integer", nullable=False)
# SQLite's values are cast row by row, each by its own type.
PASSING_PAIRS = [one for one in conftest.ALL_PAIRS if not str(one.id).startswith("sqlite-")]


def run_direct(
    source: Database, target: Database, families: Sequence[Family], mode: WriteMode, where: str = "1 = 1"
) -> Outcome:
    """Run a mapping of these families' columns, each direct into the field of its name."""
    names = ", ".join(one.field.name for one in families)
    keys = ("number",) if mode is WriteMode.UPSERT else None
    number = NUMBER if keys else field("number", "integer")
    return run(
        source,
        target,
        f"SELECT number, {names} FROM {SOURCE} WHERE {where}",
        (number, *(one.field for one in families)),
        write_mode=mode,
        key_columns=keys,
        take_over_table=True,
    )


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT])
@pytest.mark.parametrize(("pair", "gear"), MAPPING_RUNS)
def test_every_value_arrives_or_its_row_is_rejected(
    pair: tuple[Flavour, Flavour],
    gear: str,
    mode: WriteMode,
    source_of: FindSource,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    source, target = source_of(pair[0]), create_database(pair[1])
    gears.ask_for(gear)
    outcome = run_direct(source.database, target, source.families(), mode)
    assert [taken.gear for taken in gears.taken] == [gear]
    assert outcome.progress.rows_read == len(source.rows)
    assert outcome.codes() == expected_codes(source.rows, target.flavour)
    fields = [one.field for one in source.families()]
    assert read(target, "facts", fields) == expected_rows(source.rows, target.flavour)


@pytest.mark.parametrize("pair", PASSING_PAIRS)
def test_what_passes_through_as_text_arrives_as_it_was(
    pair: tuple[Flavour, Flavour],
    source_of: FindSource,
    create_database: conftest.DatabaseFactory,
    gears: Gears,
) -> None:
    gears.ask_for("pass_through_text")
    check_passing(source_of(pair[0]), create_database(pair[1]), gears, binary=False)


def test_what_passes_through_in_binary_arrives_as_it_was(
    source_of: FindSource, postgresql_database: Database, gears: Gears
) -> None:
    gears.ask_for("pass_through")
    check_passing(source_of("postgresql"), postgresql_database, gears, binary=True)


def check_passing(source: Source, target: Database, gears: Gears, *, binary: bool) -> None:
    families = passing_families(source, target, binary=binary)
    rows = [row for row in source.rows if row.family in families and target.flavour in row.value.targets]
    where = f"number IN ({', '.join(str(row.number) for row in rows)})"
    fields = [one.field for one in families]
    for _ in range(2):  # into a table that is made for it, then swapped or emptied
        outcome = run_direct(source.database, target, families, WriteMode.REPLACE, where)
        assert outcome.progress.rows_written == len(rows)
        assert read(target, "facts", fields) == expected_rows(rows, target.flavour)
    form = "binary" if binary else "csv" if target.flavour in ("mysql", "mariadb") else "lines"
    assert [(taken.gear, taken.form) for taken in gears.taken] == [("pass_through", form)] * 2
    assert {row.family.name for row in rows} == {one.name for one in families} != set()


def passing_families(source: Source, target: Database, *, binary: bool) -> list[Family]:
    """Return the families whose values may pass through unlooked at, each by itself."""
    settings = connection_settings(source.database)
    session = dialect_for(settings.db_type).connect(settings, Purpose.SOURCE, SessionLimits())
    with contextlib.closing(session):
        columns = session.dialect.describe(session, f"SELECT * FROM {SOURCE}")
    settings = connection_settings(target)
    limits = contextlib.closing(
        dialect_for(settings.db_type).connect(settings, Purpose.TARGET, SessionLimits())
    )
    with limits as target_session:
        target_limits = target_session.dialect.capabilities.limits
    passing = []
    for one in source.families():
        [column] = [column for column in columns if column.name == one.field.name]
        mapper = compile_row_mapper(
            [column],
            [one.field],
            (),
            limits=target_limits,
            key_columns=(),
            source_text_may_hold_nul=session.dialect.capabilities.limits.nul_in_text,
        )
        passes = mapper.identity is not None or (
            target_limits.refuses_misfits and mapper.identity_when_taken is not None
        )
        if passes and (not binary or binary_select(session.dialect, SOURCE, [column], [one.field])):
            passing.append(one)
    return passing
