"""Where the server's reading of a text and the parser's could differ, the text is refused.

The parser's tokens are checked against the server's own rules of comments: what it takes for a comment
and the server does not would be run unseen.
"""

import re
from collections.abc import Iterator, Sequence

from sqlglot.tokenizer_core import Token, TokenType

_MYSQL_GAP = re.compile(r"(?:\s|--(?=\s|\Z)[^\n]*|#[^\n]*|/\*(?![!M]).*?\*/)*\Z", re.DOTALL)
_SQLITE_GAP = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*\Z", re.DOTALL)
_POSTGRESQL_MARK = re.compile(r"--[^\n\r]*|/\*|\*/|\s+|.", re.DOTALL)
_WORD_END = re.compile(r"[\w$]\Z")


def gaps(query: str, tokens: Sequence[Token]) -> Iterator[str]:
    """Yield what stands between the tokens, and before and after them."""
    position = 0
    for token in tokens:
        yield query[position : token.start]
        position = token.end + 1
    yield query[position:]


def gap_is_plain(gap: str, db_type: str) -> bool:
    """Tell whether the server, too, reads a gap as white space and comments."""
    if not gap or gap.isspace():
        return True
    if db_type == "postgresql":
        return _is_plain_postgresql(gap)
    return (_MYSQL_GAP if db_type == "mysql" else _SQLITE_GAP).match(gap) is not None


def _is_plain_postgresql(gap: str) -> bool:
    """PostgreSQL's comments nest."""
    depth = 0
    for mark in _POSTGRESQL_MARK.findall(gap):
        if mark == "/*":
            depth += 1
        elif mark == "*/":
            depth -= 1
        elif depth == 0 and not (mark.startswith("--") or mark.isspace()):
            return False
        if depth < 0:
            return False
    return depth == 0


def glued_dollar_quote(query: str, tokens: Sequence[Token]) -> bool:
    """Tell whether a dollar quote starts inside what PostgreSQL reads as one identifier (`a$$`)."""
    return any(
        token.token_type is TokenType.HEREDOC_STRING and _WORD_END.search(query[: token.start])
        for token in tokens
    )


def trailing_semicolon(query: str) -> int | None:
    """Return the place of a semicolon that only white space and comments follow.

    Whether a backslash escapes inside a text differs between databases: where that matters, None.
    """
    places = {_last_semicolon(query, escapes) for escapes in (_WITHOUT_ESCAPES, _WITH_ESCAPES)}
    return places.pop() if len(places) == 1 else None


_COMMON = r"\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/|;|\s+|."
_WITHOUT_ESCAPES = re.compile(r"'(?:[^']|'')*'|" + _COMMON, re.DOTALL)
_WITH_ESCAPES = re.compile(r"'(?:[^'\\]|''|\\.)*'|" + _COMMON, re.DOTALL)


def _last_semicolon(query: str, pieces: re.Pattern[str]) -> int | None:
    place = None
    for piece in pieces.finditer(query):
        text = piece.group()
        if text == ";":
            place = piece.start() if place is None else place
        elif not (text.isspace() or text.startswith(("--", "/*"))):
            place = None
    return place
