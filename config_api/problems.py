"""Problem bodies (RFC 9457): the one shape of every error answer."""

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.types import Scope

PROBLEM_TYPE = "application/problem+json"
_MAX_INSTANCE_CHARACTERS = 500


class FieldProblem(BaseModel):
    """One field that is at fault: its place in the request, what is wanted, and a stable word for it."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """What went wrong. `code` is stable; `errors` is there for a status of 422 only."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None


def problem_response(
    scope: Scope,
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return the answer for an error."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=_instance(scope),
        code=code,
        request_id=scope.get("state", {}).get("request_id", ""),
        errors=errors,
    )
    return JSONResponse(
        body.model_dump(exclude_none=True), status_code=status, headers=headers, media_type=PROBLEM_TYPE
    )


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare error answers of an endpoint for the OpenAPI document."""
    return {
        status: {"model": Problem, "content": {PROBLEM_TYPE: {}}, "description": HTTPStatus(status).phrase}
        for status in statuses
    }


def _instance(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or b"/"
    return raw.decode("ascii", "replace")[:_MAX_INSTANCE_CHARACTERS]
