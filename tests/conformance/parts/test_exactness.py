"""Whatever the values of the column, all rows of the source are read once, in every gear, into every target."""

import contextlib
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from executor import parts as parts_of_runs
from local_servers import Database
from local_servers.access import Flavour
from shared.column_mappings import Direct, Join, JoinConfig
from shared.column_mappings.direct import DirectConfig
from shared.dialects import dialect_for
from shared.dialects.base import Purpose, Session, SessionLimits
from shared.dialects.whole_rows import read_whole_rows
from shared.documents.mapping import Incremental, WriteMode
from shared.parts import plan_parts
from shared.rejected_rows import read_rejected_rows
from shared.source_plan import plan_source
from shared.types import Form
from tests import conftest
from tests.conformance.parts.scene import context_of, in_parts, rows_of, run_once, said_of_parts
from tests.conformance.values.gears import Gears
from tests.factories import field

FIELDS = (field("id", "integer"), field("body"))
# By type: values at its ends and beyond, twice, and close to each other.
VALUES: dict[str, list[str | None]] = {
    "smallint": ["-32768", "-1", "0", "0", "1", "32767"],
    "integer": ["-2147483648", "-5", "-4", "0", "7", "7", "2147483647"],
    "bigint": ["-9223372036854775808", "-1", "0", "1", "1", "9223372036854775807"],
    "numeric": ["-Infinity", "-1e60", "-0.1", "0", "0.0", "0.10", "0.1", "1.05", "1e60", "Infinity", "NaN", "NaN"],
    "numeric(6,2)": ["-9999.99", "0.00", "0.01", "0.02", "0.02", "9999.99", "NaN"],
    "numeric(30,25)": ["0", "0.0000000000000000000000001", "0.0000000000000000000000002"],
    "date": ["-infinity", "4714-11-24 BC", "0001-01-01", "2024-02-29", "2024-03-01", "5874897-12-31", "infinity"],
    "timestamp": [
        *("-infinity", "4714-11-24 00:00:00 BC", "2024-03-31 02:30:00", "2024-03-31 02:30:00.000001"),
        *("294276-12-31 23:59:59.999999", "infinity"),
    ],
    "timestamp(0)": ["2024-01-01 00:00:00", "2024-01-01 00:00:01", "2024-01-01 00:00:02", "2024-01-01 00:00:03"],
    "timestamptz": [
        *("-infinity", "4714-11-24 00:00:00+00 BC", "2024-10-27 00:30:00+00", "2024-10-27 01:30:00+00"),
        *("2024-10-27 01:30:00+00", "2024-06-01 00:00:00-11", "294276-12-31 23:59:59.999999+00", "infinity"),
    ],
    "uuid": [
        *("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"),
        *("7fffffff-ffff-ffff-ffff-ffffffffffff", "80000000-0000-0000-0000-000000000000"),
        *("ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ],
}  # fmt: skip
ODD = ['a"b', "a,b", "", "\\N", "NULL", "tab\there", "line\nbreak", '"\n', "ä🙂", "\x01marked", "\\"]
WAYS: list[tuple[Flavour, str]] = [
    *(("postgresql", gear) for gear in ("pass_through", "pass_through_text", "pushed_down", "line_mapper")),
    *(("mariadb", gear) for gear in ("pass_through", "pushed_down", "line_mapper")),
    *(("sqlite", gear) for gear in ("pass_through", "line_mapper")),
]
ALL_WAYS = pytest.mark.parametrize(("flavour", "gear"), WAYS)
FORMS = {("postgresql", "pass_through"): "binary", ("mariadb", "pass_through"): "csv"}


@pytest.fixture(scope="module")
def source() -> Iterator[Database]:
    """A table for each type; every value stands there three times, with NULLs before, between and behind."""
    access = conftest.server("postgresql")
    database = access.create_database(f"t_{secrets.token_hex(6)}")
    with database.cursor() as cursor:
        for number, (type_name, values) in enumerate(VALUES.items()):
            cursor.execute(f"CREATE TABLE made{number} (id bigint, part {type_name}, body text)")
            rows = [None, *values, None, *reversed(values), *values, None]
            for place, value in enumerate(rows):
                row = (place, value, f"{ODD[place % len(ODD)]} {value}")
                cursor.execute(f"INSERT INTO made{number} VALUES (%s, %s::{type_name}, %s)", row)
        cursor.execute("CREATE TABLE many (part integer, id bigint, body text)")
        cursor.execute(
            "INSERT INTO many SELECT NULLIF(g %% 1000, 999), g, repeat((%s::text[])[g %% 11 + 1], g %% 40)"
            " FROM generate_series(1, 30000) g",
            (ODD,),
        )
        cursor.execute("CREATE TABLE even (part integer, id bigint NOT NULL, body text)")
        cursor.execute("INSERT INTO even SELECT g, g, 'row ' || g FROM generate_series(1, 400) g")
    yield database
    access.drop_database(database)


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Flavour], Database]]:
    made: dict[Flavour, Database] = {}

    def find(flavour: Flavour) -> Database:
        if flavour not in made:
            path = tmp_path_factory.mktemp("targets") / "target.sqlite"
            made[flavour] = (
                Database("sqlite", path.name, path=path)
                if flavour == "sqlite"
                else conftest.server(flavour).create_database(f"t_{secrets.token_hex(6)}")
            )
        return made[flavour]

    yield find
    for flavour, database in made.items():
        if flavour != "sqlite":
            conftest.server(flavour).drop_database(database)


