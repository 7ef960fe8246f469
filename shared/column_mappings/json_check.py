"""Whether a text is JSON that a target keeps whole: no key twice, no digit lost, no character refused."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

from shared.column_mappings.cast_errors import failure
from shared.types import TypeLimits

_NUL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_FLOAT_DIGITS = 400
_MAX_EXPONENT = 16_000  # PostgreSQL's numeric has 16383 digits after the point
_MAX_DEPTH = 500


class JsonCheck:
    """Callable on a cell: returns it as it is, or raises CastFailed."""

    def __init__(self, limits: TypeLimits) -> None:
        self._limits = limits
        number = self._check_double if limits.json_numbers_are_doubles else self._check_size
        self._decode = json.JSONDecoder(
            object_pairs_hook=_refuse_duplicates,
            parse_float=number,
            parse_int=self._check_integer if limits.json_numbers_are_doubles else self._check_size,
            parse_constant=_refuse_constant,
        ).decode

    def __call__(self, cell: bytes) -> bytes:
        text = decode(cell)
        if not self._limits.nul_in_text and _NUL_ESCAPE.search(text):
            raise failure("holds_nul")
        if text.count("[") + text.count("{") > _MAX_DEPTH:
            _check_depth(text)
        try:
            value = self._decode(text)
        except ValueError:
            raise failure("not_json") from None
        except RecursionError:
            raise failure("json_too_deep") from None
        if _SURROGATE_ESCAPE.search(text):
            _refuse_lone_surrogates(value)
        return cell

    def _check_size(self, digits: str) -> str:
        mantissa, _, exponent = digits.lower().partition("e")
        power = abs(int(exponent[:8])) if exponent else 0
        if len(mantissa) + power > _MAX_EXPONENT:
            raise failure("not_representable", limit=f"numbers of at most {_MAX_EXPONENT} digits in JSON")
        return digits

    def _check_integer(self, digits: str) -> str:
        if len(digits) <= 20 and -(2**63) <= int(digits) < 2**64:
            return digits
        return self._check_double(digits)

    def _check_double(self, digits: str) -> str:
        value = float(digits)
        if len(digits) > _FLOAT_DIGITS or value - value != 0 or Decimal(repr(value)) != Decimal(digits):
            raise failure("not_representable", limit="numbers in JSON are doubles")
        return digits


def decode(cell: bytes) -> str:
    """Return the text of a cell. Raises CastFailed for what is not UTF-8."""
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise failure("not_utf8") from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise failure("duplicate_json_key")
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise failure("not_json")


def _check_depth(text: str) -> None:
    """Count brackets outside strings: the parser goes as deep as they do."""
    depth = 0
    for bracket in re.findall(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        if depth > _MAX_DEPTH:
            raise failure("json_too_deep")


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise failure("not_json") from None
