"""Which paths there are, as the OpenAPI document has them: for slashes, OPTIONS and the labels of metrics."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
        self._patterns = [
            (re.compile(_PARAMETER.sub("[^/]+", re.escape(_bare(route.template)))), route)
            for route in routes
            if "{" in route.template
        ]

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
        return next((route for pattern, route in self._patterns if pattern.fullmatch(bare)), None)

    def canonical(self, path: str) -> str:
        """Return the path with or without its last slash, as the route has it."""
        route = self.find(path)
        if route is None or path == "/":
            return path
        return f"{_bare(path)}/" if route.template.endswith("/") else _bare(path)


def _bare(path: str) -> str:
    return path.removesuffix("/") or "/"