@pytest.fixture
def gears(monkeypatch: pytest.MonkeyPatch) -> Gears:
    return Gears(monkeypatch)


@pytest.mark.parametrize("parts", [2, 3, 8])
@pytest.mark.parametrize("type_name", list(VALUES))
def test_every_row_is_read_once_whatever_its_value(
    type_name: str, parts: int, source: Database, targets: Callable[[Flavour], Database]
) -> None:
    target, table = targets("postgresql"), f"made{list(VALUES).index(type_name)}"
    version = in_parts(f"SELECT id, part, body FROM {table}", FIELDS, parts=parts, take_over_table=True)
    context = context_of(version, source, target)
    progress = run_once(context)
    assert rows_of(target) == Counter(source.rows(f"SELECT id, body FROM {table}"))
    assert progress.rows_read == progress.rows_written == 3 * len(VALUES[type_name]) + 3
    assert "parts by column 'part'" in said_of_parts(context)


@ALL_WAYS
@pytest.mark.parametrize("type_name", ["integer", "numeric", "date", "timestamp", "timestamptz", "uuid"])
def test_every_gear_reads_ranges_of_every_kind(
    type_name: str,
    flavour: Flavour,
    gear: str,
    source: Database,
    targets: Callable[[Flavour], Database],
    gears: Gears,
) -> None:
    target, table = targets(flavour), f"made{list(VALUES).index(type_name)}"
    gears.ask_for(gear)
    version = in_parts(f"SELECT id, part, body FROM {table} -- all", FIELDS, take_over_table=True)
    context = context_of(version, source, target)
    run_once(context)
    assert rows_of(target) == Counter(source.rows(f"SELECT id, body FROM {table}"))
    assert "parts by column 'part'" in said_of_parts(context)
    [taken] = gears.taken
    assert taken.form == FORMS.get((flavour, gear), "lines")
    assert taken.gear == ("pass_through" if gear == "pass_through_text" else gear)


