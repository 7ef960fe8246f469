"""Which paths there are, as the OpenAPI document has them: for slashes, OPTIONS and the labels of metrics."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

_FOUND = "known_route"
# The documents that log lines name, so that everything about one can be found.
_NAMED = ("mapping_id", "run_id")
_ID = re.compile(r"[0-9a-fA-F]{24}")
_PARAMETER = re.compile(r"\\\{[^}]+\\\}")


@dataclass(frozen=True)
class KnownRoute:
    template: str
    methods: frozenset[str]


class RouteTable:
    """Finds routes by path; whether the path ends with a slash makes no difference."""

    def __init__(self, paths: Mapping[str, frozenset[str]]) -> None:
        routes = [KnownRoute(template, methods) for template, methods in paths.items()]
        self._routes = tuple(routes)
        self._fixed = {_bare(route.template): route for route in routes if "{" not in route.template}
        # Only templates with as many parts as a path can be its own.
        self._patterns: defaultdict[int, list[tuple[re.Pattern[str], KnownRoute]]] = defaultdict(list)
        for route in routes:
            if "{" in route.template:
                pattern = re.compile(_PARAMETER.sub("[^/]+", re.escape(_bare(route.template))))
                self._patterns[_bare(route.template).count("/")].append((pattern, route))

    def operations(self) -> Iterator[tuple[str, str]]:
        """Yield the method and template of every route."""
        for route in self._routes:
            for method in sorted(route.methods):
                yield method, route.template

    def find(self, path: str) -> KnownRoute | None:
        """Return the route of a path, or None."""
        bare = _bare(path)
        if bare in self._fixed:
            return self._fixed[bare]
        candidates = self._patterns.get(bare.count("/"), ())
        return next((route for pattern, route in candidates if pattern.fullmatch(bare)), None)

    def of_scope(self, scope: Scope) -> KnownRoute | None:
        """Return the route of a request, which is looked for once."""
        state: dict[str, Any] = scope.setdefault("state", {})
        if _FOUND not in state:
            state[_FOUND] = self.find(scope["path"])
        found: KnownRoute | None = state[_FOUND]
        return found

    def ids_of(self, scope: Scope) -> dict[str, str]:
        """Return the ids of the mapping or run that a request is about."""
        found = self.of_scope(scope)
        if found is None or "{" not in found.template:
            return {}
        parts = zip(found.template.split("/"), scope["path"].split("/"), strict=False)
        return {
            name: part
            for place, part in parts
            if place.startswith("{") and (name := place.strip("{}")) in _NAMED and _ID.fullmatch(part)
        }


def canonical(path: str, route: KnownRoute | None) -> str:
    """Return the path with or without its last slash, as its route has it."""
    if route is None or path == "/":
        return path
    return f"{_bare(path)}/" if route.template.endswith("/") else _bare(path)


def _bare(path: str) -> str:
    return path.removesuffix("/") or "/"
