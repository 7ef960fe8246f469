"""The pipe between the two ends of a run, once it is closed."""

import contextlib
import fcntl
import os
import termios
from array import array
from collections.abc import Callable
from io import FileIO
from types import SimpleNamespace
from typing import Any, cast

import pytest

from executor import extract
from executor.extract import Feed, StraightFeed, feed_kind
from shared.errors import SourceUnavailable
from tests.chaos.waiting import until


class BrokenSource:
    """Stands for a session whose reading breaks off; keeps what the rows were written to."""

    def __init__(self) -> None:
        self.dialect = SimpleNamespace(read_blocks=self.read, read_csv=None)
        self.write: Callable[[bytes], Any] | None = None

    def read(self, _session: object, _sql: str, write: Callable[[bytes], Any]) -> int:
        self.write = write
        raise SourceUnavailable("the connection broke")


def make_feed(kind: type[Feed], source: object, map_block: Callable[[bytes], bytes]) -> Feed:
    plan = SimpleNamespace(form="lines", sql="SELECT 1")
    transform = SimpleNamespace(block=map_block, rows_read=0, ended=lambda _: None)
    context = SimpleNamespace(check=lambda: None, progress=lambda _: None)
    return kind(*cast(Any, (source, plan, transform, SimpleNamespace(count=0), context)))


@pytest.fixture
def straight_source(monkeypatch: pytest.MonkeyPatch) -> object:
    """A source whose driver writes two blocks of a line into the pipe, cut within the second."""

    def copy_into(_session: object, _sql: str, _form: str, pipe: FileIO) -> int:
        for part in (b"1\n", b"se", b"cond\n"):
            pipe.write(part)
            until_taken(pipe)
        pipe.close()
        return 2

    monkeypatch.setattr(extract, "copy_into", copy_into)
    return SimpleNamespace(cancel=lambda: None)


def until_taken(pipe: FileIO) -> None:
    """Wait until the pipe is empty, so that what follows is a block of its own."""
    waiting = array("i", [1])
    until(lambda: fcntl.ioctl(pipe, termios.FIONREAD, waiting) == 0 and waiting[0] == 0, "an empty pipe")


@pytest.mark.parametrize(
    ("copies_out", "is_light", "kind"),
    [(True, True, StraightFeed), (True, False, Feed), (False, True, Feed)],
)
def test_the_loader_looks_at_blocks_of_postgresql_that_need_no_line_mapper(
    copies_out: bool,
    is_light: bool,
    kind: type[Feed],
) -> None:
    source = SimpleNamespace(dialect=SimpleNamespace(capabilities=SimpleNamespace(copies_out=copies_out)))
    assert feed_kind(*cast(Any, (source, SimpleNamespace(is_light=is_light)))) is kind


def test_a_block_of_which_nothing_is_left_is_not_the_end(straight_source: object) -> None:
    feed = make_feed(StraightFeed, straight_source, lambda block: b"" if block == b"1\n" else block)
    assert [feed.read(), feed.read()] == [b"second\n", b""]
    feed.close()


def test_a_feed_whose_block_could_not_be_mapped_has_no_more(straight_source: object) -> None:
    def refuse(block: bytes) -> bytes:
        if block == b"1\n":
            raise ValueError("the first")
        return block

    feed = make_feed(StraightFeed, straight_source, refuse)
    for _ in range(3):
        with pytest.raises(ValueError, match="the first"):
            feed.read()
    feed.close()


def test_a_row_that_comes_after_the_end_reaches_no_other_pipe() -> None:
    """The number of a closed file is the next one's."""
    source = BrokenSource()
    feed = make_feed(Feed, source, lambda block: block)
    with pytest.raises(SourceUnavailable):
        feed.read()
    feed.close()
    read_end, write_end = os.pipe()
    try:
        os.set_blocking(read_end, False)
        assert source.write is not None
        with contextlib.suppress(ValueError):  # it is closed
            source.write(b"a row of the dead\n")
        with pytest.raises(BlockingIOError):
            os.read(read_end, 100)
    finally:
        os.close(read_end)
        os.close(write_end)
