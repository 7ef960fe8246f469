"""The data set into a source database, by each database's own bulk load."""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import pymysql

from demo.dataset import NULL, Table
from local_servers import Database
from local_servers.access import CONNECT_SECONDS

SQL_TYPES = {"text": "VARCHAR(255)", "integer": "INTEGER", "real": "DOUBLE PRECISION"}


def load(database: Database, tables: dict[str, Table]) -> None:
    """Make the tables and fill them. No plan of ours: what a person would do with such files."""
    database.execute(*(create_statement(table) for table in tables.values()))
    for table in tables.values():
        if database.flavour == "postgresql":
            copy(database, table)
        elif database.flavour == "sqlite":
            insert(database, table)
        else:
            load_data(database, table)


def create_statement(table: Table) -> str:
    key = [f"PRIMARY KEY ({', '.join(table.key)})"] if table.key else []
    required = dict.fromkeys(table.key, " NOT NULL")
    columns = [f"{c.name} {SQL_TYPES[c.type]}{required.get(c.name, '')}" for c in table.columns]
    return f"CREATE TABLE {table.name} ({', '.join([*columns, *key])})"


def copy(database: Database, table: Table) -> None:
    with database.cursor() as cursor:
        cursor.copy_expert(
            f"COPY {table.name} FROM STDIN (FORMAT csv, HEADER, NULL '{NULL}')", io.StringIO(table.text)
        )
        cursor.execute(f"ANALYZE {table.name}")


def insert(database: Database, table: Table) -> None:
    marks = ", ".join(f"NULLIF(?, '{NULL}')" for _ in table.columns)
    with database.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.executemany(f"INSERT INTO {table.name} VALUES ({marks})", table.rows())  # noqa: S608 - our own names
        cursor.execute("COMMIT")
        cursor.execute(f"ANALYZE {table.name}")


def load_data(database: Database, table: Table) -> None:
    variables = ", ".join(f"@{column.name}" for column in table.columns)
    settings = ", ".join(f"{column.name} = NULLIF(@{column.name}, '{NULL}')" for column in table.columns)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        file.write_text(table.text, "utf-8")
        with contextlib.closing(open_for_local_file(database)) as connection, connection.cursor() as cursor:
            cursor.execute(
                f"LOAD DATA LOCAL INFILE %s INTO TABLE {table.name} CHARACTER SET utf8mb4"
                " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
                f" IGNORE 1 LINES ({variables}) SET {settings}",
                (str(file),),
            )
            cursor.execute(f"ANALYZE TABLE {table.name}")


def open_for_local_file(database: Database) -> "pymysql.Connection[Any]":
    return pymysql.connect(
        host=database.host,
        port=database.port,
        user=database.username,
        password=database.password,
        database=database.database,
        charset="utf8mb4",
        autocommit=True,
        local_infile=True,
        connect_timeout=CONNECT_SECONDS,
    )
