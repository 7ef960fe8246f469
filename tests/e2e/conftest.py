"""The services as real processes: `installation` (API and an executor), `api`, `start_installation`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from local_servers.api_client import ApiClient
from local_servers.installation import Installation

StartInstallation: TypeAlias = Callable[..., Installation]

# Short waits, so that tests see in a second what takes an installation half a minute.
QUICK = {"POLL_SECONDS": "0.2", "LEASE_SECONDS": "3", "SHUTDOWN_GRACE_SECONDS": "5", "EXECUTOR_WORKERS": "2"}


@pytest.fixture
def start_installation(
    tmp_path: Path, mongodb_url: str, mongodb_database: str, sqlite_root: Path
) -> Iterator[StartInstallation]:
    """Make an installation in the test's folders, with settings; nothing in it is started yet."""
    made: list[Installation] = []

    def make(**settings: str) -> Installation:
        shared = {
            "MONGODB_URL": mongodb_url,
            "MONGODB_DB_NAME": mongodb_database,
            "SQLITE_ROOT": str(sqlite_root),
        }
        made.append(Installation(tmp_path / f"installation{len(made)}", {**shared, **QUICK, **settings}))
        return made[-1]

    yield make
    for installation in made:
        with installation:
            pass


@pytest.fixture
def installation(start_installation: StartInstallation) -> Installation:
    """One API and one executor, both healthy."""
    started = start_installation()
    started.start_api()
    started.start_executor()
    return started


@pytest.fixture
def api(installation: Installation) -> ApiClient:
    return installation.api
