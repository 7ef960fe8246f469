"""Asks a service how it is."""

import http.client
import socket
import urllib.request

from operate.services import Service

_ANSWER_SECONDS = 5


def is_healthy(service: Service) -> bool:
    """Return whether the service answers 200 where it is asked for its health."""
    # Without proxies of the environment: the services are on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{service.url}{service.health_path}", timeout=_ANSWER_SECONDS) as response:
            return bool(response.status == http.client.OK)
    except (OSError, http.client.HTTPException):
        return False


def is_port_taken(service: Service) -> bool:
    """Return whether something listens where the service would."""
    family = socket.AF_INET6 if ":" in service.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((service.host, service.port))
        except OSError:
            return True
    return False
