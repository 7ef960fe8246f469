"""What the gate reads is what the server reads: queries made of quotes and comments, and a function hidden in them.

A query that passes must not have called the function when the server has run it. Every one that the server would
call it in has to be refused.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local_servers import Database
from local_servers.access import Flavour
from shared.query_gate import QueryRefused, check_query

QUERIES = 4000
SEED = 20
# Of the refused ones this many are given to the server too, to see that they are dangerous at all.
REFUSED_TRIED = 400

_SIGNS = [
    "'",
    '"',
    "\\",
    "--",
    "-- ",
    "\n",
    "\r",
    "/*",
    "*/",
    " ",
    "\xa0",
    ", 1",
    " AS a",
    "a",
    "1",
    "''",
    "\\'",
]
_MORE = [";", "(", ")", "+", "%", "{", "}", "x", "\t", "\u2028", "\x0b", "é", "€", "'", "'"]
_POSTGRESQL = ["$$", "$$", "$a$", "$1$", "E'", "e'", "U&'", "N'", "B'", "E'\\'", "::text", "$"]
_MYSQL = ["`", "`", "#", "/*!", "/*+", "x'", "N'", "_utf8'", '""', "@", "0x", "--\x01", "--\xa0"]


@dataclass(frozen=True)
class Hidden:
    """A call that leaves a trace, how to see the trace, and how to wipe it."""

    call: str
    signs: list[str]
    trace: str
    wipe: tuple[str, ...]
    prepare: tuple[str, ...] = ()


HIDDEN: dict[Flavour, Hidden] = {
    "postgresql": Hidden(
        call="nextval('s')",
        signs=_SIGNS + _MORE + _POSTGRESQL,
        trace="SELECT is_called FROM s",
        wipe=("ALTER SEQUENCE s RESTART",),
        prepare=("CREATE SEQUENCE s",),
    ),
    "mysql": Hidden(
        call="GET_LOCK('x', 0)",
        signs=_SIGNS + _MORE + _MYSQL,
        trace="SELECT IS_USED_LOCK('x') IS NOT NULL",
        wipe=("DO RELEASE_ALL_LOCKS()",),
        prepare=("SET SESSION sql_mode = 'STRICT_TRANS_TABLES'",),
    ),
}
HIDDEN["mariadb"] = HIDDEN["mysql"]


@pytest.fixture(params=["postgresql", "mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def server_database(
    request: pytest.FixtureRequest, create_database: Callable[[Flavour], Database]
) -> Database:
    return create_database(request.param)


def queries(hidden: Hidden, chance: random.Random) -> Iterator[str]:
    for _ in range(QUERIES):
        before, between, after = (
            "".join(chance.choices(hidden.signs, k=chance.randint(0, 4))) for _ in range(3)
        )
        joint = chance.choice([", ", "; SELECT ", "\n, "])
        end = chance.choice(["", " -- ", "/*", " AS b"])
        yield f"SELECT 1 {before}{joint}{hidden.call}{between}{end}{after}"


def is_refused(query: str, database: Database) -> bool:
    try:
        check_query(query, database.db_type)
    except QueryRefused:
        return True
    return False


def test_no_call_is_hidden_from_the_gate(server_database: Database) -> None:
    hidden = HIDDEN[server_database.flavour]
    chance = random.Random(SEED)
    passed = called = 0
    refused_left = REFUSED_TRIED
    with server_database.cursor() as cursor:
        for statement in hidden.prepare:
            cursor.execute(statement)
        for query in queries(hidden, chance):
            refused = is_refused(query, server_database)
            refused_left -= refused
            if refused and refused_left < 0:
                continue
            passed += not refused
            if leaves_trace(cursor, query, hidden):
                assert refused, query
                called += 1
    assert passed > 20, "some queries have to pass"
    assert called > 5, "some refused ones have to call"


def leaves_trace(cursor: Any, query: str, hidden: Hidden) -> bool:
    with contextlib.suppress(Exception):  # most of them are no SQL
        cursor.execute(query)
        cursor.fetchall()
    cursor.execute(hidden.trace)
    if not cursor.fetchall()[0][0]:
        return False
    for statement in hidden.wipe:
        cursor.execute(statement)
    return True
