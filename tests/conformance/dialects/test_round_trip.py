"""Each schema type at its limits: loaded as wire text, read back as wire text, and by the plain driver."""

import datetime
import json
from decimal import Decimal

import pytest

from local_servers import Database
from shared.dialects.base import Purpose, Session
from shared.types import DataType
from tests.conformance.dialects.conftest import OpenSession
from tests.conformance.dialects.steps import create, load_committed, ordered, read
from tests.factories import field

WIRE: dict[DataType, list[bytes]] = {
    DataType.STRING: [
        b"",
        b" a ",
        b"\\N",
        b"\\.",
        b"NULL",
        b"tab\tnewline\nreturn\rback\\slash\x08\x0c\x0b\x01\x7f",
        b"\"quoted\", 'single', `back`",
        "ä€𝄞‮א\u0301".encode(),
        b"=cmd|' /C calc'!A0",
        b"%s %% :name {x}",
        b"x" * 70_000,
    ],
    DataType.INTEGER: [b"0", b"-1", b"9223372036854775807", b"-9223372036854775808"],
    DataType.FLOAT: [
        b"0",
        b"0.1",
        b"-1.5",
        b"1.7976931348623157e+308",
        b"5e-324",
        b"2.2250738585072014e-308",
    ],
    DataType.DECIMAL: [b"0.0000000000", b"-0.0000000001", b"12345678901234567890.1234567890"],
    DataType.BOOLEAN: [b"t", b"f"],
    DataType.DATE: [b"0001-01-01", b"1969-12-31", b"2024-02-29", b"9999-12-31"],
    DataType.TIMESTAMP: [
        b"2024-02-29 23:59:59.999999",
        b"1970-01-01 00:00:00",
        b"9999-12-31 23:59:59.999999",
    ],
    DataType.TIMESTAMPTZ: [b"2024-02-29 23:59:59.999999+00", b"1900-01-01 00:00:00+00"],
    DataType.TIME: [b"00:00:00", b"23:59:59.999999"],
    DataType.BINARY: [b"\\x", b"\\x00ff0a0d095c22", b"\\x" + b"ab" * 70_000],
    DataType.JSON: [b'{"a": [1, null, "\\u00e9"]}', b'"x"', b"[]"],
    DataType.UUID: [b"00000000-0000-0000-0000-000000000000", b"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
}


def canonical(data_type: DataType, cell: bytes | None) -> object:
    """What a wire text stands for: databases differ in zeros of a fraction and in white space of JSON."""
    if cell is None:
        return None
    text = cell.decode()
    match data_type:
        case DataType.FLOAT:
            return float(text)
        case DataType.DECIMAL:
            return Decimal(text).as_tuple()
        case DataType.JSON:
            return json.loads(text)
        case DataType.TIMESTAMP | DataType.TIMESTAMPTZ:
            return datetime.datetime.fromisoformat(text.removesuffix("+00"))
        case DataType.TIME:
            return datetime.time.fromisoformat(text)
        case DataType.BOOLEAN:
            return text in ("t", "1")
        case _:
            return text


def undressed(cell: bytes | None) -> bytes | None:
    """SQLite's dynamic cells as wire text of the type that was stored."""
    if cell is None:
        return None
    text = cell[1:]
    is_instant = cell[:1] == b"t" and text[10:11] == b"T" and text[:4].isdigit()
    return text.replace(b"T", b" ", 1).removesuffix(b"Z") if is_instant else text


@pytest.mark.parametrize("data_type", list(DataType))
def test_each_value_comes_back_as_it_was(
    data_type: DataType, any_database: Database, target: Session, open_session: OpenSession
) -> None:
    sized = {"precision": 30, "scale": 10} if data_type is DataType.DECIMAL else {}
    fields = [field("n", "integer"), field("v", data_type.value, **sized)]
    values = [*WIRE[data_type], None]
    rows = [(b"%d" % number, value) for number, value in enumerate(values)]
    load_committed(target, create(target, "values", fields, ["n"]), fields, rows)

    found = [row[1] for row in ordered(open_session(Purpose.SOURCE), "values", "n")]

    if any_database.flavour == "sqlite":
        found = [undressed(cell) for cell in found]
        values = [cell and cell.removesuffix(b"+00") for cell in values]
    assert [canonical(data_type, cell) for cell in found] == [canonical(data_type, cell) for cell in values]


def test_an_independent_client_reads_what_was_loaded(any_database: Database, target: Session) -> None:
    fields = [
        field("s"),
        field("i", "integer"),
        field("d", "decimal", precision=12, scale=3),
        field("b", "binary"),
    ]
    made = create(target, "plain", fields)
    load_committed(
        target, made, fields, [(b'\\N\t"\n', b"-5", b"1.500", b"\\x00ff"), (None, None, None, None)]
    )

    name = target.dialect.qualified(made)
    rows = any_database.rows(f"SELECT s, i, d, b FROM {name} ORDER BY i IS NULL, i")

    assert rows[1] == (None, None, None, None)
    text, integer, decimal, binary = rows[0]
    assert (text, integer, str(decimal), bytes(binary)) == ('\\N\t"\n', -5, "1.500", b"\x00\xff")


def test_cells_of_ten_megabytes_travel_whole(target: Session, open_session: OpenSession) -> None:
    fields = [field("s"), field("b", "binary")]
    made = create(target, "large", fields)
    text, binary = b"ab\\\n" * 2_500_000, b"\\x" + b"00ff" * 2_500_000
    load_committed(target, made, fields, [(text, binary)])

    _, [(found_text, found_binary)] = read(
        open_session(Purpose.SOURCE), f"SELECT s, b FROM {target.dialect.qualified(made)}"
    )

    if target.dialect.name == "sqlite":
        found_text, found_binary = undressed(found_text), undressed(found_binary)
    assert found_text == text
    assert found_binary == binary
