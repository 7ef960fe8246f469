"""What the databases' own tools need for a job: the line that the engine is measured against."""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmarks.client_tools import (
    mariadb_command,
    psql_command,
    run_into_fifo,
    run_stages,
    temporary_fifo,
)
from benchmarks.tables import Column
from local_servers import Database


@dataclasses.dataclass(frozen=True)
class Transfer:
    """One query of the source into one table of the target that exists and is empty, or is merged by `keys`."""

    source: Database
    query: str
    target: Database
    table: str
    columns: tuple[Column, ...]
    keys: tuple[str, ...] = ()

    @property
    def names(self) -> str:
        return ", ".join(column.name for column in self.columns)


Limit = Callable[[Transfer], float]


def postgresql_binary(transfer: Transfer) -> float:
    return _psql_to_psql(transfer, "(FORMAT binary)")


def postgresql_text(transfer: Transfer) -> float:
    return _psql_to_psql(transfer, "(FORMAT text)")


def mariadb_to_postgresql(transfer: Transfer) -> float:
    # The client prints NULL as that word: no cell of these tables is this word itself.
    reading = mariadb_command(transfer.source, transfer.query, "--quick", "-B", "-N")
    loading = _postgresql_load(transfer, "(FORMAT text, NULL 'NULL')")
    return run_stages([reading, loading], transfer.source, transfer.target)


def postgresql_to_mariadb(transfer: Transfer) -> float:
    form = "(FORMAT csv, NULL 'NULL')"
    reading = psql_command(transfer.source, f"COPY ({transfer.query}) TO STDOUT {form}")
    dialect = "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
    with temporary_fifo() as fifo:
        loading = mariadb_command(transfer.target, _mariadb_load(transfer, str(fifo), dialect, ""))
        return run_into_fifo(reading, loading, fifo, transfer.source, transfer.target)


def mariadb_to_mariadb(transfer: Transfer) -> float:
    reading = mariadb_command(transfer.source, transfer.query, "--quick", "-B", "-N")
    # Without quotes LOAD DATA takes the word NULL as text, so that each cell goes through a variable.
    variables = ", ".join(f"@{column.name}" for column in transfer.columns)
    values = ", ".join(f"{c.name} = NULLIF(@{c.name}, 'NULL')" for c in transfer.columns)
    with temporary_fifo() as fifo:
        statement = _mariadb_load(transfer, str(fifo), "", f" ({variables}) SET {values}")
        loading = mariadb_command(transfer.target, statement)
        return run_into_fifo(reading, loading, fifo, transfer.source, transfer.target)


# By flavour of source and target: the fastest first, which is the one that ratios refer to.
LIMITS: Mapping[tuple[str, str], Mapping[str, Limit]] = MappingProxyType(
    {
        ("postgresql", "postgresql"): {
            "psql | psql, binary": postgresql_binary,
            "psql | psql, text": postgresql_text,
        },
        ("mariadb", "postgresql"): {"mariadb --quick -B | psql": mariadb_to_postgresql},
        ("postgresql", "mariadb"): {"psql | mariadb LOAD DATA": postgresql_to_mariadb},
        ("mariadb", "mariadb"): {"mariadb --quick -B | mariadb LOAD DATA": mariadb_to_mariadb},
    }
)


def _psql_to_psql(transfer: Transfer, form: str) -> float:
    reading = psql_command(transfer.source, f"COPY ({transfer.query}) TO STDOUT {form}")
    return run_stages([reading, _postgresql_load(transfer, form)], transfer.source, transfer.target)


def _postgresql_load(transfer: Transfer, form: str) -> list[str]:
    if not transfer.keys:
        return psql_command(transfer.target, f"COPY {transfer.table} FROM STDIN {form}")
    others = [c.name for c in transfer.columns if c.name not in transfer.keys]
    values = ", ".join(f"{name} = excluded.{name}" for name in others)
    return psql_command(
        transfer.target,
        "BEGIN",
        f"CREATE TEMPORARY TABLE staged (LIKE {transfer.table}) ON COMMIT DROP",
        f"COPY staged FROM STDIN {form}",
        f"INSERT INTO {transfer.table} SELECT * FROM staged"
        f" ON CONFLICT ({', '.join(transfer.keys)}) DO UPDATE SET {values}",
        "COMMIT",
    )


def _mariadb_load(transfer: Transfer, file: str, dialect: str, columns: str) -> str:
    def load(table: str) -> str:
        return f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table} CHARACTER SET utf8mb4 {dialect}{columns}"

    if not transfer.keys:
        return load(transfer.table)
    others = [c.name for c in transfer.columns if c.name not in transfer.keys]
    values = ", ".join(f"{name} = VALUES({name})" for name in others)
    # Without its keys, as the other side stages too.
    staged = ", ".join(f"{c.name} {c.database_type('mariadb')}" for c in transfer.columns)
    return (
        f"CREATE TEMPORARY TABLE staged ({staged}); {load('staged')}; "
        f"INSERT INTO {transfer.table} SELECT * FROM staged ON DUPLICATE KEY UPDATE {values}"
    )
