"""Spans over OTLP, from an HTTP request to a run's commit: only where OTEL_EXPORTER_OTLP_ENDPOINT names a collector.

Elsewhere nothing of the SDK is imported, and a span is an empty context. Spans carry ids and counts, never a
row value, a query or a secret.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.settings import Settings
from shared.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

EXPORT_MS = 1000
EXPORT_SECONDS = 5
TRACES_PATH = "/v1/traces"
_TRACEPARENT = "traceparent"
_QUERY = "url.query"

_propagator = TraceContextTextMapPropagator()
_provider: "TracerProvider | None" = None


def configure_tracing(settings: Settings, service: str) -> "TracerProvider | None":
    """Export this process's spans where the settings say so; return what gives them, None for nowhere."""
    global _provider
    if settings.otel_exporter_otlp_endpoint is not None:
        _provider = _make_provider(settings, service)
    return _provider


def close_tracing() -> None:
    """Send what has not been sent yet, and stop."""
    global _provider
    if _provider is not None:
        _provider.shutdown()
        _provider = None


@contextmanager
def span(name: str, *, follows: str | None = None, **attributes: str | int) -> Iterator[trace.Span]:
    """Time the block as a span below the present one, or as one that `follows` what is traced elsewhere.

    What is raised is noted by the name of its class: its message may quote a row.
    """
    if _provider is None:
        yield trace.INVALID_SPAN
        return
    kind = SpanKind.INTERNAL if follows is None else SpanKind.CONSUMER
    parent = None if follows is None else _propagator.extract({_TRACEPARENT: follows})
    tracer = _provider.get_tracer("etl-engine", VERSION)
    named = {f"etl.{key}": value for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name, parent, kind, named, record_exception=False, set_status_on_exception=False
    ) as started:
        try:
            yield started
        except BaseException as error:
            started.set_attribute("error.type", type(error).__qualname__)
            started.set_status(Status(StatusCode.ERROR))
            raise


def present_traceparent() -> str | None:
    """Return what a document carries so that its work becomes part of the present trace."""
    carrier: dict[str, str] = {}
    if _provider is not None:
        _propagator.inject(carrier)
    return carrier.get(_TRACEPARENT)


def present_context() -> "Context":
    """Return the present trace, for a thread that goes on with it by `continued`."""
    return otel_context.get_current()


@contextmanager
def continued(context: "Context") -> Iterator[None]:
    """Let a thread be part of the trace that began it."""
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def _make_provider(settings: Settings, service: str) -> "TracerProvider":
    # Loading the SDK takes a quarter of a second that only those wait for who asked for it.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create(
        {
            "service.name": service,
            "service.version": VERSION,
            "deployment.environment.name": settings.app_env,
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    headers = settings.otel_exporter_otlp_headers
    exporter = OTLPSpanExporter(
        endpoint=f"{settings.otel_exporter_otlp_endpoint}{TRACES_PATH}",
        headers=None if headers is None else _read_headers(headers.reveal()),
        timeout=EXPORT_SECONDS,
    )
    provider.add_span_processor(_hide_queries())
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_MS))
    return provider


def _hide_queries() -> Any:
    from opentelemetry.sdk.trace import SpanProcessor

    class HideQueries(SpanProcessor):
        """Takes what somebody searched for out of the spans of requests."""

        def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002 - the SDK's form
            if _QUERY in span.attributes:
                span.set_attribute(_QUERY, "***")

    return HideQueries()


def _read_headers(text: str) -> dict[str, str]:
    """Return the headers of `name=value,name=value`."""
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}
