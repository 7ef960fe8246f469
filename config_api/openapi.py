"""What the OpenAPI document says about access: read off the table of permissions, not off the routes."""

from typing import Any

from fastapi import FastAPI

from config_api.access.permissions import Permissions
from config_api.problems import problem_responses

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token, or an API key"},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_TENANT = {
    "name": "X-Tenant-ID",
    "in": "header",
    "required": False,
    "description": "The tenant that an ADMIN acts in; its own by default",
    "schema": {"type": "string", "maxLength": 100},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body give the first answer again, for 24 hours",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
# How FastAPI would say that a parameter is at fault; here that is a problem like any other.
_FRAMEWORK_SHAPES = ("HTTPValidationError", "ValidationError")
_NOT_KEPT = ("/auth/", "/api-keys")


def describe_access(app: FastAPI, permissions: Permissions, prefix: str) -> None:
    """Have the app's document name the login, the tenant and the answers of those who are refused."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            document["components"]["securitySchemes"] = _SCHEMES
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    _describe(operation, permissions, method.upper(), path, prefix)
            for name in _FRAMEWORK_SHAPES:
                document["components"]["schemas"].pop(name, None)
        return make()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change the document


def _describe(
    operation: dict[str, Any], permissions: Permissions, method: str, path: str, prefix: str
) -> None:
    permission = permissions.find(method, path)
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
        _add_problems(responses, 422)
    parameters = operation.setdefault("parameters", [])
    if method == "POST" and not path.startswith(tuple(f"{prefix}{part}" for part in _NOT_KEPT)):
        parameters.append(_KEY)
        _add_problems(responses, 409, 422)
    _add_problems(responses, 403)
    if permission is None or permission.access == "public":
        return
    operation["security"] = [{name: []} for name in _SCHEMES]
    parameters.append(_TENANT)
    _add_problems(responses, 401, 404, 429, 503)


def _add_problems(responses: dict[str, Any], *statuses: int) -> None:
    schema = {"$ref": "#/components/schemas/Problem"}
    for status, declared in problem_responses(*statuses).items():
        content = {"application/problem+json": {"schema": schema}}
        responses.setdefault(str(status), {"description": declared["description"], "content": content})
