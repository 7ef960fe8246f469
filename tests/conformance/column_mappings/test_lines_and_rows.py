"""The line mapper gives what the row mapper gives, on any rows and any mapping."""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.column_mappings import (
    ColumnMappingSpec,
    Direct,
    DirectConfig,
    Join,
    JoinConfig,
    Split,
    SplitConfig,
)
from shared.column_mappings.casts import can_be_cast
from shared.column_mappings.line_mapper import RejectedLine, compile_line_mapper
from shared.column_mappings.row_mapper import RowMapper
from shared.types import DataType, Kind, SourceColumn, TargetField
from shared.wire import join_line
from tests.unit.shared.column_mappings.mapping_cases import TARGETS, column, field, mapper

Cell = bytes | None

DELIMITERS = ["|", ".", "||", "\t", "🙂", ",", "\\", "\n", " "]
TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="|.🙂\t\n\\,N \0ab0", max_size=12),
    st.sampled_from(
        ["", "\\N", "\\.", "12", "-0", "2.5", "true", "2024-02-29", "2023-02-29", "NaN", "[1]", "\\x00"]
    ),
    st.lists(st.sampled_from(["1", "2.50", "", "x", "2024-01-02", "t"]), max_size=4).flatmap(
        lambda parts: st.sampled_from(DELIMITERS).map(lambda delimiter: delimiter.join(parts))
    ),
).map(str.encode)
DIGITS = st.integers(min_value=-(2**63), max_value=2**64).map(lambda number: b"%d" % number)
CELLS: dict[Kind, st.SearchStrategy[bytes]] = {
    Kind.INTEGER: DIGITS,
    Kind.DECIMAL: st.one_of(
        st.decimals(
            allow_nan=False, allow_infinity=False, places=2, min_value=-(10**20), max_value=10**20
        ).map(lambda number: str(number).encode()),
        st.sampled_from([b"NaN", b"Infinity", b"-0.001", b"1.000"]),
    ),
    Kind.FLOAT: st.floats().map(
        lambda number: {"nan": b"NaN", "inf": b"Infinity", "-inf": b"-Infinity"}.get(
            repr(number), repr(number).encode()
        )
    ),
    Kind.BOOLEAN: st.sampled_from([b"t", b"f"]),
    Kind.DATE: st.one_of(
        st.dates().map(lambda day: day.isoformat().encode()),
        st.sampled_from([b"infinity", b"0000-00-00", b"0044-03-15 BC", b"12024-01-01"]),
    ),
    Kind.TIMESTAMP: st.one_of(
        st.datetimes().map(lambda moment: moment.isoformat(" ").encode()),
        st.sampled_from(
            [b"-infinity", b"0000-00-00 00:00:00", b"2024-10-27 02:30:00", b"2024-03-31 02:30:00"]
        ),
    ),
    Kind.TIMESTAMPTZ: st.datetimes().map(lambda moment: moment.isoformat(" ").encode() + b"+00"),
    Kind.TIME: st.one_of(
        st.times().map(lambda moment: moment.isoformat().encode()),
        st.sampled_from([b"24:00:00", b"-01:00:00", b"10:00:00.500000"]),
    ),
    Kind.STRING: TEXTS,
    Kind.BINARY: st.binary(max_size=6).map(lambda data: b"\\x" + data.hex().encode()),
    Kind.JSON: st.sampled_from([b"{}", b'{"a":1,"a":2}', b'"\\u0000"', b"[1.10]", b'"a\\nb"', b"nul"]),
    Kind.UUID: st.uuids().map(lambda value: str(value).encode()),
}
CELLS[Kind.DYNAMIC] = st.one_of(
    DIGITS.map(b"i".__add__),
    CELLS[Kind.FLOAT].map(b"r".__add__),
    st.one_of(TEXTS, st.just(b"\xff")).map(b"t".__add__),
    CELLS[Kind.BINARY].map(b"b".__add__),
)


@st.composite
def fields_of(draw: st.DrawFn, name: str, data_type: DataType) -> TargetField:
    more: dict[str, Any] = {"nullable": draw(st.booleans())}
    if data_type is DataType.DECIMAL:
        scale = draw(st.integers(0, 4))
        more |= {"scale": scale, "precision": scale + draw(st.integers(1, 20))}
    if data_type is DataType.STRING:
        more["length"] = draw(st.one_of(st.none(), st.integers(1, 8)))
    return field(name, data_type, **more)


