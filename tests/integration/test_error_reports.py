"""Reports to Sentry, as a receiver gets them: where something went wrong, and nothing of what it was about."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from shared.error_reports import close_error_reports, configure_error_reports, report_error
from shared.settings import Settings
from shared.tracing import present_traceparent, span
from tests.integration.executor.receivers import WebReceiver, web_receiver

ROOT = Path(__file__).resolve().parents[2]
ROW, PASSWORD = "row-value-canary", "password-canary"


@pytest.fixture
def receiver() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        dsn = f"http://public-key@127.0.0.1:{receiver.port}/7"
        configure_error_reports(
            Settings.from_environment({"SENTRY_DSN": dsn, "ENCRYPTION_KEY": KEY}), "etl-test"
        )
        yield receiver
        close_error_reports()


KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def reports(receiver: WebReceiver) -> list[dict[str, Any]]:
    """Close the client, which sends what waits, and return the events that came."""
    close_error_reports()
    found = []
    for posted in receiver.posted:
        assert posted.path == "/api/7/envelope/"
        packed = posted.headers.get("content-encoding") == "gzip"
        lines = (gzip.decompress(posted.body) if packed else posted.body).splitlines()
        found += [json.loads(line) for line in lines if b'"exception"' in line]
    return found


def fail(row: str) -> None:
    password = PASSWORD
    try:
        dict[str, str]()[row + password]
    except KeyError as error:
        raise ValueError(f"cannot take {row}") from error


def test_a_report_says_where_and_which_run_and_holds_no_value(receiver: WebReceiver) -> None:
    with structlog.contextvars.bound_contextvars(run_id="r1", request_id="q1", row=ROW):
        try:
            fail(ROW)
        except ValueError as error:
            report_error(error)
    [event] = reports(receiver)
    assert event["tags"] == {"run_id": "r1", "request_id": "q1"}
    assert [one["type"] for one in event["exception"]["values"]] == ["KeyError", "ValueError"]
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "fail"
    assert (event["environment"], event["server_name"]) == ("development", "etl-test")
    text = json.dumps(event)
    for canary in (ROW, PASSWORD, "cannot take", "context_line", '"vars"', "breadcrumbs", '"value"'):
        assert canary not in text, canary


def test_without_a_dsn_nothing_is_made_of_an_error() -> None:
    configure_error_reports(Settings.from_environment({"ENCRYPTION_KEY": KEY}), "etl-test")
    report_error(ValueError(ROW))


def test_without_settings_neither_is_even_imported() -> None:
    program = (
        "import sys, config_api.__main__, executor.worker_process, executor.main\n"
        "from shared.settings import Settings\n"
        "from shared.tracing import configure_tracing\n"
        "from shared.error_reports import configure_error_reports\n"
        "configure_tracing(Settings(), 'x'); configure_error_reports(Settings(), 'x')\n"
        "print([name for name in sys.modules if name.split('.')[:2] == ['opentelemetry', 'sdk'] or 'sentry' in name\n"
        "       or 'protobuf' in name])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_without_a_collector_spans_are_empty() -> None:
    with span("anything", follows="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", rows=1) as empty:
        assert not empty.is_recording()
        assert present_traceparent() is None
