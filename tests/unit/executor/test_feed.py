"""The pipe between the two ends of a run, once it is closed."""

import contextlib
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from executor.extract import Feed
from shared.errors import SourceUnavailable


class BrokenSource:
    """Stands for a session whose reading breaks off; keeps what the rows were written to."""

    def __init__(self) -> None:
        self.dialect = SimpleNamespace(read_blocks=self.read, read_csv=None)
        self.write: Callable[[bytes], Any] | None = None

    def read(self, _session: object, _sql: str, write: Callable[[bytes], Any]) -> int:
        self.write = write
        raise SourceUnavailable("the connection broke")


def test_a_row_that_comes_after_the_end_reaches_no_other_pipe() -> None:
    """The number of a closed file is the next one's."""
    source = BrokenSource()
    plan = SimpleNamespace(form="lines", sql="SELECT 1")
    transform = SimpleNamespace(block=lambda block: block, rows_read=0)
    context = SimpleNamespace(check=lambda: None, progress=lambda _: None)
    feed = Feed(*cast(Any, (source, plan, transform, SimpleNamespace(count=0), context)))
    with pytest.raises(SourceUnavailable):
        feed.read()
    feed.close()
    read_end, write_end = os.pipe()
    try:
        os.set_blocking(read_end, False)
        assert source.write is not None
        with contextlib.suppress(OSError):
            source.write(b"a row of the dead\n")
        with pytest.raises(BlockingIOError):
            os.read(read_end, 100)
    finally:
        os.close(read_end)
        os.close(write_end)