def alternate_first_blocks(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    """Let no part give its second block before all have given their first."""
    meeting = threading.Barrier(parts, timeout=120)

    def read(session: Session, sql: str, form: Form, write: Callable[[bytes], Any]) -> int:
        blocks = 0

        def write_and_wait(block: bytes) -> None:
            nonlocal blocks
            write(block)
            blocks += 1
            if blocks == 1:
                meeting.wait()

        rows = read_whole_rows(session, sql, form, write_and_wait)
        assert blocks > 1
        return rows

    monkeypatch.setattr(parts_of_runs, "read_whole_rows", read)


@ALL_WAYS
def test_blocks_of_many_rows_are_joined_at_row_ends(
    flavour: Flavour,
    gear: str,
    source: Database,
    targets: Callable[[Flavour], Database],
    gears: Gears,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = targets(flavour)
    gears.ask_for(gear)
    alternate_first_blocks(monkeypatch, 5)
    version = in_parts("SELECT id, body, part FROM many", FIELDS, parts=5, take_over_table=True)
    context = context_of(version, source, target)
    progress = run_once(context)
    assert said_of_parts(context) == "the source is read in 5 parts by column 'part'"
    assert progress.rows_written == 30_000
    assert rows_of(target) == Counter(source.rows("SELECT id, body FROM many"))


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize("flavour", conftest.FLAVOURS)
def test_every_write_mode_takes_parts(
    flavour: Flavour, mode: WriteMode, source: Database, create_database: conftest.DatabaseFactory
) -> None:
    target = create_database(flavour)
    keyed = (field("id", "integer", nullable=False, primary_key=mode is WriteMode.UPSERT), field("body"))
    # A mapping of its own rows: the body is joined, the id has a default.
    specs = (
        Direct(source_columns=("id",), target_fields=("id",), config=DirectConfig(default=7)),
        Join(source_columns=("body", "id"), target_fields=("body",), config=JoinConfig(separator="|")),
    )
    version = in_parts("SELECT id, part, body FROM even", keyed, specs=specs, write_mode=mode)
    for _ in range(2):
        context = context_of(version, source, target)
        progress = run_once(context)
        assert said_of_parts(context) == "the source is read in 4 parts by column 'part'"
        assert progress.rows_read == 400
    expected = Counter((number, f"row {number}|{number}") for number in range(1, 401))
    times = 2 if mode is WriteMode.APPEND else 1
    assert rows_of(target) == Counter(dict.fromkeys(expected, times))


def test_rejected_rows_keep_numbers_of_their_own(
    source: Database, create_database: conftest.DatabaseFactory
) -> None:
    target = create_database("mariadb")
    query = "SELECT id, part, CASE WHEN id % 3 = 0 THEN 'x' ELSE id::text END AS body FROM even"
    context = context_of(in_parts(query, (field("id", "integer"), field("body", "integer"))), source, target)
    progress = run_once(context)
    assert (progress.rows_read, progress.rows_rejected, progress.rows_written) == (400, 133, 267)
    rejected, _ = read_rejected_rows(context.target, str(context.run.id), limit=1000)
    numbers = [row.row_number for row in rejected]
    assert len(set(numbers)) == 133
    assert set(numbers) <= set(range(1, 401))
    assert {int(cast(Any, row.source_row["id"])) for row in rejected} == set(range(3, 401, 3))


def test_windows_are_read_in_parts_too(source: Database, create_database: conftest.DatabaseFactory) -> None:
    own, target = create_database("postgresql"), create_database("mariadb")
    own.execute("CREATE TABLE t (id bigint, part date, body text)")
    own.execute("INSERT INTO t SELECT g, date '2024-01-01' + g % 90, 'a' FROM generate_series(1, 300) g")
    own.execute("INSERT INTO t VALUES (NULL, '2024-01-05', 'no cursor')")
    version = in_parts(
        "SELECT id, part, body FROM t",
        FIELDS,
        write_mode="append",
        incremental=Incremental(cursor_column="id"),
    )
    first = context_of(version, own, target)
    progress = run_once(first)
    assert (progress.rows_read, progress.rows_written, progress.rows_rejected) == (301, 300, 1)
    own.execute("INSERT INTO t SELECT g, date '2023-01-01' + g % 90, 'b' FROM generate_series(301, 500) g")
    second = context_of(version, own, target, shown_window=first.window)
    assert run_once(second).rows_written == 200
    assert said_of_parts(second) == "the source is read in 4 parts by column 'part'"
    assert rows_of(target) == Counter(own.rows("SELECT id, body FROM t WHERE id IS NOT NULL"))


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ("(NULL, 1)", 0),
        ("(NULL, 1), (NULL, 2)", 0),
        ("(5, 1), (5, 2), (NULL, 3)", 0),
        ("(5, 1), (6, 2)", 2),
        ("(5, 1), (6, 2), (7, 3)", 3),
    ],
)
def test_few_values_give_few_parts(rows: str, parts: int, create_database: conftest.DatabaseFactory) -> None:
    database = create_database("postgresql")
    database.execute("CREATE TABLE t (part integer, id bigint)", f"INSERT INTO t VALUES {rows}")
    context = context_of(in_parts("SELECT part, id FROM t", [field("id", "integer")]), database, database)
    run_once(context)
    said = said_of_parts(context)
    assert said == (
        f"the source is read in {parts} parts by column 'part'"
        if parts
        else "the source is read in one part: column 'part' has no two values to cut between"
    )
    assert rows_of(database, "id") == Counter(database.rows("SELECT id FROM t"))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT part, id FROM t ORDER BY id LIMIT 7", "LIMIT"),
        ("SELECT row_number() OVER (ORDER BY id) AS part, id FROM t", "window functions"),
        ("SELECT (random() * 1000)::integer AS part, id FROM t", "random()"),
    ],
)
def test_a_query_that_each_session_might_answer_otherwise_is_read_whole(
    query: str, reason: str, create_database: conftest.DatabaseFactory
) -> None:
    database = create_database("postgresql")
    database.execute(
        "CREATE TABLE t (part integer, id bigint)", "INSERT INTO t SELECT g, g FROM generate_series(1, 40) g"
    )
    context = context_of(in_parts(query, [field("id", "integer")]), database, database)
    run_once(context)
    assert "in one part" in said_of_parts(context)
    assert reason in said_of_parts(context)
    assert rows_of(database, "id") == Counter(database.rows(f"SELECT id FROM ({query}) AS q"))


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("parts", [2, 4, 8])
@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("integer", "g - 150"),
        ("bigint", "g * 100000000000"),
        ("numeric", "(g - 1000) * 13.7"),
        ("date", "date '0001-03-01 BC' + (g - 1000) * 400"),
        ("timestamptz", "timestamptz '9990-01-01' + g * interval '10 days'"),
        ("uuid", "md5(g::text)::uuid"),
    ],
)
def test_cuts_are_in_the_order_of_the_values_not_of_their_texts(
    type_name: str, value: str, parts: int, analysed: bool, create_database: conftest.DatabaseFactory
) -> None:
    """Values on both sides of a change of sign, of the number of digits, of the era."""
    database = create_database("postgresql")
    database.execute(
        f"CREATE TABLE t AS SELECT ({value})::{type_name} AS part, g::bigint AS id FROM generate_series(1, 2000) g",
        "ANALYZE t" if analysed else "SELECT 1",
    )
    context = context_of(
        in_parts("SELECT id, part FROM t", [field("id", "integer")], parts=parts), database, database
    )
    assert run_once(context).rows_written == 2000
    assert said_of_parts(context) == f"the source is read in {parts} parts by column 'part'"
    assert rows_of(database, "id") == Counter(database.rows("SELECT id FROM t"))


