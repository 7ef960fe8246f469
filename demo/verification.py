"""Source and target compared from outside: plain drivers and a mapping of its own, nothing of the engine's."""

import functools
import hashlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing import get_context
from typing import Any

from demo.mapping import ROUTE_SEPARATOR, SCHEMA_COLUMNS, SOURCE_QUERY, TARGET_TABLE, ZONE_DELIMITER
from local_servers import Database

NULL = "\x00"  # no cell of the data set holds it
CELL_END = "\x1f"
MODULUS = 2**64

Cells = tuple[str | None, ...]


@dataclass(frozen=True)
class Fingerprint:
    """How many rows, and a sum over their hashes: equal for equal multisets in any order."""

    rows: int
    checksum: str


def compare(source: Database, target: Database) -> tuple[Fingerprint, Fingerprint]:
    """What must have arrived and what has, each worked out in a process of its own."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        wanted, got = processes.submit(expected, source), processes.submit(found, target)
        return wanted.result(), got.result()


def expected(source: Database) -> Fingerprint:
    return fingerprint(expected_row(row) for row in source.rows(SOURCE_QUERY))


def found(target: Database) -> Fingerprint:
    names = ", ".join(column["name"] for column in SCHEMA_COLUMNS)
    query = f"SELECT {names} FROM {TARGET_TABLE}"  # noqa: S608 - our own names
    types = [column["data_type"] for column in SCHEMA_COLUMNS]
    return fingerprint(
        tuple(canonical(value, type_) for value, type_ in zip(row, types, strict=True))
        for row in target.rows(query)
    )


def expected_row(row: tuple[Any, ...]) -> Cells:
    """One source row as it must arrive."""
    hour, carrier, airline, flight, tail, origin, dest, name, zone, departure, arrival, distance = row
    area, _, city = zone.partition(ZONE_DELIMITER) if zone is not None else (None, None, None)
    return (
        canonical(hour, "timestamptz"),
        carrier,
        canonical(flight, "integer"),
        airline,
        tail,
        f"{origin}{ROUTE_SEPARATOR}{dest}",
        name,
        area,
        city,
        canonical(departure, "decimal"),
        canonical(arrival, "decimal"),
        canonical(distance, "integer"),
    )


@functools.cache
def canonical(value: Any, data_type: str) -> str | None:
    """One text for one value, whichever database it was read from. Cached: few values, many rows."""
    if value is None:
        return None
    if data_type == "timestamptz":
        return as_utc(value).isoformat()
    if data_type == "decimal":
        return f"{Decimal(str(value)).normalize():f}"
    if data_type == "integer":
        return str(int(value))
    return str(value)


def as_utc(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    # MySQL has no time zone in its values: the contract says that they are UTC.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def fingerprint(rows: Iterable[Cells]) -> Fingerprint:
    count = total = 0
    for row in rows:
        text = CELL_END.join(NULL if cell is None else cell for cell in row)
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        total = (total + int.from_bytes(digest)) % MODULUS
        count += 1
    return Fingerprint(count, f"{total:016x}")
