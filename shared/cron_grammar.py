"""The cron expressions that are accepted: Debian's fields, names, ranges, steps, lists and macros.

The library behind them accepts more than it should (`L`, `1#2`, `LW`, `*/90`), so this check comes first
and everything that it does not know is refused by name.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from shared.errors import ConfigError

MAX_EXPRESSION_CHARACTERS = 500

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(?P<first>\*|[0-9]+|[A-Z]+)(?:-(?P<last>[0-9]+|[A-Z]+))?(?:/(?P<step>[0-9]+))?")


@dataclass(frozen=True)
class CronField:
    """One field of an expression: its place, its legal values and their names."""

    name: str
    low: int
    high: int
    value_names: tuple[str, ...] = ()
    first_named: int = 0

    @property
    def legal(self) -> str:
        """The legal values, for a message."""
        names = f", or {self.value_names[0]} to {self.value_names[-1]}" if self.value_names else ""
        return f"{self.low} to {self.high}{names}"

    @property
    def open_end(self) -> int:
        """The last value of `n/step`: Saturday for days of the week, where 7 would be Sunday again."""
        return 6 if self.name == "day of week" else self.high


FIELDS = (
    CronField("second", 0, 59),
    CronField("minute", 0, 59),
    CronField("hour", 0, 23),
    CronField("day of month", 1, 31),
    CronField("month", 1, 12, _MONTHS, first_named=1),
    CronField("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True)
class CronExpression:
    """A checked expression. `fields` has six parts, seconds first, in the form that cronsim takes."""

    fields: tuple[str, str, str, str, str, str]
    has_seconds: bool

    @property
    def text(self) -> str:
        """The expression in five fields, or six when it was written so."""
        return " ".join(self.fields if self.has_seconds else self.fields[1:])

    @property
    def follows_real_time(self) -> bool:
        """Whether the hour or the minute is a wildcard (Debian's rule: the field starts with a star)."""
        return self.fields[1].startswith("*") or self.fields[2].startswith("*")


@lru_cache(maxsize=20_000)
def parse_cron(expression: str) -> CronExpression:
    """Check an expression and return it in its normal form.

    Raises: ConfigError `invalid_cron`, naming the field and its legal values, also for an expression
    that would never fire (`0 0 30 2 *`).
    """
    parts = _split(expression)
    has_seconds = len(parts) == len(FIELDS)
    padded = parts if has_seconds else ["0", *parts]
    values: list[set[int]] = []
    texts: list[str] = []
    for field, part in zip(FIELDS, padded, strict=True):
        text, chosen = _check_field(field, part)
        texts.append(text)
        values.append(chosen)
    _check_fires(texts, values)
    second, minute, hour, day, month, weekday = texts
    return CronExpression((second, minute, hour, day, month, weekday), has_seconds)


def _split(expression: str) -> list[str]:
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        raise _invalid(f"The expression is longer than {MAX_EXPRESSION_CHARACTERS} characters")
    stripped = expression.strip(" \t")
    if stripped.startswith("@"):
        macro = MACROS.get(stripped.lower())
        if macro is None:
            raise _invalid(f"Unknown macro: write one of {', '.join(MACROS)}")
        return macro.split(" ")
    parts = re.split(r"[ \t]+", stripped)
    if len(parts) not in (len(FIELDS) - 1, len(FIELDS)):
        raise _invalid(
            "The expression needs five fields (minute, hour, day of month, month, day of week), "
            f"or six with seconds first; it has {len(parts) if stripped else 0}"
        )
    return parts


def _check_field(field: CronField, part: str) -> tuple[str, set[int]]:
    texts: list[str] = []
    values: set[int] = set()
    for item in part.split(","):
        text, chosen = _check_item(field, item)
        texts.append(text)
        values |= chosen
    return ",".join(texts), values


def _check_item(field: CronField, item: str) -> tuple[str, set[int]]:
    # Upper case only for ASCII: other letters may become ASCII ones ("ı" would pass for "I").
    found = _ITEM.fullmatch(item.upper() if item.isascii() else item)
    if found is None:
        raise _invalid_field(field, "numbers, names, *, ranges a-b, steps /n and lists a,b")
    first, last, step = found["first"], found["last"], found["step"]
    step_value = _step(field, step)
    if first == "*":
        if last is not None:
            raise _invalid_field(field, "* without a range")
        return (f"*/{step_value}" if step else "*"), set(range(field.low, field.high + 1, step_value))
    low = _value(field, first)
    high = low if step is None and last is None else field.open_end if last is None else _value(field, last)
    if high < low and last is None:
        high = field.high  # "7/2": Sunday, nothing follows it
    if high < low:
        raise _invalid_field(field, f"ranges from low to high within {field.legal}")
    # cronsim reads the one value of "5-5/2" as an open range.
    text = f"{low}" if high == low else f"{low}-{high}" + (f"/{step_value}" if step else "")
    return text, set(range(low, high + 1, step_value))


def _value(field: CronField, text: str) -> int:
    if text in field.value_names:
        return field.value_names.index(text) + field.first_named
    if text.isdigit() and len(text) <= 4 and field.low <= int(text) <= field.high:
        return int(text)
    raise _invalid_field(field, field.legal)


def _step(field: CronField, text: str | None) -> int:
    if text is None:
        return 1
    if len(text) <= 4 and 1 <= int(text) <= field.high:
        return int(text)
    raise _invalid_field(field, f"steps 1 to {field.high}")


def _check_fires(texts: list[str], values: list[set[int]]) -> None:
    _, _, _, days, months, _ = values
    both_days_restricted = not texts[3].startswith("*") and not texts[5].startswith("*")
    if both_days_restricted:
        return  # either day may match, and every month has every day of the week
    if min(days) > max(_LONGEST_MONTH_DAYS[month - 1] for month in months):
        raise _invalid("The expression never fires: none of its months has such a day of month")


def _invalid_field(field: CronField, legal: str) -> ConfigError:
    return _invalid(f"The field {field.name} is not valid: it takes {legal}")


def _invalid(message: str) -> ConfigError:
    return ConfigError(message, code="invalid_cron", loc=("cron_expression",))
