"""Every operation of a real service with a login, held against its document by every check of schemathesis."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from cryptography.fernet import Fernet
from fastapi import FastAPI
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth
from starlette.testclient import TestClient

from local_servers.installation import Installation
from tests.integration.config_api.documents import PREFIX

EXAMPLES = 2
ADMIN = "admin@example.com"
STREAM = f"{PREFIX}/events/stream"
# A body may fit the document and still break a rule between its fields, or name what does not exist.
TAKEN = ["2xx", "401", "403", "404", "409", "412", "422", "429"]
CHECKS = SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": TAKEN}}})
LIMITS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


class Operator:
    """An administrator of a service in production, who logs in as often as it takes."""

    def __init__(self, installation: Installation) -> None:
        self.api = installation.api
        self.password = secrets.token_hex(16)
        command = [sys.executable, "-m", "config_api", "create-admin", ADMIN]
        environment = installation.environment()
        subprocess.run(
            command, env=environment, input=self.password, text=True, check=True, capture_output=True
        )

    def headers(self) -> dict[str, str]:
        answer = self.api.post("/auth/login", {"email": ADMIN, "password": self.password})
        return {"Authorization": f"Bearer {answer['access_token']}"}


@pytest.fixture
def operator(
    mongodb_url: str, mongodb_database: str, sqlite_root: Path, tmp_path: Path
) -> Iterator[Operator]:
    settings = {
        "APP_ENV": "production",
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "MONGODB_URL": mongodb_url,
        "MONGODB_DB_NAME": mongodb_database,
        "SQLITE_ROOT": str(sqlite_root),
        "REQUESTS_PER_MINUTE": "1000000",
        "LOGINS_PER_MINUTE": "100000",
    }
    with Installation(tmp_path / "installation", settings) as installation:
        installation.start_api()
        yield Operator(installation)


@pytest.mark.timeout(600)
def test_every_operation_passes_every_check(operator: Operator) -> None:
    schema = schemathesis.openapi.from_url(f"{operator.api.url}/openapi.json", config=CHECKS)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == schema.statistic.operations.total > 75
    failures: dict[str, str] = {}
    for operation in operations:
        if operation.path != STREAM:
            # Each begins with a login of its own: some end it.
            failures |= ask(operation, operator.headers())
    assert failures == {}


def ask(operation: schemathesis.APIOperation[Any, Any, Any, Any], headers: dict[str, str]) -> dict[str, str]:
    failures: dict[str, str] = {}

    def check(case: schemathesis.Case[Any]) -> None:
        answer = case.call(headers=headers, timeout=30)
        case.validate_response(answer, headers=headers)

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        try:
            LIMITS(hypothesis.given(case=operation.as_strategy(generation_mode=mode))(check))()
        except BaseExceptionGroup as group:
            failures[f"{operation.label} ({mode.value})"] = "; ".join(str(one) for one in group.exceptions)
        except hypothesis.errors.Unsatisfiable:
            assert mode.is_negative, operation.label  # nothing in it can be wrong
    return failures


def test_the_stream_passes_every_check_that_does_not_wait_for_its_end(app: FastAPI) -> None:
    with TestClient(app, base_url="http://api") as client:
        assert client.portal is not None
        client.portal.call(app.state.preparation.done.wait)
        client.portal.call(app.state.draining.set)  # a stream of a stopping service ends at once
        schema = schemathesis.openapi.from_dict(app.openapi())
        answer = client.get(STREAM)
        assert answer.headers["content-type"].startswith("text/event-stream")
        case = schema[STREAM]["GET"].Case()
        case.validate_response(answer, excluded_checks=[ignored_auth])
