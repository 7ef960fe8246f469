"""A text that must not leave: it prints as *** wherever it turns up."""

import hmac
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Secret:
    """Holds a secret text; only `reveal()` gives it back.

    Printing, formatting, `repr`, Pydantic's dumps and the JSON schema never show it. Two secrets are equal
    when their texts are, compared in constant time. It is not a `str`, so that joining or formatting by
    accident fails or prints ***.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one call that needs it; don't keep the result."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_comparable(self._text), _comparable(other._text))

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            # Not a union: its branches would show in the place of a fault.
            python_schema=core_schema.no_info_before_validator_function(_text_of, from_text),
            serialization=core_schema.plain_serializer_function_ser_schema(_serialized, info_arg=True),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "format": "password", "writeOnly": True}


def _text_of(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


def _serialized(secret: "Secret", info: SerializationInfo) -> "Secret | str":
    """Stars in JSON; within Python the secret stays what it is."""
    return str(secret) if info.mode_is_json() else secret


def _comparable(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
