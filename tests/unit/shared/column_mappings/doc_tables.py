"""The tables of docs/column_mappings.md as data: unit tests run each row, conformance tests on real databases too."""

import re
from itertools import takewhile
from pathlib import Path
from typing import Any

from shared.types import DataType, TargetField
from tests.unit.shared.column_mappings.mapping_cases import field

PAGE = Path(__file__).parents[4] / "docs" / "column_mappings.md"
TYPES_PAGE = PAGE.with_name("types.md")
SPLITS = "| source | fields | options | result |"
JOINS = "| sources | options | result |"
VALUE_TEXTS = "| from | value | text |"
CASTS = "| from | to | value | strict | lossy |"
ZONES = "| zone | value | strict | lossy |"
LIMITS = "| target | from | to | value | strict |"
_TYPE = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?")


def table(header: str, page: Path = PAGE) -> list[list[str]]:
    """Return the rows of the table with this first line, code marks and escapes taken off."""
    lines = page.read_text(encoding="utf-8").splitlines()
    rows = takewhile(lambda line: line.startswith("|"), lines[lines.index(header) + 2 :])
    return [
        [cell.strip().strip("`").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in rows
    ]


def target_field(text: str, name: str = "out") -> TargetField:
    """Return the field that a table calls `string(3)` or `decimal(5,2)`."""
    match = _TYPE.fullmatch(text)
    assert match is not None
    data_type, first, second = match.groups()
    more: dict[str, Any] = {}
    if data_type == "decimal":
        more = {"precision": int(first), "scale": int(second)}
    elif first:
        more = {"length": int(first)}
    return field(name, DataType(data_type), **more)
