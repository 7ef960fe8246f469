"""The first wall before a source: one read-only statement, and nothing that acts (DESIGN.md §11).

It never replaces the other two: the read-only session and the least-privilege role.
"""

import logging
from collections.abc import Iterator, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from shared.errors import UnsupportedCapability
from shared.query_gate.lexing import Kind, Piece, blanked, cut
from shared.query_gate.refusal import QueryRefused
from shared.query_gate.text_rules import check_pieces

__all__ = ["MAX_QUERY_BYTES", "QueryRefused", "check_query"]

MAX_QUERY_BYTES = 100_000
_PARSER_DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite"}
_SPACES = " \t\n\r\f\v"

_ACTING = (
    exp.DML,
    exp.DDL,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
    exp.Command,
    exp.Set,
    exp.Use,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
    exp.Copy,
    exp.LoadData,
    exp.Kill,
    exp.Pragma,
    exp.Attach,
    exp.Detach,
    exp.Analyze,
    exp.Describe,
    exp.Show,
    exp.Merge,
    exp.Into,
    exp.NextValueFor,
)
_QUOTED = frozenset(
    (
        TokenType.STRING,
        TokenType.IDENTIFIER,
        TokenType.HEREDOC_STRING,
        TokenType.BYTE_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.UNICODE_STRING,
        TokenType.RAW_STRING,
    )
)
_ROOTS = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)

# The parser warns with the text of what it could not parse, which does not belong in a log.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def check_query(query: str, db_type: str) -> str:
    """Let one read-only query through, and return the text to wrap: without a semicolon at its end.

    The markers `{{low}}` and `{{high}}` count as values. A percent sign or colon is just a character.
    Raises QueryRefused, an InvalidQuery whose `rule` names the reason.
    """
    if db_type not in _PARSER_DIALECTS:
        legal = ", ".join(sorted(_PARSER_DIALECTS))
        raise UnsupportedCapability(f"no such database type: {db_type!r}; legal: {legal}")
    _check_bounds(query)
    pieces = cut(query, db_type)
    check_pieces(pieces, db_type)
    pieces = _without_last_semicolon(pieces)
    text = blanked(pieces)
    _check_agreement(text, pieces, _tokens(text, db_type))
    _check_tree(_parse(text, db_type))
    return "".join(piece.text for piece in pieces).strip(_SPACES)


def _check_bounds(query: str) -> None:
    if "\0" in query:
        raise QueryRefused("nul", "the query holds the NUL character")
    try:
        size = len(query.encode())
    except UnicodeEncodeError as error:
        raise QueryRefused("not_unicode", "the query holds half of a surrogate pair") from error
    if size > MAX_QUERY_BYTES:
        raise QueryRefused("too_long", f"the query has {size} bytes; at most {MAX_QUERY_BYTES} are taken")


def _without_last_semicolon(pieces: Sequence[Piece]) -> list[Piece]:
    return [Piece(Kind.SPACE, piece.start, " ") if piece.text == ";" else piece for piece in pieces]


def _tokens(text: str, db_type: str) -> list[Token]:
    try:
        return list(sqlglot.tokenize(text, read=_PARSER_DIALECTS[db_type]))
    except SqlglotError as error:
        raise QueryRefused("syntax", "the query cannot be read: a quote or comment is not closed") from error


def _check_agreement(text: str, pieces: Sequence[Piece], tokens: Sequence[Token]) -> None:
    """Refuse what the parser cuts otherwise than the server: it would be judged by what it is not."""
    if any(gap.strip(_SPACES) for gap in _gaps(text, tokens)):
        raise QueryRefused("comment", "a comment or space in the query is read differently by the database")
    seen = [token.end + 1 for token in tokens if token.token_type in _QUOTED and text[token.end] in "'\"`]$"]
    if seen != [piece.end for piece in pieces if piece.is_quoted]:
        raise QueryRefused("quote", "a quote in the query is read differently by the database")


def _gaps(text: str, tokens: Sequence[Token]) -> Iterator[str]:
    position = 0
    for token in tokens:
        yield text[position : token.start]
        position = token.end + 1
    yield text[position:]


def _parse(text: str, db_type: str) -> exp.Expr:
    try:
        statements = sqlglot.parse(text, read=_PARSER_DIALECTS[db_type])
    except SqlglotError as error:
        raise QueryRefused("syntax", f"the query cannot be parsed{_place(error)}") from error
    except RecursionError as error:
        raise QueryRefused("too_deep", "the query nests too deeply") from error
    if len(statements) != 1 or statements[0] is None:
        raise QueryRefused("one_statement", "the query must be one statement")
    return statements[0]


def _place(error: SqlglotError) -> str:
    for entry in getattr(error, "errors", ()):
        if entry.get("line"):
            return f" at line {entry['line']}, column {entry.get('col')}"
    return ""


def _check_tree(root: exp.Expr) -> None:
    if not isinstance(root, _ROOTS):
        raise QueryRefused("not_a_query", "the query must be a SELECT, with or without WITH")
    for node in root.walk():
        if isinstance(node, exp.Lock):
            raise QueryRefused("lock", "the query must not lock rows (FOR UPDATE, FOR SHARE)")
        if isinstance(node, _ACTING):
            raise QueryRefused("writes", f"{node.key.upper()} is not taken; the query must only read")
