"""Cursor values of incremental mappings: their legal texts, arithmetic, and how they are recorded.

A watermark is recorded as a typed text, `kind:text`, where text is the wire text of the kind, for example
`timestamp:2024-01-31 10:00:00.123456`. SQLite has no dates: its cursors are integers, or texts of one ISO
form (kind `string`), which compare as the instants they name because all have the same length.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise

from shared.dialects.base import Dialect
from shared.documents.run import FixedWindow
from shared.errors import InvalidMapping, WatermarkConflict
from shared.types import Kind, SourceColumn

CURSOR_KINDS = (Kind.INTEGER, Kind.DECIMAL, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
TIME_KINDS = frozenset((Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.STRING))
LEGAL_FORMS = {
    Kind.INTEGER: "42",
    Kind.DECIMAL: "42.5",
    Kind.DATE: "2024-01-31",
    Kind.TIMESTAMP: "2024-01-31T10:00:00, without a zone",
    Kind.TIMESTAMPTZ: "2024-01-31T10:00:00Z",
    Kind.STRING: "2024-01-31 or 2024-01-31T10:00:00, in the form that the column has",
}
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_DECIMAL = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
_STORED_TEXT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>Z|\+00(:00)?)?)?"
)
_ENOUGH_DIGITS = 900
MAX_CHUNKS = 1000
_BOTTOM = {
    Kind.DATE: "0001-01-01",
    Kind.TIMESTAMP: "0001-01-01 00:00:00",
    Kind.TIMESTAMPTZ: "0001-01-01 00:00:00+00",
}


@dataclass(frozen=True)
class Cursor:
    """A cursor column and the kind of its values; for SQLite that of the values it holds."""

    column: SourceColumn
    kind: Kind

    def literal(self, dialect: Dialect, text: str) -> str:
        """Return a value as a literal that compares with the column exactly."""
        if self.column.kind is not Kind.DYNAMIC:
            return dialect.cursor_literal(self.kind, text)
        return dialect.cursor_literal(Kind.DYNAMIC, ("i" if self.kind is Kind.INTEGER else "t") + text)

    def text_of(self, cell: bytes) -> str:
        """Return the text of a wire cell of the column."""
        return cell.decode()[1:] if self.column.kind is Kind.DYNAMIC else cell.decode()

    def typed(self, text: str | None) -> str | None:
        """Return a text as it is recorded."""
        return None if text is None else f"{self.kind}:{text}"

    def untyped(self, recorded: str) -> str:
        """Return the text of a recorded watermark. Raises WatermarkConflict for one of another kind."""
        kind, _, text = recorded.partition(":")
        if kind != self.kind:
            raise WatermarkConflict(
                f"the recorded watermark is of kind {kind}, cursor column {self.column.name!r} is of kind"
                f" {self.kind}; decide with POST /mappings/{{id}}/cursor",
                column=self.column.name,
            )
        return text


def wire_text(kind: Kind, text: str, loc: tuple[str | int, ...]) -> str:
    """Return what a person wrote as a kind's wire text. Raises InvalidMapping naming the legal form."""
    try:
        return _wire_text(kind, text)
    except ValueError as error:
        raise InvalidMapping(
            f"is no cursor value of kind {kind}; legal form: {LEGAL_FORMS[kind]}",
            code="invalid_cursor_value",
            loc=loc,
        ) from error


def _wire_text(kind: Kind, text: str) -> str:
    if kind is Kind.INTEGER:
        return str(int(_match(_INTEGER, text)))
    if kind is Kind.DECIMAL:
        return _match(_DECIMAL, text)
    if kind is Kind.DATE:
        return date.fromisoformat(_match(_DATE, text)).isoformat()
    if kind is Kind.STRING:
        _add_to_stored(_match(_STORED_TEXT, text), timedelta())
        return text
    instant = parse_instant(text)
    if kind is Kind.TIMESTAMPTZ:
        utc = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat(sep=" ") + "+00"
    if instant.tzinfo is not None:
        raise ValueError("a zone")
    return instant.isoformat(sep=" ")


def parse_instant(text: str) -> datetime:
    """Return an ISO 8601 date or instant, aware where it has a zone. Raises ValueError."""
    return datetime.fromisoformat(_match(_INSTANT, text))


def _match(form: re.Pattern[str], text: str) -> str:
    if form.fullmatch(text) is None:
        raise ValueError("another form")
    return text


def has_form(kind: Kind, text: str) -> bool:
    """Tell whether a wire text of a column is one that a window can end at (no infinity, NaN or BC)."""
    try:
        _wire_text(kind, text)
    except ValueError:
        return False
    return True


def reach_back(kind: Kind, low: str, lookback: float) -> str:
    """Return low - lookback: seconds for dates and instants, a number otherwise."""
    if kind is Kind.INTEGER:
        return str(int(low) - math.ceil(lookback))
    if kind is Kind.DECIMAL:
        return add_number(low, -Decimal(str(lookback)))
    try:
        return add_seconds(kind, low, -lookback)
    except OverflowError:
        return _BOTTOM.get(kind) or re.sub("[0-9]", "0", low)


