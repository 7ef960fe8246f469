"""What a JSON body must be before anything looks at it: bounded, and made of values that can be stored."""

import json
import math
from typing import Any

MAX_DEPTH = 40
_INT64 = range(-(2**63), 2**63)


class UnusableJson(Exception):
    """The body cannot be used; `kind` is a stable word for why."""

    def __init__(self, message: str, kind: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.path = path


def check_json(body: bytes) -> None:
    """Parse a body and refuse what JSON, MongoDB or a database cannot hold. Raises UnusableJson."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_unique_names)
    except UnicodeDecodeError as error:
        raise UnusableJson("The body is not UTF-8 text", "json_encoding") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UnusableJson(f"The body is not JSON: {error.msg} at {place}", "json_invalid") from error
    except RecursionError as error:
        raise UnusableJson("The body is nested too deeply", "json_too_deep") from error
    except ValueError as error:
        # Python refuses to read whole numbers of thousands of digits.
        raise UnusableJson("The body holds a number that is too long", "number_out_of_range") from error
    _check_values(value)


def _refuse_constant(_name: str) -> None:
    raise UnusableJson("NaN and infinities are not JSON", "json_invalid")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnusableJson("An object of the body has a name twice", "duplicate_name")
    return found


def _check_values(value: object) -> None:
    waiting: list[tuple[object, tuple[str | int, ...]]] = [(value, ())]
    while waiting:
        current, path = waiting.pop()
        if len(path) > MAX_DEPTH:
            raise UnusableJson(f"The body is nested deeper than {MAX_DEPTH} levels", "json_too_deep")
        if isinstance(current, dict):
            for name, inner in current.items():
                _check_text(name, path)
                waiting.append((inner, (*path, name)))
        elif isinstance(current, list):
            waiting.extend((inner, (*path, index)) for index, inner in enumerate(current))
        else:
            _check_scalar(current, path)


def _check_scalar(value: object, path: tuple[str | int, ...]) -> None:
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int) and value not in _INT64:
        raise UnusableJson("must be a number of at most 64 bits", "number_out_of_range", path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UnusableJson("must be a finite number", "number_out_of_range", path)


def _check_text(text: str, path: tuple[str | int, ...]) -> None:
    if "\0" in text:
        raise UnusableJson("must not hold the NUL character", "nul_character", path)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UnusableJson("must not hold half of a surrogate pair", "lone_surrogate", path)
