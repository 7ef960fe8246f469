"""Reports of our own mistakes to Sentry: only where SENTRY_DSN is set.

A report is the class of an error and where it came from, with the ids of the log. No message (it may quote a
row), no local variables, no request, no user, no host name.
"""

from typing import TYPE_CHECKING, Any

import structlog

from shared.settings import Settings
from shared.version import VERSION

if TYPE_CHECKING:
    from sentry_sdk import Client

SEND_SECONDS = 2.0
_IDS = ("request_id", "run_id", "mapping_id", "tenant_id", "attempt")
_FRAME = ("filename", "abs_path", "function", "module", "lineno", "in_app")
_KEPT = ("event_id", "timestamp", "level", "platform", "release", "environment", "tags", "exception", "sdk")

_client: "Client | None" = None


def configure_error_reports(settings: Settings, service: str) -> None:
    """Report this process's mistakes where the settings say so."""
    global _client
    if settings.sentry_dsn is not None:
        _client = _make_client(settings, service)


def close_error_reports() -> None:
    """Send what has not been sent yet, and stop."""
    global _client
    if _client is not None:
        _client.close(timeout=SEND_SECONDS)
        _client = None


def report_error(error: BaseException) -> None:
    """Report an error that nobody expected, with the ids that the log has now. Never raises, never waits."""
    if _client is None:
        return
    from sentry_sdk.utils import event_from_exception

    event, hint = event_from_exception(error, client_options=_client.options)
    known = structlog.contextvars.get_contextvars()
    event["tags"] = {name: str(known[name]) for name in _IDS if name in known}
    _client.capture_event(event, hint=hint)


def _make_client(settings: Settings, service: str) -> "Client":
    from sentry_sdk import Client

    dsn = settings.sentry_dsn
    return Client(
        dsn=None if dsn is None else dsn.reveal(),
        environment=settings.app_env,
        release=f"etl-engine@{VERSION}",
        server_name=service,
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=_keep_harmless,
    )


def _keep_harmless(event: Any, _hint: Any) -> Any:
    """Return a report that holds what is listed here and nothing else."""
    kept = {name: event[name] for name in _KEPT if name in event}
    kept["exception"] = {"values": [_harmless(one) for one in event.get("exception", {}).get("values", ())]}
    kept["server_name"] = event.get("server_name", "")
    return kept


def _harmless(exception: dict[str, Any]) -> dict[str, Any]:
    frames = (exception.get("stacktrace") or {}).get("frames", ())
    return {
        "type": exception.get("type"),
        "module": exception.get("module"),
        "mechanism": {"type": "generic", "handled": True},
        "stacktrace": {"frames": [{name: frame.get(name) for name in _FRAME} for frame in frames]},
    }
