"""The router of a domain: says at once that a path is none of its own."""

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope


class DomainRouter(APIRouter):
    """Looks at its routes only when the path has its prefix in it: twenty domains are asked for each request."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a route of this domain has the path."""
        if self.prefix not in scope["path"]:
            return Match.NONE, {}
        return super().matches(scope)
