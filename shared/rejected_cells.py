"""The cells of rejected rows as they are kept: JSON that gives back every byte, and the columns they belong to."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from shared.types import Kind, SourceColumn

Cell = bytes | None


def keep_cells(cells: Sequence[Cell]) -> bytes:
    """Return wire cells as JSON without NUL and broken UTF-8, which some databases refuse in texts."""
    try:
        return orjson.dumps([None if cell is None else cell.decode() for cell in cells])
    except UnicodeDecodeError:
        texts = [None if cell is None else cell.decode("utf-8", "surrogateescape") for cell in cells]
        return json.dumps(texts, ensure_ascii=True, separators=(",", ":")).encode()


def read_cells(text: bytes) -> tuple[Cell, ...]:
    """Return the cells that `keep_cells` kept."""
    texts = json.loads(text)
    return tuple(None if one is None else one.encode("utf-8", "surrogateescape") for one in texts)


def keep_columns(columns: Sequence[SourceColumn]) -> str:
    """Return source columns as text."""
    return json.dumps([asdict(column) for column in columns], ensure_ascii=True, separators=(",", ":"))


def read_columns(text: str) -> list[SourceColumn]:
    """Return the columns that `keep_columns` kept."""
    return [SourceColumn(**{**one, "kind": Kind(one["kind"])}) for one in json.loads(text)]
