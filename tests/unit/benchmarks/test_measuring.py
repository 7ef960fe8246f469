from pathlib import Path

import pytest

from benchmarks.measure import Line, percentile, ratio_to
from benchmarks.options import BenchmarkError, read_options
from benchmarks.report import with_section


def test_a_ratio_refers_to_the_median_of_the_limit_of_the_same_pair() -> None:
    limit = Line("a→b", "direct", "psql", seconds=[2.0, 9.0, 1.0])
    elsewhere = Line("b→a", "direct", "psql", seconds=[1.0])
    ours = Line("a→b", "direct", "ours", ("direct", "psql"), seconds=[3.0, 3.0, 100.0])
    assert ratio_to(ours, [elsewhere, limit, ours]) == 1.5


def test_a_line_without_its_limit_has_no_ratio() -> None:
    ours = Line("a→b", "direct", "ours", ("direct", "psql"), seconds=[3.0])
    assert ratio_to(ours, [ours]) is None


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == value


def test_a_section_replaces_the_one_of_its_title_and_leaves_the_others() -> None:
    document = with_section(with_section("# Title\n", "One", "old"), "Two", "kept")
    assert with_section(document, "One", "new") == "# Title\n\n## One\n\nnew\n\n## Two\n\nkept\n"


def test_only_the_defaults_are_published_unless_asked_for(tmp_path: Path) -> None:
    data = {"DATA_DIR": str(tmp_path)}
    assert read_options(data).complete
    assert not read_options({**data, "ROWS": "300_000"}).complete
    assert not read_options({**data, "CASES": "direct"}).complete
    assert read_options({**data, "ROWS": "300000", "WRITE": "1"}).complete


@pytest.mark.parametrize("rows", ["many", "0", "-5"])
def test_a_number_of_rows_that_is_none_is_refused(rows: str) -> None:
    with pytest.raises(BenchmarkError, match="ROWS"):
        read_options({"ROWS": rows})
