"""Numbers as wire text. Decimals are worked on digit by digit: none passes through a float."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from shared.column_mappings.cast_errors import failure

Convert = Callable[[bytes], bytes]

_WHOLE = re.compile(rb"(-?)0*([0-9]+)(?:\.0+)?")
_NUMBER = re.compile(rb"(-?)([0-9]+)(?:\.([0-9]+))?")
_FLOAT = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|NaN|-?Infinity")
SPECIALS = frozenset((b"NaN", b"Infinity", b"-Infinity"))
# The cells of a float that not every target holds: any other number is a double everywhere.
LOOKED_AT = SPECIALS | {b"-0", b"-0.0"}
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_INTEGER_RANGE = f"{_LOWEST} to {_HIGHEST}"
_SAFE_DIGITS = 18
_LONGEST_NUMBER = 400  # characters of a number that is compared as a Decimal
_EXACT_BELOW = 2.0**53  # no shortest text stands half way between two doubles below
_EXPONENT_FROM = 1e15  # PostgreSQL prints an exponent from here on, Python from 1e16


def _checked_integer(number: int) -> bytes:
    if not _LOWEST <= number <= _HIGHEST:
        raise failure("out_of_range", range=_INTEGER_RANGE)
    return b"%d" % number


def integer_of_integer(cell: bytes) -> bytes:
    """Return an integer cell that is in the range of 64 bits with sign."""
    return cell if len(cell) <= _SAFE_DIGITS else _checked_integer(int(cell))


def integer_of_text(cell: bytes) -> bytes:
    """Return the integer that plain digits say, a fraction of zeros left out."""
    match = _WHOLE.fullmatch(cell)
    if match is None:
        raise failure("not_an_integer")
    sign, digits = match.groups()
    if len(digits) > _SAFE_DIGITS + 1:
        raise failure("out_of_range", range=_INTEGER_RANGE)
    return _checked_integer(int(sign + digits))


def integer_of_float(cell: bytes) -> bytes:
    """Return the integer that a double is."""
    value = float(cell)
    if not value.is_integer():
        raise failure("not_an_integer")
    return _checked_integer(int(value))


def rounded_integer(cell: bytes) -> bytes:
    """Return the nearest integer of a number in plain digits, halves away from zero."""
    return decimal_of_text(19, 0, lossy=True, as_integer=True)(cell)


def rounded_integer_of_float(cell: bytes) -> bytes:
    """Return the nearest integer of a double, halves away from zero."""
    value = float(cell)
    return _checked_integer(int(value)) if value.is_integer() else rounded_integer(_plain_digits(value))


def decimal_of_text(precision: int, scale: int, *, lossy: bool, as_integer: bool = False) -> Convert:
    """Return the function from plain digits to a decimal with exactly `scale` digits after the point."""
    whole_digits = precision - scale
    zeros = b"0" * scale

    def convert(cell: bytes) -> bytes:
        match = _NUMBER.fullmatch(cell)
        if match is None:
            raise failure("not_an_integer" if as_integer else "not_a_number")
        sign, whole, fraction = match.groups(b"")
        whole = whole.lstrip(b"0")
        kept, rest = fraction[:scale], fraction[scale:]
        if rest.strip(b"0"):
            if not lossy:
                raise failure("not_representable", limit=f"decimal({precision},{scale})")
            whole, kept = _rounded(whole, kept, up=rest[:1] >= b"5")
        if len(whole) > whole_digits:
            raise failure("out_of_range", range=f"decimal({precision},{scale})")
        kept += zeros[len(kept) :]
        text = (whole or b"0") + (b"." + kept if kept else b"")
        return sign + text if sign and text.strip(b"0.") else text

    if not as_integer:
        return convert
    return lambda cell: integer_of_text(convert(cell))


def _rounded(whole: bytes, kept: bytes, *, up: bool) -> tuple[bytes, bytes]:
    if not up:
        return whole, kept
    size = len(kept)
    digits = _increment(whole + kept)
    return digits[: len(digits) - size], digits[len(digits) - size :]


def _increment(digits: bytes) -> bytes:
    """Add one in the last place of a run of digits (of any length: no int, whose text has a limit)."""
    stem = digits.rstrip(b"9")
    nines = len(digits) - len(stem)
    if not stem:
        return b"1" + b"0" * nines
    return stem[:-1] + b"%d" % (int(stem[-1:]) + 1) + b"0" * nines


def decimal_of_float(precision: int, scale: int, *, lossy: bool) -> Convert:
    """Return the function from a double, as its shortest digits, to a decimal."""
    convert_digits = decimal_of_text(precision, scale, lossy=lossy)

    return lambda cell: convert_digits(_plain_digits(float(cell)))


def _plain_digits(value: float) -> bytes:
    """Return a double's shortest digits without an exponent; NaN and the infinities stay words."""
    return format(Decimal(repr(value)), "f").encode()


