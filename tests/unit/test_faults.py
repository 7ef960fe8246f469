"""docs/faults.md against the tests: every test and file that it names is there."""

import re
from pathlib import Path

import pytest

from executor.fault_points import POINTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text("utf-8")
SHORT = {
    "chaos/": "tests/chaos/",
    "executor/": "tests/integration/executor/",
    "api/": "tests/integration/config_api/",
}
_NAMED = re.compile(r"`((?:[\w./]+\.py|…)?(?:::\w+)?|[\w./]+/)`")


def full(path: str) -> Path:
    for short, long in SHORT.items():
        if path.startswith(short):
            return ROOT / long / path.removeprefix(short)
    return ROOT / path


def named() -> list[tuple[Path, str | None]]:
    """Every file or folder that the page names, with the test where it names one; `…` is the file before."""
    found: list[tuple[Path, str | None]] = []
    for text in _NAMED.findall(PAGE):
        path, _, test = text.partition("::")
        if path == "…":
            found.append((found[-1][0], test))
        elif path:
            found.append((full(path), test or None))
    return found


def test_the_page_names_tests() -> None:
    assert len([test for _, test in named() if test]) > 30


@pytest.mark.parametrize(("path", "test"), sorted(set(named()), key=str))
def test_each_test_that_the_page_names_is_there(path: Path, test: str | None) -> None:
    assert path.exists()
    if test is not None:
        assert re.search(rf"^(async )?def {test}\(", path.read_text("utf-8"), re.MULTILINE), test


def test_the_points_that_the_page_names_are_there() -> None:
    points = set(re.findall(r"`((?:after|mid|before|mysql|ledger)_\w+|committing)`", PAGE))
    assert points <= {*POINTS, "mysql_before_rename"}
