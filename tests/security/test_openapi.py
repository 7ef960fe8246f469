"""The committed OpenAPI document: current, and kept by the service."""

from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from fastapi import FastAPI
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from starlette.testclient import TestClient

from config_api.commands import openapi_text
from tests.integration.config_api.documents import PREFIX

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
EXAMPLES = 3
# They reach out to databases, or never end.
SLOW = "/test$|/tables$|mappings/preview|schemas/infer|events/stream"
# A body may fit the document and still break a rule between its fields, which is a declared 422; and without a login
# nobody needs to be known.
LIMITS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def test_the_committed_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == openapi_text(), "python -m config_api openapi > docs/openapi.json"


def test_the_service_answers_as_the_document_says(app: FastAPI) -> None:
    with TestClient(app, base_url="http://api") as client:
        assert client.portal is not None
        client.portal.call(app.state.preparation.done.wait)
        schema = schemathesis.openapi.from_dict(app.openapi())
        operations = list(schema.exclude(path_regex=SLOW).get_all_operations())
        assert len(operations) > 40
        for found in operations:
            assert isinstance(found, Ok)
            ask(found.ok(), client)
        assert client.get(f"{PREFIX}/runs/").status_code == 200


def ask(operation: schemathesis.APIOperation[Any, Any, Any, Any], client: TestClient) -> None:
    def check(case: schemathesis.Case[Any]) -> None:
        sent = case.as_transport_kwargs(base_url="http://api")
        answer = client.request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            headers=dict(sent.get("headers") or {}),
            json=sent.get("json"),
            content=sent.get("data"),
        )
        case.validate_response(answer, excluded_checks=[positive_data_acceptance, ignored_auth])

    LIMITS(hypothesis.given(case=operation.as_strategy())(check))()
