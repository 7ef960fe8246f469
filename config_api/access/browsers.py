"""Without a login, a web page of somebody else's must not act through its visitor's browser."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from config_api.access.errors import Forbidden
from shared.settings import Settings


class BrowserRules:
    """Holds the names and pages that are served against CORS_ORIGINS."""

    def __init__(self, settings: Settings) -> None:
        self._origins = frozenset(settings.cors_origins)
        self._hosts = frozenset(urlsplit(origin).hostname for origin in settings.cors_origins)

    def check_host(self, headers: Headers) -> None:
        """Raise Forbidden for a host name that somebody could have made to point here."""
        host = _host_of(f"//{headers.get('host', '')}")
        if not (_is_local_name(host) or host in self._hosts):
            raise Forbidden("This host name is not served without a login", code="host_refused")

    def check_origin(self, headers: Headers) -> None:
        """Raise Forbidden for a page that is neither ours nor from here."""
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return
        if origin.partition("://")[2] != headers.get("host"):
            raise Forbidden("This web page is not let in", code="origin_refused")


@lru_cache(maxsize=256)  # the same few in every request
def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return "."


@lru_cache(maxsize=256)
def _is_local_name(host: str) -> bool:
    # A name without a dot cannot be registered by anybody, so it cannot be made to point here.
    if "." not in host and ":" not in host:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
