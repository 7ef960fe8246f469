"""Source and target compared from outside: plain drivers and SQL of its own, nothing of the engine's."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from demo.row_text import expected_query, found_query
from local_servers import Database

MODULUS = 2**64


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
    return fingerprint(row for (row,) in source.rows(expected_query(source.flavour)))


def found(target: Database) -> Fingerprint:
    return fingerprint(row for (row,) in target.rows(found_query(target.flavour)))


def fingerprint(rows: Iterable[str]) -> Fingerprint:
    count = total = 0
    for row in rows:
        total += int.from_bytes(hashlib.blake2b(row.encode(), digest_size=8).digest())
        count += 1
    return Fingerprint(count, f"{total % MODULUS:016x}")
