"""What is refused by looking at a query's pieces, before anything is parsed."""

import re
from collections.abc import Sequence
from itertools import pairwise

from shared.query_gate.lexing import MARKER, Kind, Piece, unquoted
from shared.query_gate.refusal import QueryRefused
from shared.query_gate.refused_functions import is_refused

MAX_NESTING = 60
_EXECUTABLE_COMMENT = re.compile(r"/\*M?!")
_SETTING_HINT = re.compile(r"\b(?:SET_VAR|RESOURCE_GROUP)\b", re.IGNORECASE)
_QUOTE = re.compile("['\"`]")
_SQLITE_PARAMETERS = frozenset("?:@#$")
_GLUE = (Kind.WORD, Kind.NUMBER, Kind.MARKER)
_GLUING_SIGNS = frozenset("$&@\\")


def check_pieces(pieces: Sequence[Piece], db_type: str) -> None:
    """Raise QueryRefused for what no source query holds, in this database's words."""
    solid = [piece for piece in pieces if not piece.is_gap]
    if not solid or solid[0].text == ";":
        raise QueryRefused("empty", "the query is empty")
    for piece in pieces:
        _check_piece(piece, db_type)
    for before, after in pairwise(pieces):
        _check_neighbours(before, after, db_type)
    _check_nesting(solid)
    _check_words(solid, db_type)


def _check_piece(piece: Piece, db_type: str) -> None:
    if piece.kind is Kind.UNCLOSED:
        raise QueryRefused("syntax", "the query cannot be read: a quote or comment is not closed")
    if piece.kind is not Kind.MARKER and MARKER.search(piece.text):
        raise QueryRefused("marker", "{{low}} and {{high}} stand for values: not inside quotes or comments")
    if db_type == "mysql":
        _check_mysql_comment(piece)
    elif db_type == "sqlite":
        _check_sqlite_sign(piece)
    elif piece.kind is Kind.NAME and piece.text[0] in "uU":
        raise QueryRefused("escaped_name", 'names with Unicode escapes (U&"...") are not taken')


def _check_mysql_comment(piece: Piece) -> None:
    if _EXECUTABLE_COMMENT.search(piece.text):
        raise QueryRefused("executable_comment", "comments that MySQL executes (/*! ... */) are not taken")
    if not piece.text.startswith("/*+"):
        return
    if _SETTING_HINT.search(piece.text):
        raise QueryRefused("settings", "hints that change settings (SET_VAR, RESOURCE_GROUP) are not taken")
    if _QUOTE.search(piece.text):
        # MySQL does not end a hint inside quotes, where a comment would end.
        raise QueryRefused("hint", "hints with quotes in them are not taken")


def _check_sqlite_sign(piece: Piece) -> None:
    if piece.kind is Kind.OTHER and piece.text in _SQLITE_PARAMETERS:
        raise QueryRefused("parameter", "parameters (?, :name) are not taken: nothing would fill them")
    if "\ufeff" in piece.text and not (piece.is_gap or piece.is_quoted):
        raise QueryRefused("comment", "the query holds a byte order mark, which SQLite reads as a space")


def _check_neighbours(before: Piece, after: Piece, db_type: str) -> None:
    """Refuse what stands so close together that servers, or their versions, differ in where to cut it."""
    if Kind.MARKER in (before.kind, after.kind):
        other = before if after.kind is Kind.MARKER else after
        if other.is_quoted or other.kind in _GLUE or other.text in _GLUING_SIGNS:
            raise QueryRefused("marker", "{{low}} and {{high}} must stand by themselves, as a value does")
    if db_type == "postgresql" and before.kind is Kind.NUMBER and (after.is_quoted or after.text == "$"):
        raise QueryRefused("glued_quote", "a quote must not follow a number without a space")


def _check_nesting(solid: Sequence[Piece]) -> None:
    depth = 0
    for piece in solid:
        depth += (piece.text == "(") - (piece.text == ")")
        if depth < 0:
            raise QueryRefused("syntax", "a parenthesis is closed that was not opened")
        if depth > MAX_NESTING:
            raise QueryRefused("too_deep", f"parentheses nest deeper than {MAX_NESTING}")


def _check_words(solid: Sequence[Piece], db_type: str) -> None:
    for before, piece, after in zip((None, *solid), solid, (*solid[1:], None), strict=False):
        if piece.text == ";" and after is not None:
            raise QueryRefused("one_statement", "the query must be one statement")
        if piece.kind is Kind.WORD and piece.text.lower() == "into":
            raise QueryRefused("into", "INTO writes; the query must only read")
        if piece.kind in (Kind.WORD, Kind.NAME):
            _check_name(piece, before, after, db_type)
        if db_type == "sqlite" and _says(piece).startswith("pragma_"):
            raise QueryRefused("function", "pragma tables are not taken in a source query")
        if db_type == "postgresql" and before is not None:
            _check_continuation(before, piece)


def _check_name(piece: Piece, before: Piece | None, after: Piece | None, db_type: str) -> None:
    name = _says(piece)
    if not is_refused(name, db_type):
        return
    if after is not None and after.text == "(":
        raise QueryRefused("function", f"the function {name} is not taken in a source query")
    if db_type == "postgresql" and before is not None and before.text == ".":
        # x.f is f(x) where x has no column of that name.
        raise QueryRefused(
            "function", f"{name} after a dot may call a function: write the column without its table"
        )


def _check_continuation(before: Piece, piece: Piece) -> None:
    """A text after a text is its continuation, and a backslash in it means what it meant in the first."""
    if before.kind is Kind.TEXT and before.text[0] in "eE" and piece.text[0] == "'":
        raise QueryRefused("continued_text", "a text in E'...' must be written in one piece")


def _says(piece: Piece) -> str:
    return unquoted(piece).lower()