@st.composite
def mappings(draw: st.DrawFn) -> tuple[RowMapper, list[Kind]]:
    """Compile mappings of up to five columns of any kinds into any fields that they can become."""
    kinds = draw(st.lists(st.sampled_from(list(Kind)), min_size=1, max_size=5))
    columns = [draw(columns_of(f"s{place}", kind)) for place, kind in enumerate(kinds)]
    fields: list[TargetField] = []
    specs: list[ColumnMappingSpec] = []
    for _ in range(draw(st.integers(1, 4))):
        spec, filled = draw(specs_over(columns, len(fields)))
        specs.append(spec)
        fields += filled
    keys = [one.name for one in fields if draw(st.integers(0, 9)) == 0]
    compiled = mapper(
        columns,
        draw(st.permutations(fields)),
        specs,
        limits=TARGETS[draw(st.sampled_from(sorted(TARGETS)))],
        keys=keys,
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        text_may_hold_nul=draw(st.booleans()),
    )
    return compiled, kinds


@st.composite
def columns_of(draw: st.DrawFn, name: str, kind: Kind) -> SourceColumn:
    if kind is Kind.INTEGER:
        return column(name, kind, unsigned=draw(st.booleans()))
    return column(name, kind)


@st.composite
def specs_over(
    draw: st.DrawFn, columns: Sequence[SourceColumn], start: int
) -> tuple[ColumnMappingSpec, list[TargetField]]:
    with_text = [one for one in columns if one.kind is not Kind.BINARY]
    shapes = ["direct", *(["split"] if with_text else []), *(["join"] if len(with_text) > 1 else [])]
    shape = draw(st.sampled_from(shapes))
    if shape == "direct":
        return draw(directs(columns, f"f{start}"))
    names = [one.name for one in with_text]
    types = [one for one in DataType if can_be_cast(Kind.STRING, one)]
    delimiter = draw(st.sampled_from(DELIMITERS))
    if shape == "join":
        filled = [draw(fields_of(f"f{start}", draw(st.sampled_from([DataType.STRING, *types]))))]
        chosen = draw(st.lists(st.sampled_from(names), min_size=2, unique=True))
        config = JoinConfig(separator=delimiter, on_null=draw(st.sampled_from(["skip", "empty", "null"])))
        return Join(source_columns=tuple(chosen), target_fields=(f"f{start}",), config=config), filled
    many = [f"f{start + place}" for place in range(draw(st.integers(2, 4)))]
    filled = [draw(fields_of(name, draw(st.sampled_from([DataType.STRING, *types])))) for name in many]
    cut = (
        SplitConfig(
            delimiter=draw(st.sampled_from([r"[|,]", r"\.+"])) if draw(st.booleans()) else delimiter,
            on_extra=draw(st.sampled_from(["keep_in_last", "drop", "error"])),
            on_missing=draw(st.sampled_from(["null", "error"])),
            trim=draw(st.booleans()),
            regex=draw(st.booleans()),
        )
        if delimiter not in (".", "||", "|", "\\")
        else SplitConfig(delimiter=delimiter)
    )
    return Split(
        source_columns=(draw(st.sampled_from(names)),), target_fields=tuple(many), config=cut
    ), filled


@st.composite
def directs(draw: st.DrawFn, columns: Sequence[SourceColumn], name: str) -> tuple[Direct, list[TargetField]]:
    source = draw(st.sampled_from(columns))
    data_type = draw(st.sampled_from([one for one in DataType if can_be_cast(source.kind, one)]))
    default = draw(st.sampled_from([None, "a\\b\t"])) if data_type is DataType.STRING else None
    made = draw(fields_of(name, data_type))
    if default is not None:
        made = made.model_copy(update={"length": None})
    config = DirectConfig(cast=draw(st.sampled_from(["strict", "lossy"])), default=default)
    return Direct(source_columns=(source.name,), target_fields=(name,), config=config), [made]


def by_rows(rows: Sequence[tuple[Cell, ...]], compiled: RowMapper) -> tuple[bytes, list[RejectedLine]]:
    """Map rows one by one: what every block is held to."""
    data, rejected = b"", []
    for number, cells in enumerate(rows, start=1):
        row = compiled.map_row(cells)
        if row.errors:
            rejected.append(RejectedLine(number, cells, row.errors))
        else:
            data += join_line(row.cells)
    return data, rejected


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_blocks_are_mapped_as_rows_are(data: st.DataObject) -> None:
    compiled, kinds = data.draw(mappings())
    row = st.tuples(*(st.one_of(st.none(), CELLS[kind], CELLS[kind]) for kind in kinds))
    rows = data.draw(st.lists(row, max_size=6))
    rows = rows + rows[:2]  # repeated cells are remembered
    line_mapper = compile_line_mapper(compiled)
    block = b"".join(join_line(cells) for cells in rows)
    expected, rejected = by_rows(rows, compiled)
    for _ in range(2):
        mapped = line_mapper.map_block(block)
        assert mapped.data == expected
        assert mapped.rejected == rejected
        assert mapped.rows_read == len(rows)
        assert mapped.rows_mapped == len(rows) - len(rejected)
    if compiled.identity is not None:
        passed = [tuple(cells[place] for place in compiled.identity) for cells in rows]
        assert expected == b"".join(join_line(cells) for cells in passed)
        assert rejected == []
