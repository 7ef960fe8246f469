"""Reading the rows of a SELECT: what a stream that broke off leaves behind."""

import gc
import os
from collections.abc import Callable
from io import FileIO
from typing import Any, TypeAlias

import pytest

from local_servers import Database
from shared.dialects.base import Purpose, Session
from shared.dialects.binary_copy import copy_into, read_binary
from shared.errors import EngineError
from shared.types import Form
from tests.conformance.dialects.conftest import Connect, OpenSession

Read: TypeAlias = Callable[[Session, str, Callable[[bytes], Any]], int]

ROWS = 5_000  # more than a server gathers before it sends, less than a block
# The subquery has two rows where n = 4000: SQLite takes the first of them, and fails on what cannot be negated.
BREAKS_OFF = "SELECT n, (SELECT m FROM two WHERE made.n = 4000) AS broken FROM made"
BREAKS_OFF_IN_SQLITE = "SELECT n, CASE n WHEN 4000 THEN abs(-9223372036854775807 - 1) END FROM made"


def fill(database: Database) -> None:
    numbers = ", ".join(f"({number})" for number in range(ROWS))
    database.execute(
        "CREATE TABLE made (n INTEGER)", f"INSERT INTO made VALUES {numbers}",
        "CREATE TABLE two (m INTEGER)", "INSERT INTO two VALUES (1), (2)",
    )  # fmt: skip


def check_silence(read: Read, session: Session, sql: str) -> None:
    """Nothing is written once the reader has ended, however late its buffers are collected."""
    blocks: list[bytes] = []
    try:
        read(session, sql, blocks.append)
    except EngineError as error:
        failed = error
        before = len(blocks)
    else:
        pytest.fail("the reading did not break off")
    failed.__traceback__ = failed.__cause__ = failed.__context__ = None
    gc.collect()
    assert blocks[before:] == []


def test_a_reader_that_broke_off_gives_nothing_more(
    any_database: Database, open_session: OpenSession
) -> None:
    """The rest of its rows would get into the stream of another run, which has its file descriptor by then."""
    fill(any_database)
    session = open_session(Purpose.SOURCE)
    sql = BREAKS_OFF_IN_SQLITE if any_database.flavour == "sqlite" else BREAKS_OFF
    check_silence(session.dialect.read_blocks, session, sql)


@pytest.mark.parametrize("form", ["binary", "csv"])
def test_a_copy_that_broke_off_gives_nothing_more(
    form: str, postgresql_database: Database, connect: Connect
) -> None:
    fill(postgresql_database)
    session = connect(postgresql_database, Purpose.SOURCE)
    check_silence(read_binary if form == "binary" else session.dialect.read_csv, session, BREAKS_OFF)


@pytest.mark.parametrize("form", ["lines", "binary", "csv"])
def test_a_copy_into_a_pipe_that_broke_off_gives_nothing_to_the_next_file_of_that_number(
    form: Form, postgresql_database: Database, connect: Connect
) -> None:
    fill(postgresql_database)
    session = connect(postgresql_database, Purpose.SOURCE)
    read_end, write_end = os.pipe()
    try:
        copy_into(session, BREAKS_OFF, form, FileIO(write_end, "w"))
    except EngineError as error:
        failed = error
    else:
        pytest.fail("the reading did not break off")
    os.close(read_end)
    read_end, next_write_end = os.pipe()
    try:
        assert write_end in (read_end, next_write_end)
        os.set_blocking(read_end, False)
        failed.__traceback__ = failed.__cause__ = failed.__context__ = None
        gc.collect()
        with pytest.raises(BlockingIOError):
            os.read(read_end, 1)
    finally:
        os.close(read_end)
        os.close(next_write_end)
