"""The type matrix as data: for every family the column types it has in each source, the field it fills, edge values.

A value stands in the source as its own client writes it (`text`), and an independent client must read it in the
target as the family's canonical text (`arrives`, the same when it is not given):

| field            | canonical text |
|------------------|----------------|
| binary           | hexadecimal digits |
| boolean          | `t`, `f` |
| float            | Python's shortest digits: `0.1`, `-0.0`, `5e-324`, `nan` |
| timestamp(tz)    | `YYYY-MM-DD HH:MM:SS[.f]` without trailing zeros, UTC |
| time             | `HH:MM:SS[.f]` without trailing zeros |
| json             | JSON with sorted keys and the digits of its numbers |
| everything else  | the database's own text |

A value that not every target holds names those that do (`targets`), and the code with which the others reject its
row. NULL need not be listed: the rows of the other families hold it in every column.
"""

import dataclasses
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from local_servers.access import Flavour
from shared.types import TargetField
from tests import factories

PG: tuple[Flavour, ...] = ("postgresql",)
MARIADB: tuple[Flavour, ...] = ("mariadb",)
MYSQL9: tuple[Flavour, ...] = ("mysql",)
MYSQL: tuple[Flavour, ...] = ("mariadb", "mysql")
SQLITE: tuple[Flavour, ...] = ("sqlite",)
ALL: tuple[Flavour, ...] = (*PG, *MYSQL, *SQLITE)
NOT_PG: tuple[Flavour, ...] = (*MYSQL, *SQLITE)
NONE: tuple[Flavour, ...] = ()

ALL_BYTES = bytes(range(256)).hex()
# How money prints is a setting of the database.
MONEY_IN_C = """DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET lc_monetary = ''C''', current_database());
END $$"""
MEGABYTES = "ä\t\\\n" * 500_000  # over 2 MB once escaped


@dataclass(frozen=True)
class Value:
    """One edge value, in the `sources` that hold it; see the module. `sql`: how it is written, where not as a text."""

    text: str
    arrives: str | None = None
    sources: tuple[Flavour, ...] = ALL
    targets: tuple[Flavour, ...] = ALL
    code: str = ""
    sql: str | None = None

    @property
    def canonical(self) -> str:
        return self.text if self.arrives is None else self.arrives


@dataclass(frozen=True)
class Family:
    """`types` are the column types in the sources that have any; `setup` is run in the source before."""

    name: str
    field: TargetField
    types: Mapping[Flavour, str]
    values: tuple[Value, ...]
    setup: Mapping[Flavour, str] = dataclasses.field(default_factory=dict)

    def values_of(self, source: Flavour) -> Iterator[Value]:
        return (value for value in self.values if source in value.sources)


def typed(postgresql: str = "", mysql: str = "", sqlite: str = "") -> dict[Flavour, str]:
    """Column types by flavour; a flavour without one has no such type."""
    types: dict[Flavour, str] = {
        "postgresql": postgresql,
        "mariadb": mysql,
        "mysql": mysql,
        "sqlite": sqlite,
    }
    return {flavour: name for flavour, name in types.items() if name}


def family(
    name: str, data_type: str, types: Mapping[Flavour, str], *values: str | Value, **more: object
) -> Family:
    setup = more.pop("setup", {})
    assert isinstance(setup, dict)
    made = tuple(value if isinstance(value, Value) else Value(value) for value in values)
    return Family(name, factories.field(name, data_type, **more), types, made, setup)


def only(
    targets: tuple[Flavour, ...], code: str, *texts: str, sources: tuple[Flavour, ...] = ALL
) -> list[Value]:
    """Values that only these targets hold; the others reject them."""
    return [Value(text, None, sources, targets, code) for text in texts]


def refused(code: str, *texts: str, sources: tuple[Flavour, ...] = ALL) -> list[Value]:
    return only(NONE, code, *texts, sources=sources)


def float32(text: str) -> str:
    """The double that a number is once four bytes have held it."""
    return repr(struct.unpack("f", struct.pack("f", float(text)))[0])


