"""What endpoints ask for runs where they run."""

import inspect
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant

from config_api import health
from config_api.main import _ROUTERS, _routes_of


def all_dependants() -> Iterator[Dependant]:
    for router in (health.router, *_ROUTERS):
        waiting = [route.dependant for _, route in _routes_of(router, "")]
        while waiting:
            found = waiting.pop()
            yield found
            waiting += found.dependencies


def test_nothing_is_sent_to_a_thread() -> None:
    plain = {found.call for found in all_dependants() if not inspect.iscoroutinefunction(found.call)}
    assert plain == set(), "FastAPI runs plain functions in threads, which costs more than all that they do"
