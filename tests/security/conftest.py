"""The API without a login, as development runs it."""

from tests.integration.config_api.conftest import (
    api,
    app,
    client,
    database,
    kept_database,
    mongodb_database,
    settings,
)

__all__ = ["api", "app", "client", "database", "kept_database", "mongodb_database", "settings"]
