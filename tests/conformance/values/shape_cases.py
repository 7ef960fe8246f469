"""Splits and joins as data: the tables of docs/column_mappings.md, and splits and joins of typed columns.

Each case has source columns of its own; in the rows of the other cases these hold NULL.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_servers.access import Flavour
from shared.column_mappings import Join, JoinConfig, Split, SplitConfig
from shared.column_mappings.cast_errors import LEGAL_FORMS
from shared.types import TargetField
from tests.conformance.values.families import typed
from tests.unit.shared.column_mappings.doc_tables import JOINS, SPLITS, table, target_field

TEXT = typed("text", "LONGTEXT", "TEXT")


@dataclass(frozen=True)
class ShapeCase:
    """`results` are the canonical texts of the fields; or `codes` those of the errors that reject the row.

    `otherwise` is what the fields hold in the rows of other cases, where every source is NULL.
    """

    types: tuple[Mapping[Flavour, str], ...]
    values: tuple[str | None, ...]
    columns: tuple[str, ...]
    spec: Split | Join
    fields: tuple[TargetField, ...]
    results: tuple[str | None, ...] = ()
    codes: frozenset[str] = frozenset()
    otherwise: str | None = None

    def is_in(self, flavour: Flavour) -> bool:
        return all(flavour in one for one in self.types)


def shape_cases() -> list[ShapeCase]:
    """Return all cases, each with names of its own."""
    documented = [_documented_split(row) for row in table(SPLITS)] + [
        _documented_join(row) for row in table(JOINS)
    ]
    made = [*documented, *TYPED]
    return [_case(place, *one) for place, one in enumerate(made)]


Types = Sequence[Mapping[Flavour, str]]
Values = Sequence[str | None]
# types, values, the type of each field, options, and the results or the codes of the errors.
Made = tuple[Types, Values, Sequence[str], dict[str, Any], Sequence[str | None] | set[str]]


def _documented_split(row: Sequence[str]) -> Made:
    source, fields, options, result = row
    expected = {result} if result in LEGAL_FORMS else json.loads(result)
    return [TEXT], [json.loads(source)], ["string"] * int(fields), json.loads(options), expected


def _documented_join(row: Sequence[str]) -> Made:
    sources, options, result = row
    values = json.loads(sources)
    return [TEXT] * len(values), values, ["string"], json.loads(options), [json.loads(result)]


def _case(
    place: int,
    types: Types,
    values: Values,
    field_types: Sequence[str],
    options: dict[str, Any],
    expected: Sequence[str | None] | set[str],
) -> ShapeCase:
    columns = tuple(f"s{place}_{number}" for number in range(len(values)))
    fields = tuple(target_field(one, f"t{place}_{number}") for number, one in enumerate(field_types))
    names = tuple(one.name for one in fields)
    spec: Split | Join
    otherwise = None
    if "delimiter" in options:
        spec = Split(source_columns=columns, target_fields=names, config=SplitConfig(**options))
    else:
        spec = Join(source_columns=columns, target_fields=names, config=JoinConfig(**options))
        if options.get("on_null") == "empty":
            otherwise = options["separator"] * (len(columns) - 1)
    if isinstance(expected, set):
        return ShapeCase(
            tuple(types), tuple(values), columns, spec, fields, codes=frozenset(expected), otherwise=otherwise
        )
    return ShapeCase(tuple(types), tuple(values), columns, spec, fields, tuple(expected), otherwise=otherwise)


_INTEGER = typed("bigint", "BIGINT", "INTEGER")
_DECIMAL = typed("numeric(12,3)", "DECIMAL(12,3)")
_FLOAT = typed("double precision", "DOUBLE", "REAL")
_BOOLEAN = typed("boolean")
_DATE = typed("date", "DATE", "TEXT")
_TIMESTAMP = typed("timestamp", "DATETIME(6)")
_TIMESTAMPTZ = typed("timestamptz", "TIMESTAMP(6) NULL")
_TIME = typed("time", "TIME(6)")
_UUID = typed("uuid", "CHAR(36)", "TEXT")
_CUT = {"delimiter": "|"}
_EVERY_TYPE = [
    "integer", "decimal(5,2)", "float", "boolean", "date", "timestamp", "timestamptz", "time", "binary", "uuid",
    "json", "string(3)",
]  # fmt: skip
_EVERY_TEXT = (
    "12|2.5|1e-5|yes|2024-02-29|2024-02-29T10:00:00.5|2024-02-29 10:00:00+05:45|10:00:00|\\x00ff"
    '|f81d4fae-7dec-11d0-a765-00a0c91e6bf6|{"a": 1.10}|abc'
)
TYPED: list[Made] = [
    ([_INTEGER], ["1002003"], ["integer"] * 3, {"delimiter": "00"}, ["1", "2", "3"]),
    ([_DECIMAL], ["-12.500"], ["integer", "string"], {"delimiter": "."}, ["-12", "500"]),
    ([_FLOAT], ["0.25"], ["string", "string"], {"delimiter": "."}, ["0", "25"]),
    ([_FLOAT], ["1e+15"], ["string", "string"], {"delimiter": "e"}, ["1", "+15"]),
    ([_BOOLEAN], ["t"], ["string", "string"], {"delimiter": "u"}, ["tr", "e"]),
    ([_DATE], ["2024-02-29"], ["integer"] * 3, {"delimiter": "-"}, ["2024", "2", "29"]),
    ([_TIMESTAMP], ["2024-02-29 10:00:00.5"], ["date", "time"], {"delimiter": "T"}, ["2024-02-29", "10:00:00.5"]),
    ([_TIMESTAMPTZ], ["2024-02-29 10:00:00"], ["date", "string"], {"delimiter": "T"}, ["2024-02-29", "10:00:00Z"]),
    ([_TIME], ["10:20:30.500"], ["integer", "string"], {"delimiter": ":"}, ["10", "20:30.5"]),
    ([_UUID], ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"], ["string"] * 2, {"delimiter": "-7dec-"},
     ["f81d4fae", "11d0-a765-00a0c91e6bf6"]),
    ([TEXT], [_EVERY_TEXT], _EVERY_TYPE, _CUT,
     ["12", "2.50", "1e-05", "t", "2024-02-29", "2024-02-29 10:00:00.5", "2024-02-29 04:15:00", "10:00:00", "00ff",
      "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", '{"a": 1.10}', "abc"]),
    ([TEXT], ["|".join(["x"] * 11 + ["abcd"])], _EVERY_TYPE, _CUT,
     {"not_an_integer", "not_a_number", "not_a_float", "not_a_boolean", "not_a_date", "not_a_timestamp", "not_a_time",
      "not_binary", "not_a_uuid", "not_json", "too_long"}),
    ([TEXT], [" 12 |2"], ["integer", "integer"], _CUT, {"not_an_integer"}),
    ([TEXT], [" 12 |2"], ["integer", "integer"], {**_CUT, "trim": True}, ["12", "2"]),
    ([TEXT], ["|2"], ["integer", "integer"], _CUT, {"not_an_integer"}),
    ([_INTEGER, _DECIMAL, _DATE], ["-5", "1.500", "2024-02-29"], ["string"], {"separator": " "},
     ["-5 1.500 2024-02-29"]),
    ([_FLOAT, _INTEGER], ["100000", "7"], ["string"], {"separator": ""}, ["1000007"]),
    ([_BOOLEAN, _TIMESTAMP, _TIMESTAMPTZ], ["f", "2024-02-29 10:00:00", "2024-02-29 10:00:00.25"], ["string"],
     {"separator": "|"}, ["false|2024-02-29T10:00:00|2024-02-29T10:00:00.25Z"]),
    ([_DATE, _TIME], ["2024-02-29", "10:00:00.5"], ["timestamp"], {"separator": " "}, ["2024-02-29 10:00:00.5"]),
    ([_INTEGER, _INTEGER], ["12", "50"], ["decimal(5,2)"], {"separator": "."}, ["12.50"]),
    ([_INTEGER, _INTEGER], ["12", "505"], ["decimal(5,2)"], {"separator": "."}, {"not_representable"}),
    ([TEXT, TEXT], ["a", "bcd"], ["string(3)"], {"separator": ""}, {"too_long"}),
]  # fmt: skip
