"""The executor's own temporary folder is full, or gone: a run that needs it says so, one that does not goes on."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from executor.ending import ending_of_error
from executor.health import _disk
from executor.transform import SPOOL_MEMORY_BYTES
from shared.documents.mapping import ErrorPolicy, WriteMode
from shared.errors import TransientError
from tests import factories
from tests.conformance.write_modes.test_write_modes import Pair, pair, version
from tests.factories import field
from tests.small_disk import fill_up, needs_root, small_disk

__all__ = ["pair"]

ROWS = 1000


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with small_disk(2) as disk:
        fill_up(disk)
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        yield disk


@needs_root
def test_rejected_rows_that_find_no_space_end_the_run_clearly(pair: Pair, full_disk: Path) -> None:
    wide = "x" * (2 * SPOOL_MEMORY_BYTES // ROWS)
    pair.put(*((number, "no number") for number in range(ROWS)))
    pair.execute("ALTER TABLE source_rows ADD COLUMN wide TEXT")
    pair.execute(f"UPDATE source_rows SET wide = '{wide}'")
    columns = (field("id", "integer"), field("name", "integer"))
    of = factories.mapping_version(
        "SELECT id, name, wide FROM source_rows",
        (*columns, field("wide")),
        write_mode=WriteMode.APPEND,
        on_error=ErrorPolicy(policy="quarantine"),
    )
    with pytest.raises(TransientError) as caught:
        pair.run(of)
    assert caught.value.code == "executor_disk_full"
    assert ending_of_error(caught.value).retry
    assert pair.fetch("SELECT count(*) FROM facts") == [(0,)]


@needs_root
def test_a_run_that_needs_no_space_goes_on(pair: Pair, full_disk: Path) -> None:
    pair.put((1, "a"), (2, "b"))
    assert pair.run(version(WriteMode.REPLACE)).progress.rows_written == 2
    assert _disk() == "almost full"


def test_a_temporary_folder_that_is_gone_shows_in_the_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert _disk() == "no usable temporary folder"
