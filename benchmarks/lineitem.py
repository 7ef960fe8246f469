"""TPC-H lineitem: made by `tpchgen-cli`, cut to an exact number of rows, loaded into a source database."""

import math
import shutil
import subprocess
import sysconfig
from pathlib import Path

from benchmarks.client_tools import mariadb_command, psql_command, run_stages
from benchmarks.options import BenchmarkError
from benchmarks.tables import Column, Contents, contents_of, create_table_sql
from local_servers import Database

TABLE = "lineitem"
SMALL_TABLE = "lineitem_small"
SMALL_ROWS = 1000
ROWS_PER_SCALE = 6_000_000
SPARE = 1.01
KEYS = ("l_orderkey", "l_linenumber")
COLUMNS = (
    Column("l_orderkey", "integer"),
    Column("l_partkey", "integer"),
    Column("l_suppkey", "integer"),
    Column("l_linenumber", "integer"),
    Column("l_quantity", "decimal", 15, 2),
    Column("l_extendedprice", "decimal", 15, 2),
    Column("l_discount", "decimal", 15, 2),
    Column("l_tax", "decimal", 15, 2),
    Column("l_returnflag", "string", 1),
    Column("l_linestatus", "string", 1),
    Column("l_shipdate", "date"),
    Column("l_commitdate", "date"),
    Column("l_receiptdate", "date"),
    Column("l_shipinstruct", "string", 25),
    Column("l_shipmode", "string", 10),
    Column("l_comment", "string", 44),
)


def lineitem_file(folder: Path, rows: int) -> Path:
    """The rows as CSV without a header, made once per number of rows."""
    path = folder / f"lineitem-{rows}.csv"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    scale = max(math.ceil(rows * SPARE / ROWS_PER_SCALE * 1000) / 1000, 0.001)
    command = [str(generator()), "csv", "-s", f"{scale:.3f}", "-T", TABLE, "--stdout", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as made, unfinished.open("wb") as file:
        assert made.stdout is not None
        next(made.stdout)
        kept = 0
        for line in made.stdout:
            file.write(line)
            kept += 1
            if kept == rows:
                break
        made.kill()  # it waits for a reader of the rest
    if kept != rows:
        raise BenchmarkError(f"tpchgen-cli made {kept} rows at scale factor {scale}, {rows} are needed")
    unfinished.rename(path)
    return path


def generator() -> Path:
    found = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts"))
    if found is None:
        raise BenchmarkError("tpchgen-cli is missing: install requirements-bench.lock (make bench does)")
    return Path(found)


def load_lineitem(database: Database, file: Path, rows: int) -> Contents:
    """Put the file and its first SMALL_ROWS into tables; the contents of the large one.

    Raises: BenchmarkError when the table does not hold `rows` rows.
    """
    for table in (TABLE, SMALL_TABLE):
        database.execute(*create_table_sql(table, COLUMNS, (), database.flavour))
    load = load_postgresql if database.flavour == "postgresql" else load_mariadb
    load(database, file)
    first = f"SELECT * FROM {TABLE} ORDER BY {', '.join(KEYS)} LIMIT {SMALL_ROWS}"
    database.execute(f"INSERT INTO {SMALL_TABLE} {first}")
    analyse(database)
    contents = contents_of(database, TABLE, COLUMNS)
    if contents.rows != rows:
        raise BenchmarkError(f"{database.flavour} holds {contents.rows} of {rows} source rows")
    return contents


def load_postgresql(database: Database, file: Path) -> None:
    command = psql_command(database, f"COPY {TABLE} FROM STDIN (FORMAT csv)")
    with file.open("rb") as rows:
        run_stages([command], database, stdin=rows)


def load_mariadb(database: Database, file: Path) -> None:
    statement = (
        f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {TABLE} CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
    )
    run_stages([mariadb_command(database, statement)], database)


def analyse(database: Database) -> None:
    if database.flavour == "postgresql":
        # Also sets the hint bits, which the first reader would otherwise pay for.
        database.execute(f"VACUUM (FREEZE, ANALYZE) {TABLE}", f"VACUUM (FREEZE, ANALYZE) {SMALL_TABLE}")
    else:
        database.execute(f"ANALYZE TABLE {TABLE}", f"ANALYZE TABLE {SMALL_TABLE}")
