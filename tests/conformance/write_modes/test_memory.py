"""A run's memory does not grow with the number of rows: measured in a process of its own, at 1x and at 10x."""

import subprocess
import sys
from pathlib import Path

import pytest

from local_servers import Database
from tests.conftest import DatabaseFactory

ROOT = Path(__file__).resolve().parents[3]
ROWS = 10_000
WIDE = 290  # bytes of text a row, so that ten times the rows are 30 MB
ALLOWED_MIB = 8
SCRIPT = """
import sys
from executor.pipeline import execute_run
from shared.dialects.base import ConnectionSettings
from shared.documents.mapping import ReadInParts, WriteMode
from shared.secret import Secret
from tests import factories
from tests.factories import field
from tests.recording_context import RecordingContext

db_type, host, port, user, password, database = sys.argv[1:7]
settings = (
    ConnectionSettings("c", "sqlite", database)
    if db_type == "sqlite"
    else ConnectionSettings("c", db_type, database, host, int(port), user, Secret(password))
)
of = factories.mapping_version(
    "SELECT id, name FROM source_rows",
    [field("id", "decimal", precision=20, scale=2, nullable=False, primary_key=True), field("name")],
    write_mode=WriteMode(sys.argv[7]),
    read_in_parts=ReadInParts(column="id", parts=int(sys.argv[8])) if int(sys.argv[8]) else None,
)
outcome = execute_run(RecordingContext(factories.run(of), of, settings, settings))
# Not ru_maxrss, which the process that started this one is part of.
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(outcome.progress.rows_written, peak)
"""


def fill(database: Database, rows: int) -> None:
    database.execute(
        "DROP TABLE IF EXISTS source_rows", "CREATE TABLE source_rows (id INTEGER, name VARCHAR(300))"
    )
    mark = "?" if database.flavour == "sqlite" else "%s"
    with database.cursor() as cursor:
        cursor.execute("BEGIN")
        for start in range(0, rows, 2000):
            values = [value for number in range(start, start + 2000) for value in (number, "x" * WIDE)]
            marks = ", ".join([f"({mark}, {mark})"] * 2000)
            cursor.execute(f"INSERT INTO source_rows VALUES {marks}", values)
        cursor.execute("COMMIT")


def peak_mib(database: Database, mode: str, rows: int, parts: int) -> float:
    fill(database, rows)
    access = (database.host, str(database.port), database.username, database.password)
    name = str(database.path) if database.path else database.database

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, database.db_type, *access, name, mode, str(parts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    written, kib = done.stdout.split()
    assert int(written) == rows
    return int(kib) / 1024


@pytest.mark.parametrize(
    ("flavour", "mode", "parts"),
    [
        ("postgresql", "append", 0),
        ("postgresql", "append", 8),
        ("mariadb", "replace", 0),
        ("sqlite", "append", 0),
    ],
)
def test_ten_times_the_rows_take_the_same_memory(
    create_database: DatabaseFactory, flavour: str, mode: str, parts: int
) -> None:
    """Each cell is cast, so that every row passes through the worker."""
    few = peak_mib(create_database(flavour), mode, ROWS, parts)  # type: ignore[arg-type]  # one of the flavours
    many = peak_mib(create_database(flavour), mode, 10 * ROWS, parts)  # type: ignore[arg-type]
    assert many - few < ALLOWED_MIB, f"{few:.0f} MiB at {ROWS} rows, {many:.0f} MiB at {10 * ROWS}"
