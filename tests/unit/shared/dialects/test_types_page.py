"""docs/types.md says which column type a schema's type has in each target."""

import re

import pytest

from shared.dialects import dialect_for
from shared.dialects.base import Dialect
from shared.dialects.mariadb import MariadbDialect
from shared.types import DataType
from tests.unit.shared.column_mappings.doc_tables import TYPES_PAGE, table
from tests.unit.shared.column_mappings.mapping_cases import field

ROWS = table("| data_type | PostgreSQL | MySQL, MariaDB | SQLite |", TYPES_PAGE)
DIALECTS = [
    (1, dialect_for("postgresql")),
    (2, dialect_for("mysql")),
    (2, MariadbDialect()),
    (3, dialect_for("sqlite")),
]


def test_every_type_is_on_the_page() -> None:
    assert [row[0] for row in ROWS] == [
        "string", "integer", "float", "decimal", "boolean", "date", "timestamp", "timestamptz", "time", "binary",
        "uuid", "json",
    ]  # fmt: skip
    assert {row[0] for row in ROWS} == {data_type.value for data_type in DataType}


@pytest.mark.parametrize(("place", "dialect"), DIALECTS)
def test_a_column_has_the_type_of_the_page(place: int, dialect: Dialect) -> None:
    for row in ROWS:
        said = re.split(r", (?![a-z0-9]*\))", row[place])
        declared = field(
            "a", DataType(row[0]), **({"precision": 12, "scale": 3} if row[0] == "decimal" else {})
        )
        expected = said[0].replace("precision,scale", "12,3")
        assert dialect.column_type(declared, False) == expected
        if row[0] == "string" and place < 3:
            sized = declared.model_copy(update={"length": 9})
            assert dialect.column_type(sized, False) == said[1].replace("length", "9")
