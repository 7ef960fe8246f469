"""Kinds of source columns, types of target fields, and the wire text in which values travel.

A *block* is a run of whole lines in PostgreSQL's COPY text format, UTF-8: fields separated by a tab,
NULL as `\\N`, backslash escapes for backslash, tab, newline, carriage return, backspace, form feed and
vertical tab, every line ended by a newline. A *cell* is one field after unescaping: bytes, or None for NULL.

Wire text of a cell by kind, whatever database it comes from:

| kind        | wire text |
|-------------|-----------|
| integer     | `-?digits`, no plus sign, no leading zeros |
| decimal     | digits with their scale (`1.50`, `-0.001`); PostgreSQL has `NaN` and `[-]Infinity` too |
| float       | any form that reads back as the same double; `NaN`, `Infinity`, `-Infinity` |
| boolean     | `t` or `f` |
| date        | `YYYY-MM-DD` (beyond 9999, `... BC`, `infinity`, `0000-00-00`: for the cast to reject) |
| timestamp   | `YYYY-MM-DD HH:MM:SS[.f]`, up to six fraction digits |
| timestamptz | the same in UTC, followed by `+00` |
| time        | `HH:MM:SS[.f]` (MySQL's may be negative or beyond 24 h: for the cast to reject) |
| string      | the text |
| binary      | `\\x` and two hexadecimal digits a byte |
| json        | JSON text |
| uuid        | 36 characters, lower case |
| dynamic     | SQLite: a class letter, then wire text: `i` integer, `r` float, `t` string, `b` binary |

The result of a cast is the wire text of the target field's type in the same forms.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# Below the size from which a worker's allocator asks the system for memory each time (executor/worker_process.py).
BLOCK_BYTES = 60 * 1024

# How rows travel: as COPY text, in PostgreSQL's binary form, or as LOAD DATA takes them. Only lines can be looked at.
Form = Literal["lines", "binary", "csv"]


class Kind(StrEnum):
    """The family of a source column: decides its wire text and which casts apply."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    TIME = "time"
    STRING = "string"
    BINARY = "binary"
    JSON = "json"
    UUID = "uuid"
    DYNAMIC = "dynamic"


class DataType(StrEnum):
    """The twelve types that a schema can declare (API.md, Schemas)."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    DECIMAL = "decimal"
    TIMESTAMPTZ = "timestamptz"
    TIME = "time"
    BINARY = "binary"
    JSON = "json"
    UUID = "uuid"


class TargetField(BaseModel):
    """One declared column of a target schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=63)
    data_type: DataType
    nullable: bool = True
    primary_key: bool = False
    precision: int | None = None
    scale: int | None = None
    length: int | None = None


_NARROW_UNSIGNED = frozenset(("tinyint", "smallint", "mediumint", "int", "year"))


@dataclass(frozen=True)
class SourceColumn:
    """One output column of a source query, as the database describes it.

    `database_type` is the database's own name of the type, for people. precision, scale and length are
    None where the database does not bound them. `unsigned` matters to MySQL integers only.
    """

    name: str
    kind: Kind
    database_type: str
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    unsigned: bool = False

    @property
    def beyond_64_bits(self) -> bool:
        """Whether an integer column may hold more than 64 bits with sign do: MySQL's unsigned BIGINT."""
        return self.unsigned and self.database_type.split(" ")[0] not in _NARROW_UNSIGNED


@dataclass(frozen=True)
class TypeLimits:
    """What a target can hold; a value beyond it is a rejected row, never something near it."""

    float_specials: bool = True  # NaN and the infinities
    negative_zero: bool = True  # -0.0 beside 0.0
    big_dates: bool = False  # infinity, BC and years beyond 9999, and 24:00:00, as PostgreSQL prints them
    json_numbers_are_doubles: bool = False  # a JSON number with more digits than a double would be rounded
    refuses_misfits: bool = False  # a bulk load fails, changing nothing, on what the column cannot hold
    refuses_long_times: bool = False  # and on a time beyond a day
    # The longest text column that refuses every longer text, also where only spaces are too many.
    longest_refusing_text: int = 0
    keeps_text: bool = False  # numbers and instants stay the very texts that they arrive as
    nul_in_text: bool = False
    max_text_bytes: int | None = None
    max_binary_bytes: int | None = None
    min_year: int = 1
    max_year: int = 9999
    string_key_length: int | None = None  # VARCHAR length of an unbounded string in a key
    max_decimal_precision: int = 1000
    max_decimal_scale: int = 1000