@pytest.mark.parametrize(
    ("type_name", "value", "far"),
    [
        ("integer", "g", "2000000000"),
        ("numeric", "g / 7.0", "1e30"),
        ("date", "date '2024-01-01' + g", "9999-12-31"),
        ("timestamptz", "timestamptz '2024-01-01' + g * interval '1 minute'", "9999-12-31"),
        ("uuid", "lpad(to_hex(g), 32, '0')::uuid", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ],
)
def test_an_analyzed_table_is_cut_into_even_numbers_of_rows(
    type_name: str, value: str, far: str, create_database: conftest.DatabaseFactory
) -> None:
    """One value far away from all others would leave three of four parts empty."""
    database = create_database("postgresql")
    database.execute(
        f"CREATE TABLE t (part {type_name}, id bigint)",
        f"INSERT INTO t SELECT {value}, g FROM generate_series(1, 2000) g",
        f"INSERT INTO t VALUES ('{far}', 0), (NULL, -1)",
        "ANALYZE t",
    )
    context = context_of(in_parts("SELECT id, part FROM t", [field("id", "integer")]), database, database)
    asked = context.version.mapping.read_in_parts
    assert asked is not None
    session = dialect_for("postgresql").connect(context.source, Purpose.SOURCE, SessionLimits())
    with contextlib.closing(session):
        reading = plan_source(context.version, session, context.source, session.dialect)
        sizes = [len(session.fetch(sql)) for sql in plan_parts(asked, reading, session, None).selects]
    assert sum(sizes) == 2002
    assert min(sizes) > 350
    run_once(context)
    assert rows_of(database, "id") == Counter(database.rows("SELECT id FROM t"))


def test_an_empty_source_is_read_in_one_part(create_database: conftest.DatabaseFactory) -> None:
    database = create_database("postgresql")
    database.execute("CREATE TABLE t (part uuid, id bigint)")
    context = context_of(in_parts("SELECT part, id FROM t", [field("id", "integer")]), database, database)
    assert run_once(context).rows_read == 0
    assert "in one part" in said_of_parts(context)
