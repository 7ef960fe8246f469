"""The README's table of settings against the settings."""

import re
from pathlib import Path

from shared.settings import Settings

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def test_the_table_of_settings_names_each_setting_and_no_other() -> None:
    table = re.search(r"^\| setting .*?\n\n", README, re.DOTALL | re.MULTILINE)
    assert table is not None
    first_cells = [line.split("|")[1] for line in table[0].strip().splitlines()[2:]]
    named = {name for cell in first_cells for name in re.findall(r"`([A-Z0-9_]+)`", cell)}
    assert named == {name.upper() for name in Settings.model_fields}


def test_its_links_lead_somewhere() -> None:
    root = Path(__file__).resolve().parents[2]
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert [link for link in links if not (root / link).exists()] == []