INTEGERS = (
    family(
        "bigints", "integer", typed("bigint", "BIGINT", "INTEGER"),
        "0", "-1", "9223372036854775807", "-9223372036854775808",
    ),
    family("ints", "integer", typed("integer", "INT"), "2147483647", "-2147483648", "0"),
    family("smallints", "integer", typed("smallint", "SMALLINT"), "-32768", "32767"),
    family("oids", "integer", typed("oid"), "4294967295", "0"),
    family("tinyints", "integer", typed(mysql="TINYINT(1)"), "1", "0", "2", "-128", "127"),
    family("mediumints_unsigned", "integer", typed(mysql="MEDIUMINT UNSIGNED"), "16777215", "0"),
    family("ints_unsigned", "integer", typed(mysql="INT UNSIGNED"), "4294967295", "0"),
    family("ints_zerofill", "integer", typed(mysql="INT(6) ZEROFILL"), Value("42"), Value("1234567")),
    family(
        "bigints_unsigned", "integer", typed(mysql="BIGINT UNSIGNED"),
        "9223372036854775807", *refused("out_of_range", "9223372036854775808", "18446744073709551615"),
    ),
    family(
        "bigints_unsigned_as_decimal", "decimal", typed(mysql="BIGINT UNSIGNED"),
        "18446744073709551615", "0", precision=20, scale=0,
    ),
    family("bigints_unsigned_as_text", "string", typed(mysql="BIGINT UNSIGNED"), "18446744073709551615"),
    family("years", "integer", typed(mysql="YEAR"), "1901", "2155", "0"),
)  # fmt: skip

DECIMALS = (
    family(
        "decimals", "decimal", typed("numeric(38,10)", "DECIMAL(38,10)", "TEXT"),
        "0.0000000000", "-0.0000000001", "1.5000000000", "9999999999999999999999999999.9999999999",
        "-1234567890123456789012345678.0123456789", *only(PG, "not_representable", "NaN", sources=PG),
        precision=38, scale=10,
    ),
    family(
        "decimals_wide", "decimal", typed("numeric(60,30)", "DECIMAL(60,30)", "TEXT"),
        "123456789012345678901234567890.123456789012345678901234567891",
        "-999999999999999999999999999999.999999999999999999999999999999",
        "0.000000000000000000000000000001", precision=60, scale=30,
    ),
    family(
        "decimals_padded", "decimal", typed("numeric(12,2)", "DECIMAL(12,2)", "TEXT"),
        Value("1.50", "1.5000"), Value("-9999999999.99", "-9999999999.9900"),
        *only(PG, "not_representable", "NaN", sources=PG), precision=20, scale=4,
    ),
    family(
        "decimals_narrowed", "decimal", typed("numeric(12,4)", "DECIMAL(12,4)", "TEXT"),
        Value("1.5000", "1.50"), *refused("not_representable", "1.5050", "0.0001"),
        *refused("out_of_range", "10000.0000"), precision=6, scale=2,
    ),
    family(
        "numerics_unbounded", "decimal", typed("numeric"),
        Value("1.5", "1.500000000000000000000000000000"),
        Value("12345678901234567890123456789012345", "12345678901234567890123456789012345." + "0" * 30),
        *refused("not_representable", "1e-31"), *refused("out_of_range", "1e35"),
        *only(PG, "not_a_number", "NaN"), *refused("not_a_number", "Infinity", "-Infinity"),
        precision=65, scale=30,
    ),
    family(
        "numerics_as_text", "string", typed("numeric"),
        "1234567890123456789012345678901234567890.5", "1.50", "NaN", "-Infinity", "0." + "0" * 60 + "1",
    ),
)  # fmt: skip

FLOATS = (
    family(
        "doubles", "float", typed("double precision", "DOUBLE", "REAL"),
        "0.1", "-2.5", "1e-300", "1.7976931348623157e+308", "5e-324", "-4.94e-322",
        "2.2250738585072014e-308", "123456789.12345679", "1e+22", "9007199254740992.0", "0.0",
        *only((*PG, *MYSQL9), "not_representable", "-0.0", sources=(*PG, *MYSQL9)),
        *(
            Value(text, arrives, sources, PG, "not_representable")
            for text, arrives, sources in (
                ("NaN", "nan", PG), ("Infinity", "inf", (*PG, *SQLITE)), ("-Infinity", "-inf", (*PG, *SQLITE)),
            )
        ),
    ),
    family(
        "reals", "float", typed("real"), "0.1", "3.4028235e+38", "1e-45", "16777216.0",
        *only((*PG, *MYSQL9), "not_representable", "-0.0"),
        Value("NaN", "nan", ALL, PG, "not_representable"),
    ),
    family(
        "floats", "float", typed(mysql="FLOAT"),
        Value("0.1", float32("0.1")), "16777216.0", Value("3.40282e38", float32("3.40282e38")),
        *only((*PG, *MYSQL9), "not_representable", "-0.0", sources=MYSQL9),
    ),
    family("doubles_of_few_digits", "float", typed(mysql="DOUBLE(10,3)"), "1.5", "-1234567.125"),
)  # fmt: skip