def float_of_digits(cell: bytes) -> bytes:
    """Return a number's text when the nearest double prints all of its digits again."""
    value = _finite(cell)
    if len(cell) > _LONGEST_NUMBER or Decimal(repr(value)) != Decimal(cell.decode()):
        raise failure("not_representable", limit="the nearest double differs; cast lossy takes it")
    return cell


def nearest_float(cell: bytes) -> bytes:
    """Return a number's text, which the target reads as the nearest double."""
    return repr(_finite(cell)).encode()


def _finite(cell: bytes) -> float:
    if _FLOAT.fullmatch(cell) is None:
        raise failure("not_a_float")
    value = float(cell)
    if value - value != 0:
        raise failure("out_of_range", range="a finite double")
    return value


def float_of(convert: Convert, *, specials: bool) -> Convert:
    """Let NaN and the infinities by where the target has them, and refuse them elsewhere."""

    def convert_or_special(cell: bytes) -> bytes:
        if cell not in SPECIALS:
            return convert(cell)
        if not specials:
            raise failure("not_representable", limit="it has neither NaN nor infinities")
        return cell

    return convert_or_special


def without_negative_zero(convert: Convert, *, lossy: bool) -> Convert:
    """Refuse -0.0, or lossy make it 0, where the target would quietly do that."""

    def convert_other(cell: bytes) -> bytes:
        if cell[:1] != b"-" or cell in SPECIALS or _FLOAT.fullmatch(cell) is None or float(cell) != 0:
            return convert(cell)
        if not lossy:
            raise failure("not_representable", limit="it has no negative zero; cast lossy takes 0")
        return b"0"

    return convert_other


def float_text(cell: bytes) -> bytes:
    """Return a double as PostgreSQL prints it: the shortest digits, an exponent below 1e-4 and from 1e15."""
    if cell in SPECIALS:
        return cell
    value = float(cell)
    text = repr(value) if abs(value) < _EXACT_BELOW else _shortest_within(value)
    if text.endswith(".0"):
        text = text[:-2]
    if abs(value) < _EXPONENT_FROM or "e" in text:
        return text.encode()
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    whole, _, fraction = digits.partition(".")
    rest = (whole[1:] + fraction).rstrip("0")
    return f"{sign}{whole[0]}{'.' if rest else ''}{rest}e+{len(whole) - 1:02}".encode()


def _shortest_within(value: float) -> str:
    """Return the shortest digits of a large double, as PostgreSQL chooses them.

    Python also takes digits that stand exactly half way to the next double, when these read back (round to
    even); PostgreSQL does not, and prints one digit more.
    """
    text = repr(value)
    digits = len(text.lstrip("-").partition("e")[0].replace(".", ""))
    while _is_half_way(value, Decimal(text)):
        text = f"{value:.{digits}e}"
        digits += 1
    return text


def _is_half_way(value: float, text: Decimal) -> bool:
    exact = int(value)
    number = int(text)
    neighbour = math.nextafter(value, math.inf if number > exact else -math.inf)
    return number != exact and math.isfinite(neighbour) and 2 * number == exact + int(neighbour)


@dataclass(frozen=True)
class Padding:
    """Adds zeros to a number's fraction. NaN passes where the target has it; the other words are refused."""

    zeros: bytes
    takes_nan: bool

    def __call__(self, cell: bytes) -> bytes:
        if cell not in SPECIALS:
            return cell + self.zeros
        if cell == b"NaN" and self.takes_nan:
            return cell
        if not self.takes_nan:
            raise failure("not_representable", limit="it has neither NaN nor infinities")
        raise failure("not_a_number")


def or_nan(convert: Convert) -> Convert:
    """Let NaN by, which a numeric of PostgreSQL has whatever its size."""
    return lambda cell: cell if cell == b"NaN" else convert(cell)


def zero_or_one(cell: bytes) -> bool | None:
    """Return what a number says as a boolean; None for any other number than 0 and 1."""
    if cell in (b"0", b"1"):
        return cell == b"1"
    value = Decimal(cell.decode())
    return bool(value) if value in (0, 1) else None
