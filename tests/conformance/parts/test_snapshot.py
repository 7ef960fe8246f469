"""All parts read one instant: what is committed while they are opened is seen by none of them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from executor import parts
from local_servers import Database
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session
from shared.dialects.shared_snapshot import export_snapshot, join_snapshot
from shared.errors import SourceUnavailable
from tests import conftest, factories
from tests.conformance.dialects.conftest import LIMITS
from tests.conformance.parts.scene import context_of, in_parts, rows_of, run_once, said_of_parts
from tests.conformance.values.gears import Gears
from tests.factories import field

FIELDS = (field("id", "integer"), field("body"))
# Rows that vanish, that come, that change, and that move to another part.
CHANGES = (
    "DELETE FROM made WHERE id % 7 = 0",
    "INSERT INTO made SELECT g, g, 'late' FROM generate_series(1000, 1100) g",
    "UPDATE made SET body = 'late' WHERE id % 7 = 1",
    "UPDATE made SET part = 401 - part WHERE id % 7 = 2",
)


@pytest.fixture
def source(create_database: conftest.DatabaseFactory) -> Database:
    database = create_database("postgresql")
    database.execute(
        "CREATE TABLE made (part integer, id integer, body text)",
        "INSERT INTO made SELECT g, g, 'early' FROM generate_series(1, 400) g",
    )
    return database


def write_before_each_part(source: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Commit the changes before every further session is opened; return how to ask how often."""
    opened = 0

    def join(*arguments: Any) -> Session:
        nonlocal opened
        opened += 1
        source.execute(*CHANGES)
        return join_snapshot(*arguments)

    monkeypatch.setattr(parts, "join_snapshot", join)
    return lambda: opened


@pytest.mark.parametrize("flavour", conftest.FLAVOURS)
@pytest.mark.parametrize("gear", ["pass_through", "line_mapper"])
def test_what_is_committed_between_the_parts_is_seen_by_none(
    flavour: Any,
    gear: str,
    source: Database,
    create_database: conftest.DatabaseFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = create_database(flavour)
    Gears(monkeypatch).ask_for(gear)
    before = Counter(source.rows("SELECT id, body FROM made"))
    times_opened = write_before_each_part(source, monkeypatch)
    context = context_of(in_parts("SELECT part, id, body FROM made", FIELDS), source, target)
    run_once(context)
    assert said_of_parts(context) == "the source is read in 4 parts by column 'part'"
    assert times_opened() == 3
    assert rows_of(target) == before
    assert before != Counter(source.rows("SELECT id, body FROM made"))


def test_a_snapshot_that_is_not_there_is_said_to_be_missing(source: Database) -> None:
    settings = factories.connection_settings(source)
    first = dialect_for("postgresql").connect(settings, Purpose.SOURCE, LIMITS)
    name = export_snapshot(first)
    second = join_snapshot(first, settings, LIMITS, name)
    second.close()
    first.close()
    with pytest.raises(SourceUnavailable, match="does not find the snapshot") as refused:
        join_snapshot(first, settings, LIMITS, name)
    assert refused.value.code == "snapshot_not_shared"
