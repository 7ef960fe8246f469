"""Reads a `.env` file: NAME=value lines, in the common subset of shells and Docker Compose."""

import re
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"""(?P<quote>['"])(?P<text>.*)(?P=quote)\s*(?:#.*)?""")


class EnvFileError(Exception):
    """Lines of a `.env` file that are neither empty, a comment nor NAME=value; the text never shows them."""


def read_env_file(path: Path) -> dict[str, str]:
    """Return the file's settings, none when there is no file; the last of a repeated name counts.

    Quotes around a value are dropped and the rest is literal; without quotes ` #` starts a comment.
    Raises: EnvFileError naming the lines that cannot be read.
    """
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    unreadable: list[int] = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if match := _LINE.fullmatch(text):
            values[match["name"]] = _unquote(match["value"])
        else:
            unreadable.append(number)
    if unreadable:
        raise EnvFileError(f"{path.name}: line {', '.join(map(str, unreadable))} is not NAME=value")
    return values


def _unquote(value: str) -> str:
    if quoted := _QUOTED.fullmatch(value):
        return quoted["text"]
    if value.startswith("#"):
        return ""
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()
