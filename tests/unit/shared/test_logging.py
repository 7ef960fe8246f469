import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.logging import configure_logging, hide_secrets


@pytest.fixture(autouse=True)
def former_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_a_line_is_json_with_the_ids_of_its_context(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    with structlog.contextvars.bound_contextvars(run_id="r1", mapping_id="m1"):
        structlog.get_logger("x").info("happened", rows=3)
        logging.getLogger("y").warning("from %s", "elsewhere")
    structlog.get_logger("x").debug("not shown")
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (first["event"], first["rows"], first["run_id"], first["mapping_id"]) == (
        "happened",
        3,
        "r1",
        "m1",
    )
    assert (second["event"], second["level"], second["run_id"]) == ("from elsewhere", "warning", "r1")
    assert first["timestamp"].endswith("Z")


def test_secret_fields_are_hidden_at_any_depth() -> None:
    event = {
        "event": "x",
        "password": "p1",
        "connection": {"ssl_key": "p2", "host": "h", "list": [{"api_key": "p3"}]},
        "Authorization": "Bearer p4",
    }
    hidden = str(hide_secrets(None, "info", event))
    assert not any(secret in hidden for secret in ("p1", "p2", "p3", "p4"))
    assert "'host': 'h'" in hidden


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging("info", "json" if log_format == "json" else "console")
    try:
        fail_with("row-value-" + "canary")
    except ValueError:
        structlog.get_logger("x").exception("failed")
    shown = capsys.readouterr().err
    assert "ValueError" in shown
    assert "row-value-canary" not in shown


def fail_with(row: str) -> None:
    raise ValueError(len(row))
