"""The first wall before a source: one read-only statement, and nothing that acts (DESIGN.md §11).

It never replaces the other two: the read-only session and the least-privilege role.
"""

import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from shared.errors import InvalidQuery, UnsupportedCapability
from shared.query_gate.lexing import gap_is_plain, gaps, glued_dollar_quote, trailing_semicolon
from shared.query_gate.refused_functions import is_refused

MAX_QUERY_BYTES = 100_000
MAX_NESTING = 60
_PARSER_DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite"}
_MARKERS = re.compile(r"\{\{\s*(?:low|high)\s*\}\}")
_EXECUTABLE_COMMENT = re.compile(r"/\*M?!")
_UNICODE_IDENTIFIER = re.compile(r"[uU]&\"")
_SETTING_HINT = re.compile(r"/\*\+[^*]*\b(?:SET_VAR|RESOURCE_GROUP)\s*\(", re.IGNORECASE)

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
_ROOTS = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)

# The parser warns with the text of what it could not parse, which does not belong in a log.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


class QueryRefused(InvalidQuery):
    """A query that the gate does not let through; `rule` names why."""

    code = "query_refused"

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message, loc=("source_query",))
        self.rule = rule


def clean_query(query: str) -> str:
    """Return the text to wrap: without a semicolon at its end."""
    place = trailing_semicolon(query)
    text = query if place is None else query[:place] + " " + query[place + 1 :]
    return text.strip()


def check_query(query: str, db_type: str) -> None:
    """Let one read-only query through. Raises QueryRefused, an InvalidQuery whose `rule` names the reason.

    The markers `{{low}}` and `{{high}}` count as values. A percent sign or colon is just a character.
    """
    if db_type not in _PARSER_DIALECTS:
        legal = ", ".join(sorted(_PARSER_DIALECTS))
        raise UnsupportedCapability(f"no such database type: {db_type!r}; legal: {legal}")
    _check_text(query, db_type)
    text = _MARKERS.sub("NULL", clean_query(query))
    tokens = _tokens(text, db_type)
    _check_tokens(text, tokens, db_type)
    _check_tree(_parse(text, db_type))


def _check_text(query: str, db_type: str) -> None:
    if not query.strip():
        raise QueryRefused("empty", "the query is empty")
    if "\0" in query:
        raise QueryRefused("nul", "the query holds the NUL character")
    try:
        size = len(query.encode())
    except UnicodeEncodeError as error:
        raise QueryRefused("not_unicode", "the query holds half of a surrogate pair") from error
    if size > MAX_QUERY_BYTES:
        raise QueryRefused("too_long", f"the query has {size} bytes; at most {MAX_QUERY_BYTES} are taken")
    if db_type == "mysql" and _EXECUTABLE_COMMENT.search(query):
        raise QueryRefused("executable_comment", "comments that MySQL executes (/*! ... */) are not taken")
    if db_type == "mysql" and _SETTING_HINT.search(query):
        raise QueryRefused("settings", "hints that change settings (SET_VAR, RESOURCE_GROUP) are not taken")
    if db_type == "postgresql" and _UNICODE_IDENTIFIER.search(query):
        raise QueryRefused("escaped_name", 'names with Unicode escapes (U&"...") are not taken')


def _tokens(text: str, db_type: str) -> list[Token]:
    try:
        return list(sqlglot.tokenize(text, read=_PARSER_DIALECTS[db_type]))
    except SqlglotError as error:
        raise QueryRefused("syntax", "the query cannot be read: a quote or comment is not closed") from error


def _check_tokens(text: str, tokens: list[Token], db_type: str) -> None:
    if not tokens:
        raise QueryRefused("empty", "the query is empty")
    if not all(gap_is_plain(gap, db_type) for gap in gaps(text, tokens)):
        raise QueryRefused("comment", "a comment in the query is read differently by the database")
    if db_type == "postgresql" and glued_dollar_quote(text, tokens):
        raise QueryRefused("dollar_quote", "a dollar quote must not follow a name without a space")
    _check_nesting(tokens)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.token_type is TokenType.SEMICOLON:
            raise QueryRefused("one_statement", "the query must be one statement")
        if token.token_type is TokenType.INTO:
            raise QueryRefused("into", "INTO writes; the query must only read")
        called = following is not None and following.token_type is TokenType.L_PAREN
        if called and token.token_type is not TokenType.STRING and is_refused(token.text, db_type):
            raise QueryRefused(
                "function", f"the function {token.text.lower()} is not taken in a source query"
            )
        if db_type == "sqlite" and token.text.lower().startswith("pragma_"):
            raise QueryRefused("function", "pragma tables are not taken in a source query")


def _check_nesting(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth < 0:
            raise QueryRefused("syntax", "a parenthesis is closed that was not opened")
        if depth > MAX_NESTING:
            raise QueryRefused("too_deep", f"parentheses nest deeper than {MAX_NESTING}")


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