BOOLEANS = (
    family("booleans", "boolean", typed("boolean", "TINYINT(1)", "INTEGER"), "t", "f"),
    family(
        "tinyints_as_booleans", "boolean", typed(mysql="TINYINT(1)"),
        Value("1", "t"), Value("0", "f"), *refused("not_a_boolean", "2", "-1"),
    ),
)  # fmt: skip

ZERO_DATES = ("0000-00-00", "2024-00-10", "2024-02-00")
INSTANTS = (
    family(
        "dates", "date", typed("date", "DATE", "TEXT"),
        "0001-01-01", "1000-01-01", "1969-12-31", "2024-02-29", "9999-12-31",
        *only(PG, "not_a_date", "infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "5874897-12-31", sources=PG),
        *refused("not_a_date", *ZERO_DATES, sources=NOT_PG),
        *refused("not_a_date", "infinity", "0044-03-15 BC", sources=SQLITE),
    ),
    family(
        "timestamps", "timestamp", typed("timestamp", "DATETIME(6)", "TEXT"),
        "0001-01-01 00:00:00", "1000-01-01 00:00:00", "2024-02-29 23:59:59.999999", "2024-03-31 02:30:00.000001",
        "9999-12-31 23:59:59.999999", "1582-10-10 12:00:00",
        *only(
            PG, "not_a_timestamp",
            "infinity", "-infinity", "0044-03-15 10:00:00.5 BC", "294276-12-31 23:59:59.999999", sources=PG,
        ),
        *refused("not_a_timestamp", *(f"{day} 00:00:00" for day in ZERO_DATES), sources=NOT_PG),
    ),
    family(
        "datetimes_in_seconds", "timestamp", typed("timestamp(0)", "DATETIME"), "2024-02-29 23:59:59",
    ),
    family(
        "timestamptzs", "timestamptz", typed("timestamptz", "TIMESTAMP(6) NULL", "TEXT"),
        "1970-01-02 00:00:00.000001", "2024-02-29 23:59:59.5", "2037-12-31 23:59:59",
        Value("0001-01-01 00:00:00", sources=(*PG, *SQLITE)),
        Value("9999-12-31 23:59:59.999999", sources=(*PG, *SQLITE)),
        *(
            Value(text, utc, (*PG, *SQLITE))
            for text, utc in (
                ("2024-01-02 10:00:00+05:45", "2024-01-02 04:15:00"),
                ("2024-01-02 10:00:00.000001-00:25:21", "2024-01-02 10:25:21.000001"),
                ("2024-01-02 00:00:00+14", "2024-01-01 10:00:00"),
                ("2024-12-31 23:59:59.999999-15:59", "2025-01-01 15:58:59.999999"),
            )
        ),
        *only(PG, "not_a_timestamp", "infinity", "-infinity", "0044-03-15 10:00:00 BC", sources=PG),
        *refused("not_a_timestamp", "0000-00-00 00:00:00", sources=MYSQL),
    ),
    family(
        "times", "time", typed("time", "TIME(6)", "TEXT"),
        "00:00:00", "12:30:00.000001", "23:59:59.999999",
        *only(PG, "not_a_time", "24:00:00", sources=(*PG, *MYSQL)), *refused("not_a_time", "24:00:00", sources=SQLITE),
        *refused("not_a_time", "838:59:59", "-838:59:59", "-00:00:00.000001", sources=NOT_PG),
    ),
    family(
        "times_as_text", "string", typed("time", "TIME(6)"),
        "23:59:59.999999", Value("24:00:00"), Value("838:59:59", sources=MYSQL), Value("-01:00:00.5", sources=MYSQL),
    ),
    family("zero_dates_as_text", "string", typed(mysql="DATE"), "0000-00-00", "2024-00-10"),
    family("infinities_as_text", "string", typed("timestamptz"), "infinity", "-infinity"),
)  # fmt: skip

TEXTS = (
    family(
        "texts", "string", typed("text", "LONGTEXT", "TEXT"),
        "", " ", "a", " leading and trailing ", "\t", "\n", "\r\n", "\\", "\\N", "\\.", "\\\\N", "\\n",
        "NULL", '"', '""',
        "'", ",", "a,b\"c\nd", "\b\f\v", "=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "ä", "é", "e\u0301", "😀",
        "👨\u200d👩\u200d👧", "שלום", "مرحبا", "\u202eabc", "日本語", "%s :name {{x}} $1 ?", "\x01\x1f\x7f", "\u0080",
        "\u2028", "a\ufeffb", "\ufffe", "\U0010ffff", "x" * 70_000, MEGABYTES,
        *only(NOT_PG, "holds_nul", "a\0b", "\0", sources=NOT_PG),
    ),
    family("varchars", "string", typed("varchar(4)", "VARCHAR(4)", "TEXT"), "", "ab", "ab  ", "😀😀😀😀", length=4),
    family(
        "texts_too_long", "string", typed("text", "LONGTEXT", "TEXT"),
        "abc", "𝄞𝄞𝄞", *refused("too_long", "abcd", "abc ", "𝄞𝄞𝄞𝄞"), length=3,
    ),
    family(
        "chars", "string", typed("char(4)", "CHAR(4)"),
        Value("ab", "ab  ", sources=PG), Value("ab", "ab", sources=MYSQL), Value("ab  ", "ab", sources=MYSQL),
        "abcd",
    ),
    family("latin1", "string", typed(mysql="VARCHAR(9) CHARACTER SET latin1"), "äöü", "\\N"),
    family(
        "enums", "string", typed("mood", "ENUM('sad','ok, then','\\\\N')"), "sad", "ok, then", "\\N",
        setup={"postgresql": "CREATE TYPE mood AS ENUM ('sad', 'ok, then', '\\N')"},
    ),
    family("sets", "string", typed(mysql="SET('x','y','z')"), "", "x", "x,z"),
    family("bits", "string", typed("bit(5)", "BIT(5)"), "00101", "00000"),
    family("wide_bits", "string", typed("varbit", "BIT(64)"), "1" * 64),
    family(
        "moneys", "string", typed("money"), Value("1234.56", "$1,234.56"), Value("-5", "-$5.00"),
        setup={"postgresql": MONEY_IN_C},
    ),
    family(
        "intervals", "string", typed("interval"),
        Value("1 year 2 mons 3 days 04:05:06.789", "P1Y2M3DT4H5M6.789S"), Value("-1 day", "P-1D"), Value("0", "PT0S"),
    ),
    family("integer_arrays", "string", typed("int[]"), "{1,NULL,3}", "{}", "{{1,2},{3,4}}"),
    family("text_arrays", "string", typed("text[]"), '{"a b","c\\"d\\\\",NULL,"NULL",""}'),
    family("inets", "string", typed("inet"), "192.0.2.1/24", "::1", "2001:db8::/32"),
    family("cidrs", "string", typed("cidr"), "10.0.0.0/8"),
    family("macaddrs", "string", typed("macaddr"), "08:00:2b:01:02:03"),
    family("ranges", "string", typed("int4range"), "[1,5)", "empty", "(,)"),
    family(
        "instant_ranges", "string", typed("tstzrange"),
        Value("[2024-01-01 01:00:00+01,)", '["2024-01-01 00:00:00+00",)'),
    ),
    family("multiranges", "string", typed("int4multirange"), "{[1,3),[5,7)}"),
    family("points", "string", typed("point"), "(1,2.5)"),
    family("xmls", "string", typed("xml"), "<a>ä</a>"),
    family("tsvectors", "string", typed("tsvector"), "'a' 'b'"),
    family("timetzs", "string", typed("timetz"), "10:00:00.5+02", "23:59:59.999999-15:59"),
    family(
        "domains", "decimal", typed("price"), "1.50", precision=8, scale=2,
        setup={"postgresql": "CREATE DOMAIN price AS numeric(8,2) CHECK (VALUE > 0)"},
    ),
    family(
        "untyped", "string", {"sqlite": ""},
        Value("-0", sql="-0.0"), Value("1", sql="1"), Value("1.5", sql="1.50"), Value("1", sql="'1'"),
        Value("5e-324", sql="5e-324"), Value("-Infinity", sql="-9e999"),
        Value("", None, ALL, NONE, "cannot_be_cast", "x'00'"),
        Value("", None, ALL, NONE, "not_utf8", "CAST(x'ff' AS TEXT)"),
    ),
    family("json_texts", "string", typed("json", sqlite="TEXT"), '{"b": 1,  "a":\t2, "a": 3.10}'),
)  # fmt: skip

OTHERS = (
    family("binaries", "binary", typed("bytea", "LONGBLOB", "BLOB"), "", "00", "5c4e", "5c2e", ALL_BYTES),
    family("fixed_binaries", "binary", typed(mysql="BINARY(3)"), Value("01", "010000")),
    family("bounded_binaries", "binary", typed(mysql="VARBINARY(4)"), "00ff", ""),
    family(
        "uuids", "uuid", typed("uuid", "CHAR(36)", "TEXT"),
        "00000000-0000-0000-0000-000000000000", "0190163d-8694-739b-aea5-966c26f8ad90",
        Value("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
    ),
    family("native_uuids", "uuid", {"mariadb": "UUID"}, "0190163d-8694-739b-aea5-966c26f8ad90"),
    family("native_inets", "string", {"mariadb": "INET6"}, "2001:db8::1"),
    family(
        "jsons", "json", typed("jsonb", "JSON", "TEXT"),
        '{"a": [1, 2.5, null, "x\\ty", {"ä": true}]}', '"text"', "17", "null", "[]", '"\\u00e9\\ud83d\\ude00"',
        "18446744073709551615", "-9223372036854775808",
        *only(
            (*PG, *MARIADB, *SQLITE), "not_representable",
            "0.12345678901234567890", "18446744073709551616", "[1.00000000000000000001]",
            sources=(*PG, *MARIADB, *SQLITE),
        ),
        *only(NOT_PG, "holds_nul", '"\\u0000"', sources=NOT_PG),
        *refused("duplicate_json_key", '{"a": 1, "a": 2}', sources=(*MARIADB, *SQLITE)),
    ),
    family(
        "json_of_text_type", "json", typed("json"), '{"b": 1, "a": [1.10]}',
        *refused("duplicate_json_key", '{"a": 1, "\\u0061": 1}'), *only(NOT_PG, "holds_nul", '"\\u0000"'),
    ),
)  # fmt: skip

AS_TEXT = (
    family("bigints_as_text", "string", typed("bigint", "BIGINT", "INTEGER"), "-9223372036854775808", "0"),
    family("decimals_as_text", "string", typed("numeric(12,3)", "DECIMAL(12,3)"), "1.500", "-0.001"),
    family(
        "doubles_as_text", "string", typed("double precision", "DOUBLE", "REAL"),
        "0.1", Value("100000000000000", "100000000000000"), "1e+15", "1e-05", "0.0001", "5e-324",
        Value("-0.0", "-0", sources=(*PG, *MYSQL9)), Value("-1234567890123456", "-1.234567890123456e+15"),
        Value("NaN", sources=PG), Value("Infinity", sources=(*PG, *SQLITE)),
    ),
    family("booleans_as_text", "string", typed("boolean"), Value("t", "true"), Value("f", "false")),
    family("dates_as_text", "string", typed("date", "DATE"), "2024-02-29"),
    family(
        "timestamps_as_text", "string", typed("timestamp", "DATETIME(6)"),
        Value("2024-02-29 10:00:00.5", "2024-02-29T10:00:00.5"), Value("2024-02-29 10:00:10", "2024-02-29T10:00:10"),
    ),
    family(
        "timestamptzs_as_text", "string", typed("timestamptz", "TIMESTAMP(6) NULL"),
        Value("2024-02-29 10:00:00.120", "2024-02-29T10:00:00.12Z"),
    ),
    family("uuids_as_text", "string", typed("uuid"), "0190163d-8694-739b-aea5-966c26f8ad90"),
)  # fmt: skip

FAMILIES = tuple(chain(INTEGERS, DECIMALS, FLOATS, BOOLEANS, INSTANTS, TEXTS, OTHERS, AS_TEXT))
