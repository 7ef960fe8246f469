"""Edge values by family, as data: what stands in the source, and what an independent client must read in the target.

A value is written as canonical text: what PostgreSQL prints with ISO dates in UTC, `t`/`f`, and bytes as
hexadecimal digits. `source_types` are the column types of the source; a flavour that is missing has no such type.
"""

from dataclasses import dataclass

from shared.types import TargetField
from tests.factories import field

ALL_BYTES = bytes(range(256)).hex()
MEGABYTES = "ä\t\\\n" * 500_000  # over 2 MB once escaped


@dataclass(frozen=True)
class Family:
    name: str
    field: TargetField
    source_types: dict[str, str]
    values: tuple[str | None, ...]


def _everywhere(postgresql: str, mysql: str, sqlite: str) -> dict[str, str]:
    return {"postgresql": postgresql, "mariadb": mysql, "mysql": mysql, "sqlite": sqlite}


FAMILIES = (
    Family(
        "integer",
        field("value", "integer"),
        _everywhere("bigint", "BIGINT", "INTEGER"),
        ("0", "-1", "9223372036854775807", "-9223372036854775808", None),
    ),
    Family(
        "small integer",
        field("value", "integer"),
        _everywhere("smallint", "SMALLINT", "INTEGER"),
        ("0", "-32768", "32767", None),
    ),
    Family(
        "decimal",
        field("value", "decimal", precision=38, scale=10),
        _everywhere("numeric(38,10)", "DECIMAL(38,10)", "TEXT"),
        (
            "0.0000000000",
            "-0.0000000001",
            "1.5000000000",
            "9999999999999999999999999999.9999999999",
            "-1234567890123456789012345678.0123456789",
            None,
        ),
    ),
    Family(
        "float",
        field("value", "float"),
        _everywhere("double precision", "DOUBLE", "REAL"),
        ("0.1", "-2.5", "1e-300", "1.7976931348623157e+308", "5e-324", "123456789.12345679", None),
    ),
    Family(
        "boolean",
        field("value", "boolean"),
        _everywhere("boolean", "TINYINT(1)", "INTEGER"),
        ("t", "f", None),
    ),
    Family(
        "date",
        field("value", "date"),
        _everywhere("date", "DATE", "TEXT"),
        ("1000-01-01", "1969-12-31", "2024-02-29", "9999-12-31", None),
    ),
    Family(
        "timestamp",
        field("value", "timestamp"),
        _everywhere("timestamp", "DATETIME(6)", "TEXT"),
        ("1000-01-01 00:00:00", "2024-02-29 23:59:59.999999", "2024-03-31 02:30:00.000001", None),
    ),
    Family(
        "timestamptz",
        field("value", "timestamptz"),
        {"postgresql": "timestamptz", "mariadb": "TIMESTAMP(6) NULL", "mysql": "TIMESTAMP(6) NULL"},
        ("1970-01-02 00:00:00.000001", "2024-02-29 23:59:59.5", "2037-12-31 23:59:59", None),
    ),
    Family(
        "time",
        field("value", "time"),
        _everywhere("time", "TIME(6)", "TEXT"),
        ("00:00:00", "12:30:00.000001", "23:59:59.999999", None),
    ),
    Family(
        "string",
        field("value", "string"),
        _everywhere("text", "LONGTEXT", "TEXT"),
        (
            "", " ", "a", " leading and trailing ", "\t", "\n", "\r\n", "\\", "\\N", "\\.", "\\\\N", "NULL", '"', '""',
            "'", ",", "a,b\"c\nd", "\b\f\v", "=1+1", "+cmd|' /C calc'!A0", "ä", "é", "e\u0301", "😀", "שלום", "مرحبا",
            "日本語", "%s :name {{x}} $1 ?", "\x01\x1f\x7f", "\u2028", "a\ufeffb", "x" * 70_000, MEGABYTES, None,
        ),
    ),
    Family(
        "bounded string",
        field("value", "string", length=4),
        _everywhere("varchar(4)", "VARCHAR(4)", "TEXT"),
        ("", "ab", "ab  ", "😀😀😀😀", None),
    ),
    Family(
        "binary",
        field("value", "binary"),
        _everywhere("bytea", "LONGBLOB", "BLOB"),
        ("", "00", "5c4e", ALL_BYTES, None),
    ),
    Family(
        "uuid",
        field("value", "uuid"),
        _everywhere("uuid", "CHAR(36)", "TEXT"),
        ("00000000-0000-0000-0000-000000000000", "0190163d-8694-739b-aea5-966c26f8ad90", None),
    ),
    Family(
        "json",
        field("value", "json"),
        _everywhere("jsonb", "JSON", "TEXT"),
        ('{"a": [1, 2.5, null, "x\\ty", {"ä": true}]}', '"text"', "17", "null", None),
    ),
    Family(
        "text of an integer",
        field("value", "string"),
        {"postgresql": "bigint", "mariadb": "BIGINT", "mysql": "BIGINT", "sqlite": "INTEGER"},
        ("-9223372036854775808", "0", None),
    ),
    Family(
        "text of a decimal",
        field("value", "string"),
        {"postgresql": "numeric(12,3)", "mariadb": "DECIMAL(12,3)", "mysql": "DECIMAL(12,3)"},
        ("1.500", "-0.001", None),
    ),
)  # fmt: skip
