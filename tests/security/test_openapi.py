"""The committed OpenAPI document is current; that the service keeps it, test_schemathesis.py sees."""

from pathlib import Path

from config_api.commands import openapi_text

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_committed_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == openapi_text(), "python -m config_api openapi > docs/openapi.json"
