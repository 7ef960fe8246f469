"""Who gets in without a login, and what refuses to start: every environment, host and key of docs/security.md."""

from itertools import product
from pathlib import Path

import pytest

from shared.settings import Settings, SettingsError

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
HOSTS = {
    **dict.fromkeys(("127.0.0.1", "127.8.9.1", "::1", "localhost"), True),
    **dict.fromkeys(("0.0.0.0", "::", "10.0.0.1", "192.168.1.5", "etl.example.org"), False),
}
MATRIX = list(
    product(("development", "staging", "production"), HOSTS, (False, True), (False, True), (False, True))
)


@pytest.mark.parametrize(("app_env", "host", "allowed", "has_jwt_key", "has_key"), MATRIX)
def test_each_place_is_open_or_has_a_login_or_does_not_start(
    tmp_path: Path, app_env: str, host: str, allowed: bool, has_jwt_key: bool, has_key: bool
) -> None:
    env = {"APP_ENV": app_env, "CONFIG_API_HOST": host, "DATA_DIR": str(tmp_path)}
    env |= {"ALLOW_NO_LOGIN": "1"} if allowed else {}
    env |= {"JWT_SECRET_KEY": "k" * 32} if has_jwt_key else {}
    env |= {"ENCRYPTION_KEY": KEY} if has_key else {}
    is_open = allowed or (app_env == "development" and HOSTS[host])
    lacks = {
        "JWT_SECRET_KEY": not is_open and not has_jwt_key,
        "ENCRYPTION_KEY": app_env != "development" and not has_key,
    }
    if any(lacks.values()):
        with pytest.raises(SettingsError) as refused:
            Settings.from_environment(env)
        faults = str(refused.value)
        assert {name: f"{name} is needed" in faults for name in lacks} == lacks
    else:
        assert Settings.from_environment(env).login_required is not is_open


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENTRY_DSN", "canary"),
        ("SENTRY_DSN", "https://canary.example.org/7"),
        ("SENTRY_DSN", "https://canary@example.org/"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "canary"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user@collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ],
)
def test_places_for_spans_and_reports_are_checked_at_the_start(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: value, "DATA_DIR": str(tmp_path)})
    assert f"{name} must be" in str(refused.value)
    assert "canary" not in str(refused.value)
