"""split: the text of one source column, cut at a delimiter into two or more target fields."""

from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.column_mappings.cast_errors import failure
from shared.column_mappings.json_check import decode
from shared.column_mappings.spec import ManyFields, NoNul, OneSource, SpecModel
from shared.column_mappings.split_regex import RegexDelimiter, check_regex


class SplitConfig(SpecModel):
    """The delimiter is literal unless `regex` is set; `trim` removes ASCII spaces around each part."""

    delimiter: Annotated[str, Field(min_length=1, max_length=100), NoNul]
    on_extra: Literal["keep_in_last", "drop", "error"] = "keep_in_last"
    on_missing: Literal["null", "error"] = "null"
    trim: bool = False
    regex: bool = False

    @model_validator(mode="after")
    def _check_regex(self) -> Self:
        if self.regex:
            check_regex(self.delimiter)
        return self


class Split(SpecModel):
    """Part i of the source's text goes to field i, then is cast strictly to the field's type."""

    type: Literal["split"] = "split"
    source_columns: OneSource
    target_fields: ManyFields
    config: SplitConfig


Cut = Callable[[bytes], list[bytes]]


def compile_split(spec: Split) -> Callable[[bytes], list[bytes | None]]:
    """Return the function that cuts one text into the parts of the spec's target fields.

    Shapes: one text -> len(spec.target_fields) parts, in their order; parts that are missing are None.
    Units:  bytes are UTF-8; the delimiter is literal unless `regex` is set.
    Raises: CastFailed too_many_parts, missing_part where the spec says error, naming the field in `column`.
    Source: DESIGN.md §8; checked against docs/column_mappings.md.
    """
    fields, config = spec.target_fields, spec.config
    width = len(fields)
    cut = _cutter(config, width)

    def split(text: bytes) -> list[bytes | None]:
        parts = cut(text)
        count = len(parts)
        if count > width and config.on_extra == "error":
            raise failure("too_many_parts", field=fields[-1], limit=width)
        if count < width and config.on_missing == "error":
            raise failure("missing_part", field=fields[count])
        kept = [part.strip(b" ") for part in parts[:width]] if config.trim else parts[:width]
        return [*kept, *[None] * (width - count)]

    return split


def _cutter(config: SplitConfig, width: int) -> Cut:
    """Cut at every delimiter, or, where the remainder stays whole, at the first width - 1."""
    cuts = width - 1 if config.on_extra == "keep_in_last" else -1
    if config.regex:
        return _regex_cutter(check_regex(config.delimiter), cuts)
    delimiter = config.delimiter.encode()
    return lambda text: text.split(delimiter, cuts)


def _regex_cutter(delimiter: RegexDelimiter, cuts: int) -> Cut:
    limit = delimiter.max_characters

    def cut(text: bytes) -> list[bytes]:
        characters = decode(text)
        if len(characters) > limit:
            raise failure("text_too_long_for_regex", limit=limit)
        return [part.encode() for part in _parts(delimiter, characters, cuts)]

    return cut


def _parts(delimiter: RegexDelimiter, text: str, cuts: int) -> list[str]:
    """Cut like re.split, but groups of the pattern add no parts."""
    parts: list[str] = []
    start = 0
    for found in delimiter.pattern.finditer(text):
        if len(parts) == cuts:
            break
        parts.append(text[start : found.start()])
        start = found.end()
    return [*parts, text[start:]]
