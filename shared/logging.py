"""Logs of both services: one event a line, as JSON or for a console, with the ids of what is being done.

Context (request_id, run_id, mapping_id, …) is bound with `structlog.contextvars.bound_contextvars`.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal

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
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(log_format)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # The driver logs every command at debug, with the documents in it.
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    # Lines of its own access log would repeat ours, without the request's id.
    logging.getLogger("uvicorn.access").disabled = True


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


def _is_secret(name: str) -> bool:
    return any(mark in name.lower() for mark in _SECRET_MARKS)


def _renderers(log_format: Literal["json", "console"]) -> list[Processor]:
    # Tracebacks never show local variables: they hold rows and secrets.
    if log_format == "json":
        without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(without_locals), structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
