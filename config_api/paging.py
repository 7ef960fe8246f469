"""Lists: limit, offset, sort and q, and the total in a header."""

from typing import Annotated

from fastapi import Query, Response

from config_api.errors import InvalidFields
from config_api.problems import FieldProblem
from shared.store.documents import Page

MAX_LIMIT = 1000
MAX_OFFSET = 10**9
SORT_FIELDS = ("name", "created_at", "updated_at")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET)]


async def page_of_names(
    limit: Limit = 100,
    offset: Offset = 0,
    sort: Annotated[str, Query(max_length=50, description="name, -created_at, …")] = "created_at",
    q: Annotated[str | None, Query(max_length=200, description="A part of the name, in any case")] = None,
) -> Page:
    """Read the page that a list of named documents is asked for."""
    return Page(limit=limit, offset=offset, sort=parse_sort(sort, SORT_FIELDS), q=check_text(q, "q"))


async def plain_page(limit: Limit = 100, offset: Offset = 0) -> Page:
    """Read the page that a list without names is asked for."""
    return Page(limit=limit, offset=offset)


def parse_sort(sort: str, fields: tuple[str, ...]) -> tuple[str, int]:
    """Return the field and its direction. Raises InvalidFields naming the legal ones."""
    field = sort.removeprefix("-")
    if field not in fields:
        legal = ", ".join(fields)
        message = f"must be one of {legal}, or one of them after a -"
        raise InvalidFields([FieldProblem(loc=["query", "sort"], msg=message, type="invalid_sort")])
    return field, -1 if sort.startswith("-") else 1


def check_text(text: str | None, name: str) -> str | None:
    """Return a query parameter. Raises InvalidFields for a NUL, which no document holds."""
    if text is not None and "\0" in text:
        message = "must not hold the NUL character"
        raise InvalidFields([FieldProblem(loc=["query", name], msg=message, type="nul_character")])
    return text


def set_total(response: Response, total: int) -> None:
    """Say how many there are in all."""
    response.headers["X-Total-Count"] = str(total)
