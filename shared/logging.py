"""Logs of both services: one event a line, as JSON or for a console, with the ids of what is being done.

Context (request_id, run_id, mapping_id, …) is bound with `structlog.contextvars.bound_contextvars`.
"""

import json
import logging
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "***"
_SECRET_MARKS = (
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "ssl_key",
    "authorization",
    "cookie",
    "encryption_key",
    "database_url",
    "mongodb_url",
)


def configure_logging(level: str, log_format: Literal["json", "console"]) -> None:
    """Send structlog's and the standard library's events to standard error in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _add_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    renderers = _renderers(log_format)
    # Our own events take the short way: through the standard library each costs several times as much.
    structlog.configure(
        processors=[*shared, *renderers],
        logger_factory=_LineLogger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # The driver logs every command at debug, with the documents in it.
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    # Lines of its own access log would repeat ours, without the request's id.
    logging.getLogger("uvicorn.access").disabled = True


class _LineLogger:
    """Writes finished lines to standard error; `name` is what the line says where it comes from."""

    def __init__(self, *names: str) -> None:
        self.name = names[0] if names else "root"

    def msg(self, line: str) -> None:
        """Write a line, whole."""
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    debug = info = warning = warn = error = exception = critical = fatal = msg


def _add_name(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001 - structlog's form
    record: logging.LogRecord | None = event.get("_record")
    event["logger"] = logger.name if record is None else record.name
    return event


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001 - structlog's form
    """Replace the value of every field whose name says that it is a secret, at any depth."""
    return {name: HIDDEN if _is_secret(name) else _hide_in(value) for name, value in event.items()}


def _hide_in(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if isinstance(name, str) and _is_secret(name) else _hide_in(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hide_in(inner) for inner in value]
    return value


@lru_cache(maxsize=1000)  # the names of fields are few
def _is_secret(name: str) -> bool:
    return any(mark in name.lower() for mark in _SECRET_MARKS)


def _json_line(event: EventDict, **_options: Any) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits
        return json.dumps(event, default=repr, skipkeys=True)


def _renderers(log_format: Literal["json", "console"]) -> list[Processor]:
    # Tracebacks never show local variables: they hold rows and secrets.
    if log_format == "json":
        without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(without_locals),
            structlog.processors.JSONRenderer(_json_line),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
