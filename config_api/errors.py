"""One table: error class → HTTP status and problem body."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from config_api.access.errors import Forbidden, TooManyRequests, Unauthenticated
from config_api.problems import FieldProblem, problem_response
from shared.error_reports import report_error
from shared.errors import ConfigError, Conflict, DataError, EngineError, NotFound, TransientError
from shared.store.errors import VersionMismatch, classify_store_error

log = structlog.get_logger(__name__)

# The first class that fits decides.
STATUSES: tuple[tuple[type[EngineError], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (TooManyRequests, 429),
    (NotFound, 404),
    (VersionMismatch, 412),
    (Conflict, 409),
    (ConfigError, 422),
    (DataError, 422),
    (TransientError, 503),
)
_HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
}
INTERNAL_DETAIL = "Something went wrong on our side; the log has it under this request_id"
MAX_LOC_CHARACTERS = 100
MAX_FIELD_PROBLEMS = 100


class InvalidFields(Exception):
    """Several fields of a request are at fault at once."""

    def __init__(self, problems: Sequence[FieldProblem], code: str = "invalid_request") -> None:
        super().__init__(code)
        self.problems = list(problems)
        self.code = code


def status_of(error: EngineError) -> int:
    """Return the HTTP status of an engine error."""
    return next((status for known, status in STATUSES if isinstance(error, known)), 500)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception with a problem body."""
    app.add_exception_handler(EngineError, _engine_error)
    app.add_exception_handler(InvalidFields, _invalid_fields)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(PyMongoError, _store_error)
    app.add_exception_handler(HTTPException, _http_error)


def field_problems(faults: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """Turn Pydantic's faults into ours: place, message and type, never the input."""
    return [
        FieldProblem(loc=_short(fault["loc"]), msg=_message(fault), type=fault["type"])
        for fault in faults[:MAX_FIELD_PROBLEMS]
    ]


def _message(fault: Mapping[str, Any]) -> str:
    # The one message of Pydantic's that repeats the input.
    if fault["type"] == "union_tag_invalid":
        return f"Input should be one of {fault['ctx']['expected_tags']}"
    return str(fault["msg"]).removeprefix("Value error, ")  # pydantic puts this before what a validator says


def _short(loc: Sequence[str | int]) -> list[str | int]:
    return [part[:MAX_LOC_CHARACTERS] if isinstance(part, str) else part for part in loc]


def _describe(problems: Sequence[FieldProblem]) -> str:
    if not problems:
        return "The request cannot be used"
    first = problems[0]
    place = ".".join(str(part) for part in first.loc if part != "body")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{place}: {first.msg}{more}" if place else f"{first.msg}{more}"


def engine_problem(scope: Scope, error: EngineError) -> JSONResponse:
    """Return the answer for an engine error."""
    status = status_of(error)
    if status == 500:
        log.error("unexpected_engine_error", exc_info=error)
        report_error(error)
        return problem_response(scope, 500, "internal_error", INTERNAL_DETAIL)
    errors = None
    if status == 422:
        errors = [FieldProblem(loc=_short(("body", *error.loc)), msg=error.message, type=error.code)]
    return problem_response(
        scope, status, error.code, error.message, errors=errors, headers=_headers_of(error)
    )


def _headers_of(error: EngineError) -> dict[str, str] | None:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(error.retry_after_seconds)}
    return None


async def _engine_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EngineError)  # noqa: S101 - registered for this class only
    return engine_problem(request.scope, error)


async def _invalid_fields(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InvalidFields)  # noqa: S101 - registered for this class only
    detail = _describe(error.problems)
    return problem_response(request.scope, 422, error.code, detail, errors=error.problems)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    problems = field_problems(error.errors())
    return problem_response(request.scope, 422, "invalid_request", _describe(problems), errors=problems)


def store_problem(scope: Scope, error: PyMongoError) -> JSONResponse:
    """Return the answer for an error of the driver."""
    known = classify_store_error(error)
    if known is None:
        log.error("unexpected_store_error", exc_info=error)
        report_error(error)
        return problem_response(scope, 500, "internal_error", INTERNAL_DETAIL)
    log.warning("store_unavailable", error=type(error).__name__)
    return problem_response(scope, 503, known.code, known.message, headers={"Retry-After": "1"})


async def _store_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PyMongoError)  # noqa: S101 - registered for this class only
    return store_problem(request.scope, error)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = _HTTP_CODES.get(error.status_code, "http_error")
    headers = dict(error.headers) if error.headers else None
    return problem_response(request.scope, error.status_code, code, str(error.detail), headers=headers)