def add_number(text: str, step: Decimal) -> str:
    """Return a decimal's text moved by a step, exactly."""
    with localcontext() as context:
        context.prec = _ENOUGH_DIGITS
        return format(Decimal(text) + step, "f")


def add_seconds(kind: Kind, text: str, seconds: float) -> str:
    """Return a date or instant moved by seconds, in the same form. A date moves down to a whole day."""
    step = timedelta(seconds=seconds)
    if kind is Kind.STRING:
        return _add_to_stored(text, step)
    moved = datetime.fromisoformat(text.removesuffix("+00")) + step
    if kind is Kind.DATE:
        return moved.date().isoformat()
    return moved.isoformat(sep=" ") + ("+00" if kind is Kind.TIMESTAMPTZ else "")


def _add_to_stored(text: str, step: timedelta) -> str:
    """SQLite compares texts, so the moved one keeps every character of the form, digits of seconds included."""
    match = _STORED_TEXT.fullmatch(text)
    if match is None:
        raise ValueError("another form")
    zone, fraction = match["zone"] or "", match["fraction"]
    plain = text.removesuffix(zone)
    micro = plain[: -len(fraction) - 1] + f".{fraction[:6]:0<6}" if fraction else plain
    moved = datetime.fromisoformat(micro) + step
    if len(plain) == len("2024-01-31"):
        return moved.date().isoformat()
    separator = plain[10]
    if len(plain) == len("2024-01-31T10:00"):
        return moved.isoformat(sep=separator, timespec="minutes") + zone
    whole = moved.isoformat(sep=separator, timespec="seconds")
    if fraction is None:
        return whole + zone
    digits = f"{moved.microsecond:06d}000"[: len(fraction)]
    return f"{whole}.{digits}{zone}"


def split_range(low: str, high: str, chunk: float | None) -> list[FixedWindow]:
    """Cut a backfill's range into windows of `chunk` (seconds, or a number); the whole range without one.

    Both ends belong to the range. Raises InvalidMapping for what is no range, or makes too many chunks.
    """
    try:
        numbers = _DECIMAL.fullmatch(low) and _DECIMAL.fullmatch(high)
        bounds = _numbers(low, high, chunk) if numbers else _instants(low, high, chunk)
    except (ValueError, OverflowError) as error:
        raise InvalidMapping(
            "from and to must be two numbers, dates or instants of one form, from not after to",
            code="invalid_range",
            loc=("from",),
        ) from error
    windows = [FixedWindow(low=one, high=other, includes_low=False) for one, other in pairwise(bounds)]
    windows[0] = windows[0].model_copy(update={"includes_low": True})
    return windows


def _numbers(low: str, high: str, chunk: float | None) -> list[str]:
    if Decimal(low) > Decimal(high):
        raise ValueError("from is greater than to")
    bounds = [low]
    while chunk is not None:
        following = add_number(bounds[-1], _number(chunk))
        if Decimal(following) >= Decimal(high):
            break
        _check_count(bounds)
        bounds.append(following)
    return [*bounds, high]


def _number(chunk: float) -> Decimal:
    """Return a step without a fraction that says nothing: integers stay integers."""
    step = Decimal(str(chunk))
    return step.to_integral_value() if step == step.to_integral_value() else step


def _instants(low: str, high: str, chunk: float | None) -> list[str]:
    first, last = parse_instant(low), parse_instant(high)
    if (first.tzinfo is None) != (last.tzinfo is None) or first > last:
        raise ValueError("from is after to")
    whole_days = len(low) == len(high) == len("2024-01-31")
    if chunk is not None and whole_days and chunk % 86400:
        raise InvalidMapping(
            "a range of dates is cut into whole days: a chunk is a multiple of 86400 seconds",
            code="invalid_chunk",
            loc=("chunk",),
        )
    bounds, step = [low], timedelta(seconds=chunk or 0)
    while chunk is not None and (first := first + step) < last:
        _check_count(bounds)
        bounds.append(first.date().isoformat() if whole_days else _like(low, first))
    return [*bounds, high]


def _like(text: str, instant: datetime) -> str:
    """Return an instant with the separator and the precision of another one's text."""
    separator = text[10] if len(text) > len("2024-01-31") else "T"
    return instant.isoformat(sep=separator, timespec="microseconds" if "." in text else "auto")


def _check_count(bounds: list[str]) -> None:
    if len(bounds) >= MAX_CHUNKS:
        raise InvalidMapping(
            f"the range makes more than {MAX_CHUNKS} chunks", code="too_many_chunks", loc=("chunk",)
        )


def top_text(cursor: Cursor, low: str) -> str:
    """Return a text that no legal value of the column is above."""
    if cursor.kind is Kind.STRING:
        return re.sub("[0-9]", "9", low)
    return {
        Kind.INTEGER: "18446744073709551615" if cursor.column.unsigned else "9223372036854775807",
        Kind.DECIMAL: "9" * 38,
        Kind.DATE: "9999-12-31",
        Kind.TIMESTAMP: "9999-12-31 23:59:59.999999",
        Kind.TIMESTAMPTZ: "9999-12-31 23:59:59.999999+00",
    }[cursor.kind]
