"""A query cut into pieces as its server cuts it: what is a comment, a text, a name, and what is neither.

The parser has rules of its own for this. Where they differ from the server's, something would be run that nobody
has looked at; so the gate looks at these pieces, and holds the parser's tokens against them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MARKER = re.compile(r"\{\{\s*(?:low|high)\s*\}\}")


class Kind(StrEnum):
    SPACE = "space"
    COMMENT = "comment"
    TEXT = "text"
    NAME = "name"  # a quoted one
    WORD = "word"
    NUMBER = "number"
    MARKER = "marker"
    UNCLOSED = "unclosed"
    OTHER = "other"


@dataclass(frozen=True)
class Piece:
    """`text` stands at `start`; the pieces of a query follow each other without gaps."""

    kind: Kind
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def is_gap(self) -> bool:
        return self.kind in (Kind.SPACE, Kind.COMMENT)

    @property
    def is_quoted(self) -> bool:
        return self.kind in (Kind.TEXT, Kind.NAME)


# To the servers every character beyond ASCII is a letter, a no-break space too.
_LETTER = r"A-Za-z_\x80-\U0010ffff"
_TAG = rf"\$(?:[{_LETTER}][{_LETTER}0-9]*)?\$"
_NUMBER = (Kind.NUMBER, rf"[0-9][{_LETTER}0-9]*")
_MARKER = (Kind.MARKER, MARKER.pattern)
_OTHER = (Kind.OTHER, r".")
_RULES: Mapping[str, Sequence[tuple[Kind, str]]] = {
    "postgresql": (
        _MARKER,
        (Kind.SPACE, r"[ \t\n\r\f\v]+"),
        (Kind.COMMENT, r"--[^\n\r]*"),
        (Kind.TEXT, r"[eE]'(?:[^'\\]|''|\\.)*+'"),
        (Kind.UNCLOSED, r"[eE]'"),
        (Kind.TEXT, r"(?:[uU]&|[bBxXnN])?'(?:[^']|'')*+'"),
        (Kind.NAME, r'(?:[uU]&)?"(?:[^"]|"")*+"'),
        (Kind.TEXT, rf"(?P<tag>{_TAG}).*?(?P=tag)"),
        (Kind.UNCLOSED, rf"['\"]|/\*|{_TAG}"),
        (Kind.WORD, rf"[{_LETTER}][{_LETTER}0-9$]*"),
        _NUMBER,
        _OTHER,
    ),
    "mysql": (
        _MARKER,
        (Kind.SPACE, r"[ \t\n\r\f\v]+"),
        (Kind.COMMENT, r"#[^\n]*|--(?=[\x00-\x20\x7f]|\Z)[^\n]*|/\*.*?\*/"),
        (Kind.TEXT, r"'(?:[^'\\]|''|\\.)*+'|\"(?:[^\"\\]|\"\"|\\.)*+\""),
        (Kind.NAME, r"`(?:[^`]|``)*+`"),
        (Kind.UNCLOSED, r"['\"`]|/\*"),
        (Kind.WORD, rf"[0-9]*[{_LETTER}$][{_LETTER}0-9$]*"),
        _NUMBER,
        _OTHER,
    ),
    "sqlite": (
        _MARKER,
        (Kind.SPACE, r"[ \t\n\r\f]+"),
        (Kind.COMMENT, r"--[^\n]*|/\*.*?\*/"),
        (Kind.TEXT, r"'(?:[^']|'')*+'"),
        (Kind.NAME, r'"(?:[^"]|"")*+"|`(?:[^`]|``)*+`|\[[^\]]*\]'),
        (Kind.UNCLOSED, r"['\"`\[]|/\*"),
        (Kind.WORD, rf"[{_LETTER}][{_LETTER}0-9$]*"),
        _NUMBER,
        _OTHER,
    ),
}
_NESTING = re.compile(r"/\*|\*/")


def _compile(rules: Sequence[tuple[Kind, str]]) -> re.Pattern[str]:
    """Put the rules into one pattern, each in a group `<kind>_<number>`; the first that fits counts."""
    groups = (f"(?P<{kind}_{number}>{pattern})" for number, (kind, pattern) in enumerate(rules))
    return re.compile("|".join(groups), re.DOTALL)


_PATTERNS = {db_type: _compile(rules) for db_type, rules in _RULES.items()}


def cut(query: str, db_type: str) -> list[Piece]:
    """Return the pieces of a query in their order."""
    pattern = _PATTERNS[db_type]
    pieces: list[Piece] = []
    position = 0
    while position < len(query):
        end = _nested_comment_end(query, position) if db_type == "postgresql" else None
        if end is not None:
            pieces.append(Piece(Kind.COMMENT, position, query[position:end]))
        elif found := pattern.match(query, position):
            kind = Kind((found.lastgroup or "").partition("_")[0])
            pieces.append(Piece(kind, position, found.group()))
        position = pieces[-1].end
    return pieces


def unquoted(piece: Piece) -> str:
    """Return what a word or a quoted name or text says."""
    if not piece.is_quoted:
        return piece.text
    mark = piece.text[-1]
    inner = piece.text[piece.text.index("[" if mark == "]" else mark) + 1 : -1]
    return inner if mark == "]" else inner.replace(mark * 2, mark)


def blanked(pieces: Sequence[Piece]) -> str:
    """Return the query as the parser is given it: no comments, NULL for the markers, every piece in its place."""
    return "".join(
        "NULL".ljust(len(piece.text))
        if piece.kind is Kind.MARKER
        else re.sub(r"[^\n]", " ", piece.text)
        if piece.kind is Kind.COMMENT
        else piece.text
        for piece in pieces
    )


def _nested_comment_end(query: str, start: int) -> int | None:
    """Return where the comment ends that begins here: PostgreSQL's may hold others. None: it does not end."""
    if not query.startswith("/*", start):
        return None
    depth = 0
    for mark in _NESTING.finditer(query, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return None
