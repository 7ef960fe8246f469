"""What the suites of the dialects do again and again."""

import io
from collections.abc import Sequence

from shared.dialects.base import LoadResult, Session, TableName
from shared.types import SourceColumn, TargetField
from shared.wire import Cell, join_line, split_line


def table(session: Session, name: str) -> TableName:
    return TableName(name, session.dialect.capabilities.default_namespace)


def create(session: Session, name: str, fields: Sequence[TargetField], keys: Sequence[str] = ()) -> TableName:
    made = table(session, name)
    for statement in session.dialect.create_table_sql(made, fields, keys):
        session.execute(statement)
    return made


def load(
    session: Session, into: TableName, fields: Sequence[TargetField], rows: Sequence[Sequence[Cell]]
) -> LoadResult:
    """Load rows of wire cells, as a run does."""
    blocks = io.BytesIO(b"".join(join_line(row) for row in rows))
    dialect = session.dialect
    return dialect.load_blocks(session, into, fields, dialect.encode_stream(blocks, fields))


def load_committed(
    session: Session, into: TableName, fields: Sequence[TargetField], rows: Sequence[Sequence[Cell]]
) -> None:
    session.begin()
    result = load(session, into, fields, rows)
    assert (result.rows, result.skipped, result.warnings) == (len(rows), 0, 0), result
    session.commit()


def read(session: Session, query: str) -> tuple[tuple[SourceColumn, ...], list[tuple[Cell, ...]]]:
    """Return the columns of a query and all its rows as wire cells, read as a run reads."""
    columns = session.dialect.describe(session, query)
    blocks: list[bytes] = []
    count = session.dialect.read_blocks(
        session, session.dialect.wire_select(query, columns), lambda block: blocks.append(block)
    )
    lines = b"".join(blocks).split(b"\n")[:-1]
    assert count == len(lines)
    return columns, [split_line(line) for line in lines]


def ordered(session: Session, name: str, by: str) -> list[tuple[Cell, ...]]:
    """Return a table's rows as wire cells, in the order of one column."""
    dialect = session.dialect
    query = f"SELECT * FROM {dialect.qualified(table(session, name))}"
    columns = dialect.describe(session, query)
    sql = dialect.wire_select(query, columns, cursor_order=f"q.{dialect.quote(by)}")
    return dialect.fetch_rows(session, sql, 1_000_000)
