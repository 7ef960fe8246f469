"""A proposed schema: the fields that hold every value of a query's columns as they are. Blocking."""

from collections.abc import Mapping, Sequence

from shared.dialects import dialect_for
from shared.dialects.base import ConnectionSettings, Purpose, Session, SessionLimits
from shared.errors import SourceUnavailable
from shared.query_gate import check_query
from shared.types import DataType, Kind, SourceColumn, TargetField

INFER_LIMITS = SessionLimits(connect_seconds=5, statement_seconds=30, lock_seconds=5)
# A decimal beyond these is proposed as text: not every target takes it.
MAX_PROPOSED_PRECISION = 65
MAX_PROPOSED_SCALE = 30
_UNSIGNED_DIGITS = 20


def infer_columns(source: ConnectionSettings, query: str) -> tuple[TargetField, ...]:
    """Propose the columns of a schema for a query's result. Raises InvalidQuery, TransientError.

    Where a column's type does not say what it holds, its present values are looked at, all columns in one pass;
    text is proposed when that takes too long.
    """
    query = check_query(query, source.db_type)
    session = dialect_for(source.db_type).connect(source, Purpose.PREVIEW, INFER_LIMITS)
    try:
        columns = session.dialect.describe(session, query)
        seen = _seen_types(session, query, columns)
        return tuple(proposed_field(column, seen.get(column.name)) for column in columns)
    finally:
        session.close()


def _seen_types(session: Session, query: str, columns: Sequence[SourceColumn]) -> Mapping[str, DataType]:
    loose = [column for column in columns if column.kind in session.dialect.capabilities.loose_kinds]
    if not loose:
        return {}
    try:
        return session.dialect.seen_types(session, query, loose)
    except SourceUnavailable as error:
        if error.code != "statement_cancelled":
            raise
        return {column.name: DataType.STRING for column in loose}


def proposed_field(column: SourceColumn, seen: DataType | None = None) -> TargetField:
    """Return the schema column that holds every value of a source column; `seen`: the type its values showed."""
    kind = column.kind
    if seen is not None:
        return TargetField(name=column.name, data_type=seen)
    if kind is Kind.DYNAMIC:
        return TargetField(name=column.name, data_type=DataType.STRING)
    if kind is Kind.INTEGER and column.beyond_64_bits:
        return TargetField(name=column.name, data_type=DataType.DECIMAL, precision=_UNSIGNED_DIGITS, scale=0)
    if kind is Kind.DECIMAL:
        return _proposed_decimal(column)
    length = column.length if kind is Kind.STRING else None
    return TargetField(name=column.name, data_type=DataType(kind.value), length=length)


def _proposed_decimal(column: SourceColumn) -> TargetField:
    """An unbounded decimal, or one wider than every target takes, is proposed as text: that loses nothing."""
    precision, scale = column.precision, column.scale
    if (
        precision is None
        or scale is None
        or not 0 <= scale <= MAX_PROPOSED_SCALE
        or precision > MAX_PROPOSED_PRECISION
    ):
        return TargetField(name=column.name, data_type=DataType.STRING)
    return TargetField(name=column.name, data_type=DataType.DECIMAL, precision=precision, scale=scale)
